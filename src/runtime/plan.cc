#include "runtime/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace wherry::runtime {
namespace {

enum Needs : std::uint8_t { kFd = 1, kScratch = 2, kText = 4, kText2 = 8, kOptionalFd = 16, kMask = 32 };

struct KindRow {
  StepKind kind;
  std::uint8_t needs;
  std::string_view name;
};

constexpr std::array kKinds{
    KindRow{StepKind::JoinNamespaces, kFd, "join namespaces"},
    KindRow{StepKind::JoinCgroup, kFd, "join cgroup"},
    KindRow{StepKind::Unshare, 0, "unshare namespaces"},
    KindRow{StepKind::NewSession, 0, "start session"},
    KindRow{StepKind::SetHostname, kText, "set hostname"},
    KindRow{StepKind::SetDomainname, kText, "set domainname"},
    KindRow{StepKind::SetPropagation, 0, "set mount propagation"},
    KindRow{StepKind::AttachToOldRoot, kFd | kText, "attach root file system"},
    KindRow{StepKind::UseRoot, kOptionalFd, "open root"},
    KindRow{StepKind::NewMount, kFd | kScratch | kText, "create file system"},
    KindRow{StepKind::Attach, kFd | kText, "mount"},
    KindRow{StepKind::ChangeMount, kFd, "change mount attributes"},
    KindRow{StepKind::Mask, kFd | kText, "mask path"},
    KindRow{StepKind::MakeReadOnly, kText, "make path read-only"},
    KindRow{StepKind::WriteProc, kFd | kText | kText2, "write to procfs"},
    KindRow{StepKind::WriteProcSelf, kFd | kText | kText2, "write to procfs"},
    KindRow{StepKind::MakeDirectory, kText, "make directory"},
    KindRow{StepKind::PivotRoot, kFd, "pivot_root"},
    KindRow{StepKind::NewKeyring, 0, "create session keyring"},
    KindRow{StepKind::SetRlimit, 0, "set rlimit"},
    KindRow{StepKind::SetIoPriority, 0, "set io priority"},
    KindRow{StepKind::SetNice, 0, "set nice value"},
    KindRow{StepKind::OpenTerminal, kOptionalFd, "open terminal"},
    KindRow{StepKind::AttachConsole, kText, "mount console"},
    KindRow{StepKind::SetStdio, 0, "set standard streams"},
    KindRow{StepKind::OwnStdio, 0, "change owner of standard streams"},
    KindRow{StepKind::EnterDirectory, kText, "chdir to cwd"},
    KindRow{StepKind::SetUmask, 0, "set umask"},
    KindRow{StepKind::ResetSignals, 0, "reset signals"},
    KindRow{StepKind::KeepBounding, 0, "drop bounding capabilities"},
    KindRow{StepKind::SetUser, 0, "set user"},
    KindRow{StepKind::FindProgram, 0, "find program"},
    KindRow{StepKind::SetNoNewPrivileges, 0, "set no_new_privs"},
    KindRow{StepKind::LoadSeccomp, 0, "load seccomp filter"},
    KindRow{StepKind::SetCapabilities, 0, "set capabilities"},
    KindRow{StepKind::SetAmbient, 0, "set ambient capabilities"},
    KindRow{StepKind::Ready, 0, "report ready"},
    KindRow{StepKind::WaitForGo, kOptionalFd, "wait for start"},
    KindRow{StepKind::KeepFds, 0, "close descriptors"},
    KindRow{StepKind::Execute, 0, "exec"},
    KindRow{StepKind::MakeNode, kOptionalFd | kText, "create device"},
    KindRow{StepKind::MakeLink, kFd | kText | kText2, "create link"},
    KindRow{StepKind::AwaitLauncher, 0, "wait for the launcher"},
    KindRow{StepKind::BecomeRoot, 0, "become root of the user namespace"},
    KindRow{StepKind::RunHook, kText, "run hook"},
    KindRow{StepKind::SetScheduler, 0, "set scheduler"},
    KindRow{StepKind::SetAffinity, kText | kMask, "set processors"},
    KindRow{StepKind::SetMemoryPolicy, kMask, "set memory policy"},
    KindRow{StepKind::SetPersonality, 0, "set personality"},
    KindRow{StepKind::CopyUp, kFd | kText, "copy into tmpfs"},
    KindRow{StepKind::EnterPidNamespace, 0, "enter pid namespace"},
    KindRow{StepKind::TakeTerminal, 0, "take terminal"},
    KindRow{StepKind::RaiseLoopback, 0, "set loopback up"},
    KindRow{StepKind::BindNode, kFd | kText | kText2, "create device"},
};
static_assert(kKinds.size() == kLastStepKind);

const KindRow* find_kind(StepKind kind) {
  const auto number = static_cast<std::uint32_t>(kind);
  return number == 0 || number > kLastStepKind ? nullptr : &kKinds[number - 1];
}

constexpr std::string_view kMagic = "WHRYPLN1";
constexpr std::uint64_t kMaximumKeptFds = 1024;
constexpr std::uint64_t kMaximumHookSeconds = 2000000;  // as milliseconds below INT_MAX
constexpr std::size_t kMaximumFilterBytes = 4096 * 8;  // BPF_MAXINSNS

class Writer {
 public:
  void number(std::uint64_t value, std::size_t width) {
    for (std::size_t i = 0; i < width; ++i)
      bytes_.push_back(static_cast<char>(value >> (8 * i) & 0xff));
  }
  void u32(std::uint32_t value) { number(value, 4); }
  void u64(std::uint64_t value) { number(value, 8); }
  void text(std::string_view value) {
    u32(static_cast<std::uint32_t>(value.size()));
    bytes_ += value;
  }
  void list(const std::vector<std::string>& values) {
    u32(static_cast<std::uint32_t>(values.size()));
    for (const std::string& value : values) text(value);
  }
  void raw(std::string_view value) { bytes_ += value; }
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

// Reads within bounds; after the first short read every value is zero and `ok` is false.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}
  std::string_view raw(std::size_t count) {
    if (count > bytes_.size()) {
      ok_ = false;
      return {};
    }
    const std::string_view piece = bytes_.substr(0, count);
    bytes_.remove_prefix(count);
    return piece;
  }
  std::uint64_t number(std::size_t width) {
    const std::string_view piece = raw(width);
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < piece.size(); ++i)
      value |= static_cast<std::uint64_t>(static_cast<unsigned char>(piece[i])) << (8 * i);
    return value;
  }
  std::uint32_t u32() { return static_cast<std::uint32_t>(number(4)); }
  std::uint64_t u64() { return number(8); }
  std::string text() { return std::string(raw(u32())); }
  // A count of elements of at least `width` bytes each: more than fit are refused before
  // anything is allocated.
  std::uint32_t count(std::size_t limit, std::size_t width) {
    const std::uint32_t value = u32();
    if (value > limit || value > bytes_.size() / width) ok_ = false;
    return ok_ ? value : 0;
  }
  std::vector<std::string> list() {
    std::vector<std::string> values(count(kMaximumPlanStrings, 4));
    for (std::string& value : values) value = text();
    return values;
  }
  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] bool at_end() const { return bytes_.empty(); }

 private:
  std::string_view bytes_;
  bool ok_ = true;
};

constexpr std::size_t kStepBytes = 4 * 4 + 3 * 8;

void write_step(Writer& out, const Step& step) {
  out.u32(static_cast<std::uint32_t>(step.kind));
  for (const std::uint32_t field : {step.fd, step.text, step.text2}) out.u32(field);
  for (const std::uint64_t field : {step.a, step.b, step.c}) out.u64(field);
}

Step read_step(Reader& in) {
  Step step;
  step.kind = static_cast<StepKind>(in.u32());
  for (std::uint32_t* field : {&step.fd, &step.text, &step.text2}) *field = in.u32();
  for (std::uint64_t* field : {&step.a, &step.b, &step.c}) *field = in.u64();
  return step;
}

bool holds_nul(const std::vector<std::string>& strings) {
  for (const std::string& text : strings)
    if (text.find('\0') != std::string::npos) return true;
  return false;
}

Result<> check_fd(const Plan& plan, const Step& step, const KindRow& row, std::size_t fd_count) {
  const bool wanted = (row.needs & (kFd | kOptionalFd)) != 0;
  if (step.fd == kNone && (row.needs & kFd) == 0) return {};
  if (!wanted) return Error::invalid("descriptor where none belongs");
  if (step.fd >= fd_count + plan.scratch_count) return Error::invalid("descriptor out of range");
  if ((row.needs & kScratch) != 0 && step.fd < fd_count)
    return Error::invalid("result would replace a passed descriptor");
  return {};
}

Result<> check_mask(const Plan& plan, std::uint32_t index) {
  if (index == kNone) return {};
  if (index >= plan.strings.size()) return Error::invalid("mask out of range");
  const std::string& digits = plan.strings[index];
  if (digits.size() > kMaximumMaskBits / 4 || digits.find_first_not_of("0123456789abcdef") != std::string::npos)
    return Error::invalid("not a mask");
  return {};
}

Result<> check_texts(const Plan& plan, const Step& step, const KindRow& row) {
  const std::size_t count = plan.strings.size();
  if ((row.needs & kText) != 0 && step.text >= count)
    return Error::invalid("string out of range");
  if ((row.needs & kText2) != 0 && step.text2 >= count)
    return Error::invalid("second string out of range");
  if ((row.needs & kMask) != 0) TRY(check_mask(plan, step.text));
  if (step.kind == StepKind::NewMount && step.b != 0 &&
      (step.text2 >= count || step.b > count - step.text2))
    return Error::invalid("options out of range");
  if (step.kind == StepKind::RunHook) {
    if (step.a > kMaximumHookWords || step.b > kMaximumHookWords - step.a)
      return Error::invalid("too many words of a hook");
    if (step.a + step.b + 3 > count - step.text) return Error::invalid("hook out of range");
    if (step.text2 != kNone && step.text2 >= count) return Error::invalid("directory of a hook out of range");
    if (step.c > kMaximumHookSeconds) return Error::invalid("hook timeout out of range");
  }
  if (step.kind == StepKind::KeepFds && step.a > kMaximumKeptFds)
    return Error::invalid("too many kept descriptors");
  return {};
}

Result<> check_tables(const Plan& plan, std::size_t fd_count) {
  if (fd_count > kMaximumPlanFds || plan.scratch_count > kMaximumScratchSlots)
    return Error::invalid("too many descriptors");
  if (plan.steps.empty() || plan.steps.size() > kMaximumPlanSteps)
    return Error::invalid("no or too many steps");
  if (plan.args.empty()) return Error::invalid("no program");
  if (plan.groups.size() > kMaximumGroups) return Error::invalid("too many groups");
  if (plan.seccomp.size() % 8 != 0 || plan.seccomp.size() > kMaximumFilterBytes)
    return Error::invalid("filter of a wrong size");
  if (holds_nul(plan.strings) || holds_nul(plan.args) || holds_nul(plan.env))
    return Error::invalid("string with a NUL inside");
  for (const std::uint32_t slot : {plan.cgroup, plan.pid_namespace, plan.go, plan.late_report})
    if (slot != kNone && slot >= fd_count) return Error::invalid("descriptor out of range");
  return {};
}

Result<> check_step(const Plan& plan, const Step& step, std::size_t fd_count) {
  const KindRow* row = find_kind(step.kind);
  if (row == nullptr)
    return Error::invalid(fmt::format("unknown kind {}", static_cast<std::uint32_t>(step.kind)));
  TRY(check_fd(plan, step, *row, fd_count));
  return check_texts(plan, step, *row);
}

}  // namespace

std::uint32_t Plan::add_string(std::string text) {
  strings.push_back(std::move(text));
  return static_cast<std::uint32_t>(strings.size() - 1);
}

bool Plan::has(StepKind kind) const { return std::ranges::find(steps, kind, &Step::kind) != steps.end(); }

std::string_view name_of(StepKind kind) {
  const KindRow* row = find_kind(kind);
  return row == nullptr ? "unknown step" : row->name;
}

Result<> validate(const Plan& plan, std::size_t fd_count) {
  TRY_AS("plan", check_tables(plan, fd_count));
  for (std::size_t i = 0; i < plan.steps.size(); ++i)
    TRY_AS(fmt::format("plan: step {}", i), check_step(plan, plan.steps[i], fd_count));
  return {};
}

std::string encode(const Plan& plan) {
  Writer out;
  out.raw(kMagic);
  out.u64(plan.clone_flags);
  for (const std::uint32_t field : {plan.cgroup, plan.pid_namespace, plan.go, plan.late_report,
                                    plan.scratch_count, plan.terminal ? 1U : 0U})
    out.u32(field);
  out.u32(static_cast<std::uint32_t>(plan.steps.size()));
  for (const Step& step : plan.steps) write_step(out, step);
  out.list(plan.strings);
  out.list(plan.args);
  out.list(plan.env);
  out.u32(static_cast<std::uint32_t>(plan.groups.size()));
  for (const std::uint32_t group : plan.groups) out.u32(group);
  out.text(plan.seccomp);
  return out.take();
}

Result<Plan> decode(std::string_view bytes, std::size_t fd_count) {
  if (bytes.size() > kMaximumPlanBytes) return Error::invalid("plan: larger than 4 MiB");
  Reader in(bytes);
  if (in.raw(kMagic.size()) != kMagic) return Error::invalid("plan: not a plan of this version");
  Plan plan;
  plan.clone_flags = in.u64();
  for (std::uint32_t* field : {&plan.cgroup, &plan.pid_namespace, &plan.go, &plan.late_report,
                               &plan.scratch_count})
    *field = in.u32();
  plan.terminal = in.u32() != 0;
  plan.steps.resize(in.count(kMaximumPlanSteps, kStepBytes));
  for (Step& step : plan.steps) step = read_step(in);
  plan.strings = in.list();
  plan.args = in.list();
  plan.env = in.list();
  plan.groups.resize(in.count(kMaximumGroups, 4));
  for (std::uint32_t& group : plan.groups) group = in.u32();
  plan.seccomp = in.text();
  if (!in.ok() || !in.at_end()) return Error::invalid("plan: cut short or too long");
  TRY(validate(plan, fd_count));
  return plan;
}

}  // namespace wherry::runtime
