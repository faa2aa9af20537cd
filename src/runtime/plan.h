// The plan: everything that happens between clone3 and execve, as plain data. `prepare` makes
// it, the keeper's wire carries it, the child (child.cc) interprets it. A plan is an array of
// typed steps over two tables: strings, and descriptors that travel beside it. Order is data,
// so it is decided and tested in one place (prepare.cc), not spread over a child's code.
//
// Slots: a step names a descriptor by its index. Indexes [0, fd_count) are the descriptors
// passed with the plan, [fd_count, fd_count + scratch_count) are made by steps of the child.
// Thread rule: plain values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace wherry::runtime {

inline constexpr std::uint32_t kNone = 0xffffffff;
inline constexpr std::size_t kMaximumPlanBytes = 4U << 20;
inline constexpr std::size_t kMaximumPlanSteps = 8192;
inline constexpr std::size_t kMaximumPlanStrings = 65536;
inline constexpr std::size_t kMaximumPlanFds = 4096;
inline constexpr std::size_t kMaximumScratchSlots = 256;
inline constexpr std::size_t kMaximumHookWords = 512;  // of one hook: args and env together
inline constexpr std::size_t kMaximumMaskBits = 1024;  // of processors, of memory nodes
inline constexpr std::size_t kMaximumGroups = 65536;  // NGROUPS_MAX

// fd, text, text2 and a..c are used as the comment says; all others stay at their defaults.
enum class StepKind : std::uint32_t {
  JoinNamespaces = 1,  // fd: pidfd or nsfs file; a: CLONE_NEW* flags
  JoinCgroup,          // fd: tasks of a v1 cgroup, open for writing
  Unshare,             // a: CLONE_NEW* flags
  NewSession,          // setsid(2)
  SetHostname,         // text
  SetDomainname,       // text
  SetPropagation,      // a: MS_PRIVATE or MS_SLAVE, for every mount of the namespace
  AttachToOldRoot,     // fd: detached mount; text: a path of the launcher's root
  UseRoot,             // fd: directory below which later targets are resolved; kNone: "/"
  NewMount,            // text: type; text2: first of b strings "key=value" or "flag"; a: MOUNT_ATTR_*; fd: slot
  Attach,              // fd: mount; text: target; a: AttachFlag
  ChangeMount,         // fd: mount; a: attributes to set; b: propagation; c: 1 recursive
  Mask,                // text: path; fd: mask mount holding "null" and "empty"
  MakeReadOnly,        // text: path; a missing one is skipped
  WriteProc,           // fd: procfs; text: file below it; text2: value; a: 1 EACCES is no failure
  WriteProcSelf,       // fd: procfs; text: file below this process' directory; text2; a
  MakeDirectory,       // text: directory below the root, made where it is missing
  PivotRoot,           // fd: the attached root; the old root is gone afterwards
  NewKeyring,          // an anonymous session keyring
  SetRlimit,           // a: RLIMIT_*; b: soft; c: hard
  SetIoPriority,       // a: ioprio_set(2)'s value
  SetNice,             // a: nice value as two's complement
  OpenTerminal,        // fd: devpts mount; a: rows; b: columns; c: owner uid, | kTakenLater
  AttachConsole,       // text: /dev/console; needs OpenTerminal
  SetStdio,            // the launcher's Stdio to 0, 1, 2; with OpenTerminal, the pty
  OwnStdio,            // a: uid; gives pipes and ttys of 0..2 to the user; b: kPipesOnly, or 0
  EnterDirectory,      // text: working directory; checked by getcwd
  SetUmask,            // a
  ResetSignals,        // every handler default, nothing blocked
  KeepBounding,        // a: capabilities that stay in the bounding set
  SetUser,             // a: uid; b: gid; groups of the plan; permitted capabilities are kept
  FindProgram,         // args[0] by PATH of the environment, with the user's rights
  SetNoNewPrivileges,
  LoadSeccomp,         // the plan's filter; a: SECCOMP_FILTER_FLAG_*
  SetCapabilities,     // a: effective; b: permitted; c: inheritable
  SetAmbient,          // a: capabilities
  Ready,               // tells the launcher
  WaitForGo,           // fd: where a byte is awaited; kNone: the channel
  KeepFds,             // a: count of inherited descriptors after 2 that exec keeps
  Execute,
  MakeNode,            // text: name; a: mode with type; b: device; c: uid << 32 | gid; fd: directory, kNone: a path
  MakeLink,            // fd: directory; text: name; text2: target
  AwaitLauncher,       // until it says Go; a: 1 tells it that we wait (hooks), 0 not (it knows)
  BecomeRoot,          // of a user namespace whose maps are written
  RunHook,             // text: path, state before and behind the pid, a args, b env; text2: its directory, or
                       //   kNone; c: seconds, 0: no limit
  SetScheduler,        // a: policy, flags << 8, period << 16; b, c: runtime and deadline, or nice and priority
  SetAffinity,         // text: processors as hexadecimal digits, the first of bits 0 to 3
  SetMemoryPolicy,     // a: mode and flags; text: nodes in the same form, or kNone
  SetPersonality,      // a: personality(2)'s value
  CopyUp,              // fd: a tmpfs not yet attached; text: what it will cover; a: 1 its owner too
  EnterPidNamespace,   // the joined or new one, by a process of its own that does the steps from here on
  TakeTerminal,        // of fd 0, as the controlling one of the session
  RaiseLoopback,       // of a new network namespace
  BindNode,            // fd: attached mount of ours; text: path; text2: the name in that mount
};
inline constexpr std::uint32_t kLastStepKind = static_cast<std::uint32_t>(StepKind::BindNode);

enum AttachFlag : std::uint64_t {
  kTargetIsFile = 1,      // make a file, not a directory, where the target is missing
  kTargetNoSymlinks = 2,  // refuse a symlink anywhere in the target (proc, sysfs, console)
};

// Of OwnStdio by the host's root, who could give away every file.
inline constexpr std::uint64_t kPipesOnly = 1;
// Of OpenTerminal: TakeTerminal makes it the controlling one.
inline constexpr std::uint64_t kTakenLater = std::uint64_t{1} << 32;

struct Step {
  StepKind kind{};
  std::uint32_t fd = kNone;
  std::uint32_t text = kNone;
  std::uint32_t text2 = kNone;
  std::uint64_t a = 0;
  std::uint64_t b = 0;
  std::uint64_t c = 0;
  bool operator==(const Step&) const = default;
};

struct Plan {
  std::uint64_t clone_flags = 0;          // CLONE_NEW* of clone3
  std::uint32_t cgroup = kNone;           // slot for CLONE_INTO_CGROUP
  std::uint32_t pid_namespace = kNone;    // slot: the launcher joins it around the clone
  std::uint32_t go = kNone;               // slots that replace the channel after Ready: see
  std::uint32_t late_report = kNone;      //   launch.h, "detached start"
  std::uint32_t scratch_count = 0;
  bool terminal = false;
  std::vector<Step> steps;
  std::vector<std::string> strings;  // no NUL inside
  std::vector<std::string> args;
  std::vector<std::string> env;
  std::vector<std::uint32_t> groups;
  std::string seccomp;  // struct sock_filter[]
  bool operator==(const Plan&) const = default;

  // Appends, and gives the index.
  std::uint32_t add_string(std::string text);
  [[nodiscard]] bool has(StepKind kind) const;
};

// A versioned byte form of fixed little-endian fields (docs/formats/plan.md).
std::string encode(const Plan& plan);
// Treats `bytes` as hostile: every count, index and kind is checked against the tables and
// `fd_count`, so that the child never looks outside of them. InvalidArgument otherwise.
Result<Plan> decode(std::string_view bytes, std::size_t fd_count);
// The same checks on a plan that was built, not decoded.
Result<> validate(const Plan& plan, std::size_t fd_count);

std::string_view name_of(StepKind kind);

}  // namespace wherry::runtime
