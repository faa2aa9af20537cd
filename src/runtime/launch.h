// clone3 and the conversation with the child.
//
//   child                          launcher (keeper, wherry-runtime)
//   PtyMaster + fd       ->        (only with Plan::terminal)
//   Waiting              ->        (only with hooks) runs those of its side
//                        <-        Go
//   Born + pid           ->        (only with EnterPidNamespace) the child ends, its own child goes on,
//                                  whose words may overtake this one: Newborn
//   Listener + number    ->        (only with a seccomp listener) takes it from the child's table
//                        <-        Go
//   Ready                ->        writes its record
//                        <-        Go
//   exec: the channel closes       end of file: the program runs
//   Failed               ->        at any moment; the child has ended
// End of file before Go ends the child; one before Ready means that it died without a word.
//
// Detached start (`wherry-runtime create`, whose process ends before `start`): Plan::go is a
// FIFO from which the child reads Go, Plan::late_report one to which it writes Failed; both
// replace the channel after Ready.
// Thread rule: launch() from one thread at a time (joining a pid namespace changes the caller).
#pragma once

#include <sched.h>
#include <signal.h>
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "runtime/plan.h"
#include "sys/fd.h"
#include "sys/pidfd.h"

namespace wherry::runtime {

// Become 0, 1, 2 of the program; all three are needed, none with a
// terminal.
struct Stdio {
  sys::Fd in;
  sys::Fd out;
  sys::Fd err;
};

struct Launch {
  pid_t pid = 0;
  sys::Pidfd pidfd;
  sys::Fd channel;  // SOCK_SEQPACKET
  sys::Pidfd former;  // the first child, which has given way to `pid`: it ends, and must be reaped
};

// What EnterPidNamespace asks of clone(2): the new process is its launcher's child.
inline constexpr unsigned long kBirthFlags = CLONE_PARENT | SIGCHLD;

// Clones at once and returns; nothing is awaited. `fds` and `stdio` are closed on return. The
// caller is the child's parent and must reap it. Aborts the process if it joined a container's
// pid namespace and cannot go back.
Result<Launch> launch(const Plan& plan, std::vector<sys::Fd> fds, Stdio stdio);

// The fixed-size words of the child.
enum class Say : std::uint32_t { Ready = 1, PtyMaster, Failed, Go, Waiting, Born, Listener };
struct Failure {
  StepKind step{};
  std::uint32_t index = 0;  // of the step in the plan; of Born the pid, of Listener the number
  int errno_value = 0;
};
struct Word {
  Say say{};
  Failure failure;
};

enum class ReportKind : std::uint8_t { Ready, PtyMaster, Failed, Closed, Waiting, Born, Listener };
struct Report {
  ReportKind kind = ReportKind::Closed;
  sys::Fd pty;      // with PtyMaster
  Failure failure;  // with Failed
  pid_t pid = 0;    // with Born
  int number = -1;  // with Listener: of the descriptor, in the child's table
  pid_t sender = 0; // of a plan with EnterPidNamespace: who said it, as the kernel knows
};

// One message; blocks unless `flags` has MSG_DONTWAIT (then Error with errno_value() EAGAIN).
Result<Report> read_report(const sys::Fd& channel, int flags = 0);
Result<> say_go(const sys::Fd& channel);
// The seccomp listener of a child that has said Listener. It waits for Go.
Result<sys::Fd> take_listener(const sys::Pidfd& child, int number);

// The change of process of a plan with EnterPidNamespace. A container may have got hold of the channel
// and say what it likes: believed are the first child, and whom it names, if that is a child of ours.
class Newborn {
 public:
  explicit Newborn(const Plan& plan) : awaited_(plan.has(StepKind::EnterPidNamespace)) {}
  [[nodiscard]] bool awaited() const { return awaited_; }
  // True for a word that is not `parent`'s while Born is to come: the first is kept.
  bool keeps(Report& report, pid_t parent);
  // The process that Born names; `parent`, which ends, must be reaped.
  Result<sys::Pidfd> meet(const Report& born, pid_t parent);
  // What was kept, once.
  std::optional<Report> take_kept() { return std::exchange(kept_, std::nullopt); }

 private:
  bool awaited_;
  std::optional<Report> kept_;
};

// The failure in docker's words, without the "failed to create task for container" prefix:
// `unable to start container process: error during container init: exec: "x": executable file
// not found in $PATH`. NotFound for a program that is not there (exit code 127), Forbidden for
// one that may not run (126), Internal otherwise.
Error describe(const Plan& plan, const Failure& failure);

}  // namespace wherry::runtime
