#include "runtime/process_plan.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/strings.h"
#include "runtime/launch.h"
#include "runtime/policy_words.h"
#include "runtime/seccomp.h"
#include "sys/capability.h"
#include "sys/fd.h"

namespace wherry::runtime {
namespace {

using spec::oci::Process;

#if defined(__x86_64__)
constexpr std::uint32_t kOwnArch = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t kOwnArch = AUDIT_ARCH_AARCH64;
#endif

struct LimitRow {
  std::string_view name;
  int resource;
};
constexpr std::array kLimits{
    LimitRow{"RLIMIT_AS", RLIMIT_AS},           LimitRow{"RLIMIT_CORE", RLIMIT_CORE},
    LimitRow{"RLIMIT_CPU", RLIMIT_CPU},         LimitRow{"RLIMIT_DATA", RLIMIT_DATA},
    LimitRow{"RLIMIT_FSIZE", RLIMIT_FSIZE},     LimitRow{"RLIMIT_LOCKS", RLIMIT_LOCKS},
    LimitRow{"RLIMIT_MEMLOCK", RLIMIT_MEMLOCK}, LimitRow{"RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE},
    LimitRow{"RLIMIT_NICE", RLIMIT_NICE},       LimitRow{"RLIMIT_NOFILE", RLIMIT_NOFILE},
    LimitRow{"RLIMIT_NPROC", RLIMIT_NPROC},     LimitRow{"RLIMIT_RSS", RLIMIT_RSS},
    LimitRow{"RLIMIT_RTPRIO", RLIMIT_RTPRIO},   LimitRow{"RLIMIT_RTTIME", RLIMIT_RTTIME},
    LimitRow{"RLIMIT_SIGPENDING", RLIMIT_SIGPENDING},
    LimitRow{"RLIMIT_STACK", RLIMIT_STACK},
};

bool may_raise_limits() {
  const auto own = sys::own_capabilities();
  return own && (own->permitted >> CAP_SYS_RESOURCE & 1) != 0;
}

// What a hard limit may be set to: without CAP_SYS_RESOURCE it can only go down, and nobody
// gets more descriptors than fs.nr_open.
Result<std::uint64_t> highest_limit(const LimitRow& row, bool own_user_namespace) {
  rlimit own{};
  if (::getrlimit(static_cast<__rlimit_resource>(row.resource), &own) < 0)
    return Error::from_errno(errno, fmt::format("read {}", row.name));
  if (own_user_namespace || !may_raise_limits()) return own.rlim_max;
  if (row.resource != RLIMIT_NOFILE) return RLIM_INFINITY;
  const auto text = sys::read_file("/proc/sys/fs/nr_open");
  const auto descriptors = text ? parse_u64(trim(*text)) : std::nullopt;
  return descriptors.value_or(own.rlim_max);
}

Result<> add_rlimit(const spec::oci::Rlimit& limit, const ProcessRequest& request, PlanBuilder& builder,
                    std::vector<std::string>& warnings) {
  const auto row = std::ranges::find(kLimits, limit.type, &LimitRow::name);
  if (row == kLimits.end())
    return Error::invalid(fmt::format("unknown rlimit {}", quote(limit.type)));
  if (limit.soft > limit.hard)
    return Error::invalid(fmt::format("{}: soft limit is above the hard one", limit.type));
  const std::uint64_t highest = TRY(highest_limit(*row, request.own_user_namespace));
  const std::uint64_t hard = std::min(limit.hard, highest);
  if (hard < limit.hard)
    warnings.push_back(fmt::format("{} cannot be raised to {} here, {} is used", limit.type,
                                   limit.hard, hard));
  builder.add({.kind = StepKind::SetRlimit,
               .a = static_cast<std::uint64_t>(row->resource),
               .b = std::min(limit.soft, hard),
               .c = hard});
  return {};
}

// Names -> bits, without those that this process cannot pass on.
Result<sys::CapabilitySet> capability_set(const std::vector<std::string>& names,
                                          sys::CapabilitySet held) {
  sys::CapabilitySet set = 0;
  for (const std::string& name : names) {
    const auto number = sys::capability_number(name);
    if (!number) return Error::invalid(fmt::format("unknown capability {}", quote(name)));
    set |= sys::CapabilitySet{1} << *number;
  }
  return set & held;
}

struct CapabilityBits {
  sys::CapabilitySet bounding = 0;
  sys::CapabilitySet effective = 0;
  sys::CapabilitySet permitted = 0;
  sys::CapabilitySet inheritable = 0;
  sys::CapabilitySet ambient = 0;
};

Result<CapabilityBits> capability_bits(const Process& process,
                                       std::vector<std::string>& warnings) {
  const spec::oci::Capabilities wanted = process.capabilities.value_or(spec::oci::Capabilities{});
  const sys::OwnCapabilities own = TRY(sys::own_capabilities());
  CapabilityBits bits;
  const sys::CapabilitySet asked = TRY(capability_set(wanted.bounding, ~sys::CapabilitySet{0}));
  bits.bounding = asked & own.bounding;
  bits.permitted = TRY(capability_set(wanted.permitted, own.permitted));
  bits.effective = TRY(capability_set(wanted.effective, bits.permitted));
  // Not a part of the permitted ones: what a program file may add to them.
  bits.inheritable = TRY(capability_set(wanted.inheritable, own.permitted & bits.bounding));
  bits.ambient = TRY(capability_set(wanted.ambient, bits.permitted & bits.inheritable));
  const auto missing = sys::capability_names(asked & ~own.bounding);
  if (!missing.empty())
    warnings.push_back(fmt::format("capabilities not available here: {}", join(missing, ", ")));
  return bits;
}

Result<std::uint64_t> io_priority_of(const spec::oci::IoPriority& priority) {
  static constexpr std::array<std::string_view, 4> kClasses{
      "IOPRIO_CLASS_NONE", "IOPRIO_CLASS_RT", "IOPRIO_CLASS_BE", "IOPRIO_CLASS_IDLE"};
  const auto found = std::ranges::find(kClasses, priority.policy);
  if (found == kClasses.end() || priority.priority < 0 || priority.priority > 7)
    return Error::invalid(fmt::format("ioPriority {} {}", priority.policy, priority.priority));
  const auto number = static_cast<std::uint64_t>(found - kClasses.begin());
  return number << 13 | static_cast<std::uint64_t>(priority.priority);
}

// A score below our own needs CAP_SYS_RESOURCE: the nearest that the kernel grants is ours.
std::int64_t granted_score(std::int64_t wanted, std::vector<std::string>& warnings) {
  const auto text = sys::read_file("/proc/self/oom_score_adj");
  const auto own = text ? parse_i64(trim(*text)) : std::optional<std::int64_t>();
  if (!own || wanted >= *own || may_raise_limits()) return wanted;
  warnings.push_back(fmt::format("oom_score_adj {} cannot be set here, {} is used", wanted, *own));
  return *own;
}

void plan_proc_self(PlanBuilder& builder, std::uint32_t proc, const char* file,
                    const std::string& value) {
  builder.add({.kind = StepKind::WriteProcSelf,
               .fd = proc,
               .text = builder.text(file),
               .text2 = builder.text(value)});
}

// A host without that LSM has nothing a label or profile could mean to: a warning, as elsewhere
// when a host lacks what would be limited.
Result<> plan_lsm(const ProcessRequest& request, PlanBuilder& builder,
                  std::vector<std::string>& warnings) {
  const Process& process = *request.process;
  if (!process.selinux_label.empty() && ::access("/sys/fs/selinux/enforce", F_OK) == 0)
    return Error(ErrorKind::Unsupported, "SELinux labels are not supported");
  if (!process.selinux_label.empty())
    warnings.emplace_back("process.selinuxLabel has no effect: SELinux is not enabled on this host");
  if (process.apparmor_profile.empty() || process.apparmor_profile == "unconfined") return {};
  if (::access("/sys/module/apparmor/parameters/enabled", F_OK) != 0) {
    warnings.push_back(fmt::format(
        "AppArmor profile {} has no effect: AppArmor is not enabled on this host", quote(process.apparmor_profile)));
    return {};
  }
  // "attr/apparmor/exec" since Linux 5.8; the plain name belongs to the first LSM.
  const bool own_directory = ::access("/proc/self/attr/apparmor/exec", F_OK) == 0;
  plan_proc_self(builder, request.proc, own_directory ? "attr/apparmor/exec" : "attr/exec",
                 "exec " + process.apparmor_profile);
  return {};
}

void plan_seccomp(const ProcessRequest& request, PlanBuilder& builder) {
  if (request.filter == nullptr) return;
  builder.plan().seccomp = request.filter->program;
  builder.add({.kind = StepKind::LoadSeccomp, .a = request.filter->flags});
}

void plan_capabilities(const CapabilityBits& bits, PlanBuilder& builder) {
  builder.add({.kind = StepKind::SetCapabilities,
               .a = bits.effective,
               .b = bits.permitted,
               .c = bits.inheritable});
  if (bits.ambient != 0) builder.add({.kind = StepKind::SetAmbient, .a = bits.ambient});
}

// Of a session of its own, whose leader its parent cannot be for it.
void plan_birth(const ProcessRequest& request, PlanBuilder& builder) {
  if (!request.born_late) return;
  builder.add(StepKind::EnterPidNamespace);
  builder.add(StepKind::NewSession);
  if (request.process->terminal) builder.add(StepKind::TakeTerminal);
}

// Loading a filter needs CAP_SYS_ADMIN or no_new_privs: so it comes before the capabilities
// go, or, where the flag is set, as late as it can, to see the least of our own calls.
void plan_confinement(const ProcessRequest& request, const CapabilityBits& bits, PlanBuilder& builder) {
  const bool late = request.process->no_new_privileges;
  if (!late) plan_seccomp(request, builder);
  plan_capabilities(bits, builder);
  plan_birth(request, builder);
  if (late) plan_seccomp(request, builder);
}

Result<> check_process(const Process& process) {
  if (!process.cwd.starts_with('/'))
    return Error::invalid(fmt::format("Cwd must be an absolute path, not {}", quote(process.cwd)));
  return {};
}

void plan_user(const Process& process, PlanBuilder& builder) {
  builder.plan().groups = process.user.additional_gids;
  builder.add(
      {.kind = StepKind::SetUser, .a = process.user.uid, .b = process.user.gid});
}

Result<> plan_scheduler(const spec::oci::Scheduler& scheduler, PlanBuilder& builder) {
  const std::uint64_t bits = TRY_AS("process.scheduler", scheduler_bits(scheduler));
  const bool deadline = scheduler.policy == "SCHED_DEADLINE";
  const auto nice = static_cast<std::uint32_t>(scheduler.nice.value_or(0));
  const auto priority = static_cast<std::uint32_t>(scheduler.priority.value_or(0));
  builder.add({.kind = StepKind::SetScheduler,
               .a = bits | (deadline ? scheduler.period.value_or(0) << 16 : 0),
               .b = deadline ? scheduler.runtime.value_or(0) : nice,
               .c = deadline ? scheduler.deadline.value_or(0) : priority});
  return {};
}

Result<> plan_memory_and_personality(const spec::oci::Linux& settings, PlanBuilder& builder) {
  if (const auto& policy = settings.memory_policy) {
    Step step{.kind = StepKind::SetMemoryPolicy, .a = TRY_AS("linux.memoryPolicy", memory_policy_bits(*policy))};
    if (!policy->nodes.empty())
      step.text = builder.text(TRY_AS("linux.memoryPolicy.nodes", number_mask(policy->nodes)));
    builder.add(step);
  }
  if (const auto& personality = settings.personality)
    builder.add({.kind = StepKind::SetPersonality, .a = TRY_AS("linux.personality", personality_bits(*personality))});
  return {};
}

sys::Fd own_procfs() {
  auto proc = sys::open_at({}, "/proc", O_PATH | O_DIRECTORY);
  struct statfs status {};
  if (!proc || ::fstatfs(proc->get(), &status) < 0 || status.f_type != PROC_SUPER_MAGIC) return {};
  char text[16] = {};
  const ssize_t length = ::readlinkat(proc->get(), "self", text, sizeof text - 1);
  return length > 0 && parse_u64(text) == static_cast<std::uint64_t>(::getpid()) ? std::move(*proc) : sys::Fd();
}

bool lets(const SeccompFilter& filter, std::uint32_t number, std::uint64_t first, std::uint64_t second) {
  const SyscallData call{.number = number, .arch = kOwnArch, .args = {first, second}};
  const std::uint32_t answer = evaluate_seccomp(filter.program, call) & SECCOMP_RET_ACTION_FULL;
  return answer == SECCOMP_RET_ALLOW || answer == SECCOMP_RET_LOG;
}

}  // namespace

bool can_be_born_late(const Process& process, const SeccompFilter* filter) {
  if (process.scheduler) return false;
  if (filter == nullptr || process.no_new_privileges) return true;
  return lets(*filter, SYS_clone, kBirthFlags, 0) && lets(*filter, SYS_setsid, 0, 0) &&
         (!process.terminal || lets(*filter, SYS_ioctl, 0, TIOCSCTTY));
}

std::uint32_t plan_procfs(ProcfsOf whose, PlanBuilder& builder) {
  if (whose == ProcfsOf::Launcher)
    if (sys::Fd own = own_procfs()) return builder.pass(std::move(own));
  const std::uint32_t slot = builder.scratch();
  builder.add({.kind = StepKind::NewMount, .fd = slot, .text = builder.text("proc")});
  return slot;
}

void plan_streams(const sys::IdMaps& maps, std::uint32_t uid, PlanBuilder& builder) {
  builder.add(StepKind::SetStdio);
  if (const auto owner = sys::seen_id(maps.users, uid))
    builder.add({.kind = StepKind::OwnStdio, .a = *owner, .b = kPipesOnly});
}

Result<> plan_affinity(const std::string& processors, PlanBuilder& builder) {
  if (processors.empty()) return {};
  builder.add_text(StepKind::SetAffinity, TRY_AS("process.execCPUAffinity", number_mask(processors)));
  return {};
}

void plan_oom_score(const ProcessRequest& request, PlanBuilder& builder, std::vector<std::string>& warnings) {
  const auto& score = request.process->oom_score_adj;
  if (!score || request.proc == kNone) return;
  plan_proc_self(builder, request.proc, "oom_score_adj", fmt::format("{}", granted_score(*score, warnings)));
}

Result<> plan_process_start(const ProcessRequest& request, PlanBuilder& builder,
                            std::vector<std::string>& warnings) {
  const Process& process = *request.process;
  if (!request.own_user_namespace) plan_oom_score(request, builder, warnings);
  TRY(plan_lsm(request, builder, warnings));
  if (!process.terminal) return {};
  const spec::oci::Box size = process.console_size.value_or(spec::oci::Box{});
  builder.plan().terminal = true;
  builder.add({.kind = StepKind::OpenTerminal,
               .fd = request.devpts,
               .a = size.height,
               .b = size.width,
               .c = process.user.uid | (request.born_late ? kTakenLater : 0)});
  return {};
}

Result<> plan_process_end(const ProcessRequest& request, PlanBuilder& builder,
                          std::vector<std::string>& warnings) {
  const Process& process = *request.process;
  TRY(check_process(process));
  if (process.args.empty() && !request.without_program) return Error::invalid("args must not be empty");
  const CapabilityBits bits = TRY(capability_bits(process, warnings));
  if (request.new_keyring) builder.add(StepKind::NewKeyring);
  if (!request.has_streams) builder.add(StepKind::SetStdio);
  if (!request.has_streams && !process.terminal) builder.add({.kind = StepKind::OwnStdio, .a = process.user.uid});
  for (const spec::oci::Rlimit& limit : process.rlimits) TRY(add_rlimit(limit, request, builder, warnings));
  if (process.scheduler) TRY(plan_scheduler(*process.scheduler, builder));
  if (request.settings != nullptr) TRY(plan_memory_and_personality(*request.settings, builder));
  if (process.io_priority)
    builder.add({.kind = StepKind::SetIoPriority, .a = TRY(io_priority_of(*process.io_priority))});
  builder.add_text(StepKind::EnterDirectory, process.cwd);
  // From here on no descriptor but the channel is open: no path of the program's, neither its
  // own nor its interpreter's, can lead through one of ours.
  builder.add({.kind = StepKind::KeepFds, .a = request.preserved_fds});
  builder.add({.kind = StepKind::SetUmask, .a = process.user.umask.value_or(0022) & 0777U});
  if (process.no_new_privileges) builder.add(StepKind::SetNoNewPrivileges);
  builder.add({.kind = StepKind::KeepBounding, .a = bits.bounding});
  plan_user(process, builder);
  if (!request.without_program) builder.add(StepKind::FindProgram);
  plan_confinement(request, bits, builder);
  builder.add(StepKind::Ready);
  builder.add(StepKind::WaitForGo);
  if (request.before_exec) request.before_exec();
  builder.add(StepKind::Execute);
  builder.plan().args = request.without_program ? std::vector<std::string>{""} : process.args;
  builder.plan().env = process.env;
  return {};
}

}  // namespace wherry::runtime
