// The order in which one more process of a container comes to be.
#include <fmt/format.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/strings.h"
#include "runtime/plan_builder.h"
#include "runtime/prepare.h"
#include "runtime/process_plan.h"
#include "sys/id_map.h"

namespace wherry::runtime {
namespace {

constexpr std::uint64_t kAlwaysJoined =
    CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWCGROUP;

struct OptionalNamespace {
  const char* file;
  std::uint64_t flag;
};
constexpr std::array kOptional{OptionalNamespace{"user", CLONE_NEWUSER}, OptionalNamespace{"time", CLONE_NEWTIME}};

Result<pid_t> pid_of(const sys::Pidfd& process) {
  const std::string path = fmt::format("/proc/self/fdinfo/{}", process.fd().get());
  const std::string text = TRY(sys::read_file(path.c_str()));
  for (const std::string_view line : split(text, '\n'))
    if (const auto number = line.starts_with("Pid:") ? parse_u64(trim(line.substr(4))) : std::nullopt)
      return static_cast<pid_t>(*number);
  return Error::conflict("container is not running");
}

Result<sys::IdMaps> id_maps_of(const sys::Pidfd& target) {
  const pid_t pid = TRY(pid_of(target));
  sys::IdMaps maps;
  maps.users = TRY(sys::parse_kernel_id_map(TRY(sys::read_file(fmt::format("/proc/{}/uid_map", pid).c_str()))));
  maps.groups = TRY(sys::parse_kernel_id_map(TRY(sys::read_file(fmt::format("/proc/{}/gid_map", pid).c_str()))));
  // The number may have passed to another process meanwhile; the pidfd cannot have.
  if (TRY(target.wait_ended(0))) return Error::conflict("container is not running");
  return maps;
}

// User and time namespaces that the target does not share with us: to join the user namespace that
// one is in is an error (EINVAL), not to join the container's is a process of the host's root.
Result<std::uint64_t> foreign_namespaces(const sys::Pidfd& target) {
  std::uint64_t flags = 0;
  const pid_t pid = TRY(pid_of(target));
  for (const OptionalNamespace& one : kOptional) {
    struct stat own {};
    struct stat others {};
    if (::stat(fmt::format("/proc/self/ns/{}", one.file).c_str(), &own) < 0) continue;  // not in this kernel
    if (::stat(fmt::format("/proc/{}/ns/{}", pid, one.file).c_str(), &others) < 0)
      return Error::from_errno(errno, "read namespaces of the container");
    if (own.st_ino != others.st_ino || own.st_dev != others.st_dev) flags |= one.flag;
  }
  // The number may have passed to another process meanwhile; the pidfd cannot have.
  if (TRY(target.wait_ended(0))) return Error::conflict("container is not running");
  return flags;
}

Result<> plan_groups(const sys::Cgroup& cgroup, PlanBuilder& builder) {
  for (sys::Fd& tasks : TRY(cgroup.open_v1_tasks()))
    builder.add({.kind = StepKind::JoinCgroup, .fd = builder.pass(std::move(tasks))});
  if (sys::Fd unified = TRY(cgroup.open_unified()))
    builder.plan().cgroup = builder.pass(std::move(unified));
  return {};
}

// In a user namespace the kernel refuses a procfs where another one is masked, and gives the score of a
// process to the host's root: both come before one is joined.
Result<> plan_before_user_namespace(const ProcessRequest& process, const sys::Pidfd& target, PlanBuilder& builder,
                                    std::vector<std::string>& warnings) {
  if (!process.own_user_namespace) return {};
  plan_oom_score(process, builder, warnings);
  if (process.has_streams) plan_streams(TRY(id_maps_of(target)), process.process->user.uid, builder);
  return {};
}

}  // namespace

Result<Prepared> prepare_exec(ExecRequest request) {
  if (request.cgroup.is_frozen()) return Error::conflict("cannot exec in a paused container");
  Prepared prepared;
  PlanBuilder builder;
  const std::uint64_t foreign = TRY(foreign_namespaces(*request.target));
  const bool own_user = (foreign & CLONE_NEWUSER) != 0;
  std::optional<SeccompFilter> filter;
  if (request.seccomp != nullptr) filter = TRY_AS("seccomp", compile_seccomp_cached(*request.seccomp));
  const std::uint32_t target = builder.pass(TRY(request.target->fd().duplicate()));
  // A container whose programs may trace what they see (CAP_SYS_PTRACE) sees nothing of ours.
  const bool born_late = can_be_born_late(*request.process, filter ? &*filter : nullptr);
  if (!born_late) builder.plan().pid_namespace = target;
  builder.add(StepKind::NewSession);
  builder.add(StepKind::ResetSignals);
  const auto affinity = request.process->exec_cpu_affinity.value_or(spec::oci::CpuAffinity{});
  TRY(plan_affinity(affinity.initial, builder));
  TRY(plan_groups(request.cgroup, builder));
  TRY(plan_affinity(affinity.final_, builder));
  // Before a late birth the process is of our own pid namespace.
  const std::uint32_t proc = plan_procfs(born_late ? ProcfsOf::Launcher : ProcfsOf::Child, builder);
  const ProcessRequest process{.process = request.process,
                               .filter = filter ? &*filter : nullptr,
                               .proc = proc,
                               .preserved_fds = request.preserved_fds,
                               .new_keyring = request.new_keyring,
                               .own_user_namespace = own_user,
                               .has_streams = own_user && !request.process->terminal,
                               .born_late = born_late};
  TRY(plan_before_user_namespace(process, *request.target, builder, prepared.warnings));
  builder.add({.kind = StepKind::JoinNamespaces, .fd = target, .a = kAlwaysJoined | foreign | (born_late ? std::uint64_t{CLONE_NEWPID} : 0)});
  if (own_user) builder.add(StepKind::BecomeRoot);
  builder.add(StepKind::UseRoot);
  TRY(plan_process_start(process, builder, prepared.warnings));
  TRY(plan_process_end(process, builder, prepared.warnings));
  auto finished = std::move(builder).finish();
  prepared.plan = std::move(finished.plan);
  prepared.fds = std::move(finished.fds);
  prepared.cgroup = request.cgroup;
  TRY(validate(prepared.plan, prepared.fds.size()));
  return prepared;
}

}  // namespace wherry::runtime
