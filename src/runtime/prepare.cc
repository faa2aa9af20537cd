// The order in which a container comes to be. Every line that adds a step is one decision.
#include "runtime/prepare.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/strings.h"
#include "base/undo.h"
#include "runtime/hook_plan.h"
#include "runtime/mount_plan.h"
#include "runtime/plan_builder.h"
#include "runtime/process_plan.h"
#include "runtime/resources.h"
#include "runtime/sysctl.h"
#include "sys/id_map.h"

namespace wherry::runtime {
namespace {

using spec::oci::Config;

struct NamespaceRow {
  std::string_view type;
  std::uint64_t flag;
};
constexpr std::array kNamespaces{
    NamespaceRow{"user", CLONE_NEWUSER},
    NamespaceRow{"mount", CLONE_NEWNS}, NamespaceRow{"network", CLONE_NEWNET},
    NamespaceRow{"uts", CLONE_NEWUTS},  NamespaceRow{"ipc", CLONE_NEWIPC},
    NamespaceRow{"pid", CLONE_NEWPID},  NamespaceRow{"cgroup", CLONE_NEWCGROUP},
    NamespaceRow{"time", CLONE_NEWTIME},
};

struct Joined {
  std::uint64_t flag;
  sys::Fd fd;
};

// What the config says of each kind: a new one, somebody's, or (absent) the launcher's.
struct Namespaces {
  std::uint64_t fresh = 0;
  std::vector<Joined> joined;
  sys::Fd user;  // a user namespace, made or somebody's: what is fresh belongs to it
  [[nodiscard]] bool is_own(std::uint64_t flag) const {
    return (fresh & flag) != 0 || (flag == CLONE_NEWUSER && user) ||
           std::ranges::any_of(joined, [&](const Joined& one) { return one.flag == flag; });
  }
};

Result<Namespaces> read_namespaces(const Config& config, sys::Fd network) {
  Namespaces result;
  if (network) result.joined.push_back({CLONE_NEWNET, std::move(network)});
  for (const spec::oci::Namespace& wanted : config.linux_.namespaces) {
    const auto row = std::ranges::find(kNamespaces, wanted.type, &NamespaceRow::type);
    if (row == kNamespaces.end())
      return Error(ErrorKind::Unsupported,
                   fmt::format("namespace type {} is not supported", quote(wanted.type)));
    if (row->flag == CLONE_NEWNET && result.is_own(CLONE_NEWNET)) continue;
    if (result.is_own(row->flag))
      return Error::invalid(fmt::format("duplicate namespace {}", quote(wanted.type)));
    if (wanted.path.empty()) {
      result.fresh |= row->flag;
      continue;
    }
    sys::Fd fd = TRY_AS(fmt::format("namespace {}", wanted.type),
                        sys::open_at({}, wanted.path.c_str(), O_RDONLY));
    if (row->flag == CLONE_NEWUSER) result.user = std::move(fd);
    else result.joined.push_back({row->flag, std::move(fd)});
  }
  if ((result.fresh & CLONE_NEWNS) == 0)
    return Error(ErrorKind::Unsupported, "a container needs a new mount namespace");
  return result;
}

Result<std::uint64_t> propagation_of(const std::string& word) {
  if (word.empty() || word == "private" || word == "rprivate") return 0;
  if (word == "slave" || word == "rslave") return MS_SLAVE;
  if (word == "shared" || word == "rshared") return MS_SHARED;
  if (word == "unbindable" || word == "runbindable") return MS_UNBINDABLE;
  return Error::invalid(fmt::format("rootfsPropagation {}", quote(word)));
}

// Container root has to be somebody: it makes the mounts.
Result<std::vector<sys::IdRange>> id_ranges(const char* field, const std::vector<spec::oci::IdMapping>& mappings) {
  constexpr std::size_t kMaximumLines = 340;  // UID_GID_MAP_MAX_EXTENTS
  std::vector<sys::IdRange> ranges;
  for (const spec::oci::IdMapping& one : mappings) {
    if (one.size == 0) return Error::invalid(fmt::format("linux.{}: size must not be 0", field));
    if (one.container_id + std::uint64_t{one.size} > 0xffffffffU ||
        one.host_id + std::uint64_t{one.size} > 0xffffffffU)
      return Error::invalid(fmt::format("linux.{}: range ends above the last id", field));
    ranges.push_back({.on_disk = one.container_id, .seen = one.host_id, .count = one.size});
  }
  if (mappings.size() > kMaximumLines) return Error::invalid(fmt::format("linux.{}: too many ranges", field));
  if (!sys::seen_id(ranges, 0)) return Error::invalid(fmt::format("linux.{}: container id 0 is not mapped", field));
  return ranges;
}

class ContainerPlanner {
 public:
  explicit ContainerPlanner(PrepareRequest request) : request_(std::move(request)) {}

  Result<Prepared> run() {
    if (!config().process) return Error::invalid("process property must not be empty");
    namespaces_ = TRY(read_namespaces(config(), std::move(request_.network_namespace)));
    TRY(settle_user_namespace());
    if (has_hooks()) TRY(check_hooks(*config().hooks));
    if (const auto& profile = config().linux_.seccomp)
      filter_ = TRY_AS("seccomp", compile_seccomp_cached(*profile));
    Undo undo;
    TRY(make_cgroup(undo));
    TRY(plan_namespaces());
    TRY(plan_root());
    TRY(plan_process_end(process_request(), builder_, prepared_.warnings));
    auto finished = std::move(builder_).finish();
    prepared_.plan = std::move(finished.plan);
    prepared_.fds = std::move(finished.fds);
    prepared_.cgroup = request_.cgroup;
    TRY(validate(prepared_.plan, prepared_.fds.size()));
    undo.commit();
    return std::move(prepared_);
  }

 private:
  [[nodiscard]] const Config& config() const { return *request_.config; }
  [[nodiscard]] bool has_hooks() const { return config().hooks && !request_.state.id.empty(); }
  [[nodiscard]] bool own_user() const { return namespaces_.is_own(CLONE_NEWUSER); }

  // One that is given may come without maps: they are asked for, to know whose the streams are.
  Result<> settle_user_namespace() {
    const auto& settings = config().linux_;
    const bool mapped = !settings.uid_mappings.empty() || !settings.gid_mappings.empty();
    if (!own_user() && mapped)
      return Error::invalid("linux.uidMappings and gidMappings need a user namespace");
    if (!own_user()) return {};
    if (!namespaces_.is_own(CLONE_NEWPID))
      return Error::invalid("linux.namespaces: a user namespace needs a pid namespace");
    if (mapped || !namespaces_.user)
      id_maps_ = {.users = TRY(id_ranges("uidMappings", settings.uid_mappings)),
                  .groups = TRY(id_ranges("gidMappings", settings.gid_mappings))};
    else
      id_maps_ = TRY(sys::maps_of_user_namespace(namespaces_.user, ""));
    if (namespaces_.user) return {};
    namespaces_.user = TRY(sys::make_user_namespace(id_maps_, ""));
    namespaces_.fresh &= ~std::uint64_t{CLONE_NEWUSER};
    return {};
  }

  [[nodiscard]] spec::oci::State state_as(const char* status) const {
    spec::oci::State state = request_.state;
    state.status = status;
    return state;
  }

  [[nodiscard]] ProcessRequest process_request() {
    return {.process = &*config().process,
            .filter = filter_ ? &*filter_ : nullptr,
            .proc = slots_.proc,
            .devpts = slots_.devpts,
            .preserved_fds = request_.preserved_fds,
            .new_keyring = request_.new_keyring,
            .settings = &config().linux_,
            .without_program = config().process->args.empty() && request_.without_program,
            .own_user_namespace = own_user(),
            .has_streams = own_user() && !config().process->terminal,
            .before_exec = [this] {
              if (has_hooks()) plan_hooks(config().hooks->start_container, state_as("created"), "", builder_);
            }};
  }

  // Hooks see the container's file systems below the root that is still the host's.
  void plan_create_hooks() {
    if (!has_hooks()) return;
    const spec::oci::Hooks& hooks = *config().hooks;
    if (!hooks.prestart.empty() || !hooks.create_runtime.empty())
      builder_.add({.kind = StepKind::AwaitLauncher, .a = 1});
    plan_hooks(hooks.create_container, state_as("creating"), request_.state.bundle, builder_);
  }

  Result<> make_cgroup(Undo& undo) {
    if (!request_.cgroup) return {};
    const sys::Cgroup cgroup = request_.cgroup;
    TRY(cgroup.create(prepared_.warnings, request_.cgroup_guest));
    undo.add([cgroup]() noexcept { static_cast<void>(cgroup.remove(0)); });
    if (config().linux_.resources)
      TRY(apply_resources(*config().linux_.resources, cgroup, prepared_.warnings));
    return {};
  }

  // Joined are all while this process is the host's root, who may; the user namespace is the last of them.
  Result<> plan_namespaces() {
    builder_.add(StepKind::NewSession);
    builder_.add(StepKind::ResetSignals);
    for (sys::Fd& tasks : TRY(request_.cgroup.open_v1_tasks()))
      builder_.add({.kind = StepKind::JoinCgroup, .fd = builder_.pass(std::move(tasks))});
    if (sys::Fd unified = TRY(request_.cgroup.open_unified()))
      builder_.plan().cgroup = builder_.pass(std::move(unified));
    for (Joined& one : namespaces_.joined) {
      const std::uint32_t slot = builder_.pass(std::move(one.fd));
      // A process is born in its pid namespace and cannot change it.
      if (one.flag == CLONE_NEWPID) builder_.plan().pid_namespace = slot;
      else builder_.add({.kind = StepKind::JoinNamespaces, .fd = slot, .a = one.flag});
    }
    const std::uint64_t at_birth = namespaces_.fresh & ~std::uint64_t{CLONE_NEWCGROUP | CLONE_NEWTIME};
    if (namespaces_.user) TRY(plan_user_namespace(at_birth));
    else builder_.plan().clone_flags = at_birth;
    // Only after the groups are joined: its root is where the process then is.
    if ((namespaces_.fresh & CLONE_NEWCGROUP) != 0)
      builder_.add({.kind = StepKind::Unshare, .a = CLONE_NEWCGROUP});
    if ((namespaces_.fresh & CLONE_NEWNET) != 0) builder_.add(StepKind::RaiseLoopback);
    return plan_host_names();
  }

  // What the kernel grants the host's root alone, then the namespaces that belong to the container's
  // root. Who makes a pid namespace is not in it: its child goes on.
  Result<> plan_user_namespace(std::uint64_t fresh) {
    ProcessRequest process = process_request();
    process.proc = plan_procfs(builder_.plan().pid_namespace == kNone ? ProcfsOf::Launcher : ProcfsOf::Child, builder_);
    plan_oom_score(process, builder_, prepared_.warnings);
    plan_clocks(process.proc);
    if (process.has_streams) plan_streams(id_maps_, config().process->user.uid, builder_);
    const std::uint32_t slot = builder_.pass(TRY(namespaces_.user.duplicate()));
    builder_.add({.kind = StepKind::JoinNamespaces, .fd = slot, .a = CLONE_NEWUSER});
    builder_.add(StepKind::BecomeRoot);
    builder_.add({.kind = StepKind::Unshare, .a = fresh});
    if ((fresh & CLONE_NEWPID) == 0) return {};
    builder_.add(StepKind::EnterPidNamespace);
    builder_.add(StepKind::NewSession);
    return {};
  }

  Result<> plan_host_names() {
    if (!config().hostname.empty()) {
      if (!namespaces_.is_own(CLONE_NEWUTS))
        return Error::invalid("hostname without a uts namespace of its own");
      builder_.add_text(StepKind::SetHostname, config().hostname);
    }
    if (!config().domainname.empty()) {
      if (!namespaces_.is_own(CLONE_NEWUTS))
        return Error::invalid("domainname without a uts namespace of its own");
      builder_.add_text(StepKind::SetDomainname, config().domainname);
    }
    return {};
  }

  Result<> plan_root() {
    const auto& settings = config().linux_;
    if (!settings.mount_label.empty() && ::access("/sys/fs/selinux/enforce", F_OK) == 0)
      return Error(ErrorKind::Unsupported, "linux.mountLabel: SELinux labels are not supported");
    if (!settings.mount_label.empty())
      prepared_.warnings.emplace_back("linux.mountLabel has no effect: SELinux is not enabled on this host");
    builder_.add({.kind = StepKind::SetPropagation, .a = MS_PRIVATE});
    std::uint32_t masks = kNone;
    if (!settings.masked_paths.empty()) {
      masks = builder_.pass(TRY(make_mask_mount()));
      // Cloned from below, which before Linux 6.15 only an attached mount can be. Not on "/":
      // a second mount to take off again costs one more wait for RCU.
      builder_.add(
          {.kind = StepKind::AttachToOldRoot, .fd = masks, .text = builder_.text("/proc")});
    }
    MountRequest mounts{.config = request_.config,
                        .root = &request_.rootfs,
                        .cgroup = &request_.cgroup,
                        .ready_mounts = &request_.ready_mounts,
                        .private_cgroup_namespace = namespaces_.is_own(CLONE_NEWCGROUP),
                        .in_order = request_.mounts_in_order || own_user(),
                        .own_user_namespace = own_user(),
                        .own_network = namespaces_.is_own(CLONE_NEWNET)};
    const std::uint32_t root = TRY(plan_mounts_at_root(mounts));
    TRY(plan_before_pivot());
    for (const std::string& path : settings.readonly_paths)
      builder_.add_text(StepKind::MakeReadOnly, path);
    for (const std::string& path : settings.masked_paths)
      builder_.add(
          {.kind = StepKind::Mask, .fd = masks, .text = builder_.text(path)});
    plan_create_hooks();
    builder_.add({.kind = StepKind::PivotRoot, .fd = root});
    return plan_root_attributes(root);
  }

  Result<std::uint32_t> plan_mounts_at_root(const MountRequest& mounts) {
    sys::Fd for_slot = TRY(request_.rootfs.duplicate());
    const std::uint32_t root = builder_.pass(std::move(for_slot));
    const bool seen_by_hooks = has_hooks() && !config().hooks->create_container.empty();
    const std::string place = seen_by_hooks && !request_.rootfs_path.empty() ? request_.rootfs_path : "/";
    builder_.add({.kind = StepKind::AttachToOldRoot, .fd = root, .text = builder_.text(place)});
    builder_.add({.kind = StepKind::UseRoot, .fd = root});
    slots_ = TRY(plan_mounts(mounts, builder_));
    return root;
  }

  // A process enters its new time namespace by exec (Linux 6.0); until then the offsets can be set.
  void plan_clocks(std::uint32_t proc) {
    if ((namespaces_.fresh & CLONE_NEWTIME) == 0) return;
    builder_.add({.kind = StepKind::Unshare, .a = CLONE_NEWTIME});
    std::string lines;
    for (const auto& [clock, offset] : config().linux_.time_offsets)
      lines += fmt::format("{} {} {}\n", clock, offset.secs, offset.nanosecs);
    if (lines.empty()) return;
    builder_.add({.kind = StepKind::WriteProcSelf,
                  .fd = proc,
                  .text = builder_.text("timens_offsets"),
                  .text2 = builder_.text(lines)});
  }

  // Parameters go through the procfs that was just made, before /proc/sys turns read-only.
  Result<> plan_before_pivot() {
    const OwnNamespaces own{.network = namespaces_.is_own(CLONE_NEWNET),
                            .ipc = namespaces_.is_own(CLONE_NEWIPC),
                            .uts = namespaces_.is_own(CLONE_NEWUTS)};
    if (slots_.proc == kNone) {
      slots_.proc = builder_.scratch();
      builder_.add({.kind = StepKind::NewMount, .fd = slots_.proc, .text = builder_.text("proc")});
    }
    if (!own_user()) plan_clocks(slots_.proc);
    for (const auto& [name, value] : config().linux_.sysctl) {
      const std::string file = TRY(sysctl_file(name, value, own));
      builder_.add({.kind = StepKind::WriteProc,
                    .fd = slots_.proc,
                    .text = builder_.text(file),
                    .text2 = builder_.text(value)});
    }
    TRY(plan_process_start(process_request(), builder_, prepared_.warnings));
    if (config().process->terminal) builder_.add_text(StepKind::AttachConsole, "/dev/console");
    // runc makes a working directory that the image lacks.
    builder_.add_text(StepKind::MakeDirectory, config().process->cwd);
    return {};
  }

  Result<> plan_root_attributes(std::uint32_t root) {
    if (config().root && config().root->readonly)
      builder_.add({.kind = StepKind::ChangeMount, .fd = root, .a = MOUNT_ATTR_RDONLY});
    const std::uint64_t propagation = TRY(propagation_of(config().linux_.rootfs_propagation));
    if (propagation != 0)
      builder_.add({.kind = StepKind::ChangeMount, .fd = root, .b = propagation, .c = 1});
    return {};
  }

  PrepareRequest request_;
  Namespaces namespaces_;
  sys::IdMaps id_maps_;  // with a user namespace
  std::optional<SeccompFilter> filter_;
  PlanBuilder builder_;
  MountSlots slots_;
  Prepared prepared_;
};

}  // namespace

Result<Prepared> prepare(PrepareRequest request) {
  return ContainerPlanner(std::move(request)).run();
}

Result<sys::Fd> open_process_root(pid_t pid, const sys::Pidfd& pidfd) {
  const std::string path = fmt::format("/proc/{}/root", pid);
  sys::Fd root = TRY(sys::open_at({}, path.c_str(), O_PATH | O_DIRECTORY));
  // The number may have passed to another process meanwhile; the pidfd cannot have.
  if (!TRY(pidfd.wait_ended(0))) return root;
  return Error::conflict("container is not running");
}

}  // namespace wherry::runtime
