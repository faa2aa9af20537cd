#include "runtime/mount_plan.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/strings.h"
#include "runtime/device_nodes.h"
#include "sys/id_map.h"
#include "sys/mount.h"
#include "sys/mount_options.h"
#include "sys/path.h"

namespace wherry::runtime {
namespace {

using spec::oci::Mount;
using sys::DetachedMount;
using sys::MountOptions;

// What a file system shows is fixed by the namespaces of the process that calls fsopen.
constexpr std::array<std::string_view, 4> kMadeByChild{"proc", "sysfs", "mqueue", "devpts"};

std::string option_text(const sys::MountOption& option) {
  return option.is_flag ? option.key : option.key + "=" + option.value;
}

// /dev/./pts/ and //dev are the same place for our comparisons; the kernel resolves the rest.
std::string normalized(std::string_view path) {
  std::string result;
  for (const std::string_view name : split(path, '/'))
    if (!name.empty() && name != ".") result += fmt::format("/{}", name);
  return result.empty() ? "/" : result;
}

class MountPlanner {
 public:
  MountPlanner(MountRequest request, PlanBuilder& builder)
      : request_(request), builder_(builder) {}

  Result<MountSlots> run() {
    TRY(make_nodes_without_mount());
    for (const Mount& mount : request_.config->mounts)
      TRY_AS(fmt::format("mount {}", mount.destination), add(mount));
    return slots_;
  }

 private:
  Result<> add(const Mount& mount) {
    if (!mount.destination.starts_with('/'))
      return Error::invalid("mount destination is not an absolute path");
    const MountOptions options = TRY(sys::parse_mount_options(mount.options));
    if (options.id_mapped && !options.bind && mount.type != "bind")
      return Error(ErrorKind::Unsupported, "mount options idmap and ridmap are of binds alone");
    if (options.copy_up && (options.bind || mount.type != "tmpfs" || normalized(mount.destination) == "/"))
      return Error::invalid("mount option tmpcopyup is of a tmpfs below the root alone");
    const auto ready = request_.ready_mounts->find(mount.destination);
    if (ready != request_.ready_mounts->end())
      return attach_changed(mount, options, DetachedMount(std::move(ready->second)));
    if (options.bind || mount.type == "bind") return add_bind(mount, options);
    if (std::ranges::find(kMadeByChild, mount.type) != kMadeByChild.end())
      return add_made_by_child(mount, options);
    if (mount.type == "cgroup" || mount.type == "cgroup2") return add_cgroup(mount, options);
    if (mount.type == "tmpfs") return add_tmpfs(mount, options);
    return add_file_system(mount, options);
  }

  void attach(const Mount& mount, std::uint32_t slot, std::uint64_t flags) {
    builder_.add({.kind = StepKind::Attach,
                  .fd = slot,
                  .text = builder_.text(mount.destination),
                  .a = flags});
  }

  // A clone belongs to the host's peer group until told otherwise: private unless asked for.
  Result<> attach_changed(const Mount& mount, const MountOptions& options, DetachedMount detached) {
    using sys::DetachedMount;
    const auto recursive = DetachedMount::Recursive::Yes;
    const std::uint64_t propagation =
        options.propagation == 0 ? std::uint64_t{MS_PRIVATE} : options.propagation;
    TRY(detached.change({.set = options.recursive_set,
                         .clear = options.recursive_clear,
                         .propagation = propagation == MS_SHARED ? 0 : propagation,
                         .recursive = recursive}));
    if (propagation == MS_SHARED)
      TRY(detached.change({.propagation = MS_SHARED, .recursive = recursive}));
    if (options.set != 0 || options.clear != 0)
      TRY(detached.change({.set = options.set, .clear = options.clear | atime_field(options.set)}));
    struct stat status {};
    if (::fstat(detached.fd().get(), &status) < 0) return Error::from_errno(errno, "stat mount");
    attach(mount, builder_.pass(detached.release()), S_ISDIR(status.st_mode) ? 0U : std::uint64_t{kTargetIsFile});
    return {};
  }

  // The kernel wants the whole access time field cleared where one of its values is set.
  static std::uint64_t atime_field(std::uint64_t set) {
    return (set & MOUNT_ATTR__ATIME) != 0 ? std::uint64_t{MOUNT_ATTR__ATIME} : 0;
  }

  static std::vector<sys::IdRange> id_ranges(const std::vector<spec::oci::IdMapping>& mappings) {
    std::vector<sys::IdRange> ranges;
    for (const auto& one : mappings) ranges.push_back({.on_disk = one.container_id, .seen = one.host_id, .count = one.size});
    return ranges;
  }

  // The mappings of the mount, else those of the container's user namespace.
  Result<> map_ids(const Mount& mount, const MountOptions& options, const DetachedMount& detached) const {
    const auto& settings = request_.config->linux_;
    const bool own = !mount.uid_mappings.empty();
    const sys::IdMaps maps{.users = id_ranges(own ? mount.uid_mappings : settings.uid_mappings),
                           .groups = id_ranges(own ? mount.gid_mappings : settings.gid_mappings)};
    if (maps.users.empty() || maps.groups.empty()) return Error::invalid("no mappings of users and groups");
    const sys::Fd user_namespace = TRY(sys::make_user_namespace(maps, ""));
    return detached.map_ids(user_namespace, options.recursive_id_map ? DetachedMount::Recursive::Yes
                                                                     : DetachedMount::Recursive::No);
  }

  Result<> add_bind(const Mount& mount, const MountOptions& options) {
    const auto recursive = options.recursive_bind ? DetachedMount::Recursive::Yes
                                                  : DetachedMount::Recursive::No;
    auto clone = DetachedMount::clone({}, mount.source, recursive);
    if (!clone && clone.error().errno_value() == ENOENT)
      return Error::invalid(fmt::format("bind source path does not exist: {}", mount.source));
    DetachedMount made = TRY(std::move(clone));
    if (options.id_mapped || !mount.uid_mappings.empty()) TRY(map_ids(mount, options, made));
    return attach_changed(mount, options, std::move(made));
  }

  // What a sysfs shows is of the network namespace, and only its owner may make one: the host's then,
  // without what is mounted below it, as with crun.
  Result<> add_sysfs_of_host(const Mount& mount, const MountOptions& options) {
    return attach_changed(mount, options, TRY(DetachedMount::clone({}, "/sys", DetachedMount::Recursive::No)));
  }

  Result<> add_made_by_child(const Mount& mount, const MountOptions& options) {
    if (mount.type == "sysfs" && request_.own_user_namespace && !request_.own_network)
      return add_sysfs_of_host(mount, options);
    const std::uint32_t slot = new_mount(mount, options);
    if (mount.type == "proc") slots_.proc = slot;
    if (mount.type == "devpts") slots_.devpts = slot;
    const bool guarded = mount.type == "proc" || mount.type == "sysfs";
    attach(mount, slot, guarded ? std::uint64_t{kTargetNoSymlinks} : 0U);
    return {};
  }

  std::uint32_t new_mount(const Mount& mount, const MountOptions& options) {
    const std::uint32_t slot = builder_.scratch();
    const std::uint32_t type = builder_.text(mount.type);
    const std::string& source = mount.source.empty() ? mount.type : mount.source;
    const std::uint32_t first = builder_.text("source=" + source);
    std::uint64_t count = 1;
    for (const sys::MountOption& option : options.data) {
      // devpts has had one instance per mount since Linux 4.7; the word remains.
      if (mount.type == "devpts" && option.key == "newinstance") continue;
      builder_.text(option_text(option));
      ++count;
    }
    builder_.add({.kind = StepKind::NewMount,
                  .fd = slot,
                  .text = type,
                  .text2 = first,
                  .a = options.set,
                  .b = count});
    return slot;
  }

  Result<> add_file_system(const Mount& mount, const MountOptions& options) {
    auto data = options.data;
    if (!mount.source.empty()) data.insert(data.begin(), {"source", mount.source, false});
    DetachedMount made = TRY(DetachedMount::create(mount.type, data, options.set));
    if (options.propagation != 0) TRY(made.change({.propagation = options.propagation}));
    attach(mount, builder_.pass(made.release()), 0);
    return {};
  }

  // A tmpfs over a directory of the image keeps that directory's mode, as runc has it.
  Result<> add_mode_of_target(const Mount& mount, std::vector<sys::MountOption>& data) const {
    const auto has_mode = [](const sys::MountOption& option) { return option.key == "mode"; };
    if (std::ranges::any_of(data, has_mode)) return {};
    const auto target = sys::open_in_root(*request_.root, mount.destination,
                                          {.flags = O_PATH | O_DIRECTORY});
    struct stat status {};
    if (!target || ::fstat(target->get(), &status) < 0) return {};
    data.push_back({"mode", fmt::format("{:o}", status.st_mode & 07777), false});
    return {};
  }

  Result<> add_tmpfs_by_child(const Mount& mount, const MountOptions& options) {
    MountOptions wanted = options;
    TRY(add_mode_of_target(mount, wanted.data));
    const std::uint64_t read_only = options.set & MOUNT_ATTR_RDONLY;
    wanted.set &= ~std::uint64_t{MOUNT_ATTR_RDONLY};
    const std::uint32_t slot = new_mount(mount, wanted);
    if (options.copy_up) plan_copy(mount, options, slot);
    attach(mount, slot, 0);
    if (normalized(mount.destination) == "/dev") TRY(plan_dev(slot));
    if (read_only != 0 || options.propagation != 0)
      builder_.add({.kind = StepKind::ChangeMount, .fd = slot, .a = read_only, .b = options.propagation});
    return {};
  }

  void plan_copy(const Mount& mount, const MountOptions& options, std::uint32_t slot) {
    const auto names_owner = [](const sys::MountOption& one) { return one.key == "uid" || one.key == "gid"; };
    const bool owner_too = std::ranges::none_of(options.data, names_owner);
    builder_.add({.kind = StepKind::CopyUp,
                  .fd = slot,
                  .text = builder_.text(mount.destination),
                  .a = owner_too ? 1U : 0U});
  }

  Result<> plan_dev(std::uint32_t slot) {
    return plan_device_nodes({.config = request_.config, .terminal = request_.config->process->terminal},
                             {.dev = slot, .by_bind = request_.own_user_namespace}, builder_);
  }

  Result<> add_tmpfs(const Mount& mount, const MountOptions& options) {
    // The copy is made in the container's groups: its bytes count against their limits.
    if (request_.in_order || options.copy_up) return add_tmpfs_by_child(mount, options);
    auto data = options.data;
    TRY(add_mode_of_target(mount, data));
    data.insert(data.begin(), {"source", mount.source.empty() ? "tmpfs" : mount.source, false});
    // Read-only comes last: /dev gets its nodes first.
    const std::uint64_t read_only = options.set & MOUNT_ATTR_RDONLY;
    DetachedMount made =
        TRY(DetachedMount::create("tmpfs", data, options.set & ~std::uint64_t{MOUNT_ATTR_RDONLY}));
    if (normalized(mount.destination) == "/dev") TRY(fill_dev(made.fd()));
    if (read_only != 0) TRY(made.change({.set = MOUNT_ATTR_RDONLY}));
    if (options.propagation != 0) TRY(made.change({.propagation = options.propagation}));
    attach(mount, builder_.pass(made.release()), 0);
    return {};
  }

  // Targets right below /dev are made now: the child then finds them with one look-up.
  Result<> fill_dev(const sys::Fd& dev) const {
    for (const Mount& mount : request_.config->mounts) {
      const std::string path = normalized(mount.destination);
      if (!path.starts_with("/dev/") || path.find('/', 5) != std::string::npos) continue;
      const bool directory = mount.type != "bind";
      if (directory && ::mkdirat(dev.get(), path.c_str() + 5, 0755) < 0 && errno != EEXIST)
        return Error::from_errno(errno, fmt::format("create {}", path));
    }
    return make_device_nodes(
        dev, {.config = request_.config, .terminal = request_.config->process->terminal});
  }

  // Without any mount on /dev the nodes go into the image's own, if that is a real directory;
  // on a /dev of the host nothing is made.
  Result<> make_nodes_without_mount() const {
    TRY(make_foreign_device_nodes(*request_.root, *request_.config));
    for (const Mount& mount : request_.config->mounts)
      if (normalized(mount.destination) == "/dev") return {};
    constexpr sys::OpenInRoot kRealDirectory{
        .flags = O_RDONLY | O_DIRECTORY, .mode = 0, .resolve = RESOLVE_NO_SYMLINKS};
    auto dev = sys::open_in_root(*request_.root, "/dev", kRealDirectory);
    if (!dev && dev.error().errno_value() == ENOENT) {
      if (::mkdirat(request_.root->get(), "dev", 0755) < 0 && errno != EEXIST)
        return Error::from_errno(errno, "create /dev");
      dev = sys::open_in_root(*request_.root, "/dev", kRealDirectory);
    }
    const sys::Fd directory = TRY_AS("/dev of the root file system", std::move(dev));
    return make_device_nodes(directory, {.config = request_.config,
                                         .terminal = request_.config->process->terminal});
  }

  Result<> add_cgroup(const Mount& mount, const MountOptions& options) {
    const auto directories = request_.cgroup->open_directories();
    const bool only_v2 = directories.size() == 1 && directories[0].hierarchy->unified;
    if (only_v2) return add_cgroup2(mount, options, directories[0]);
    DetachedMount base = TRY(DetachedMount::create(
        "tmpfs", {{"source", "tmpfs", false}, {"mode", "755", false}}, options.set & ~std::uint64_t{MOUNT_ATTR_RDONLY}));
    std::vector<std::pair<std::string, DetachedMount>> binds;
    for (const auto& directory : directories) {
      if (directory.hierarchy->unified) continue;  // as runc: a v1 container sees v1
      const std::string& path = directory.hierarchy->mount_point;
      const std::string name = path.substr(path.rfind('/') + 1);
      TRY(make_controller_names(base.fd(), name, *directory.hierarchy));
      binds.emplace_back(name, TRY(clone_cgroup(directory.fd, options)));
    }
    if ((options.set & MOUNT_ATTR_RDONLY) != 0) TRY(base.change({.set = MOUNT_ATTR_RDONLY}));
    attach(mount, builder_.pass(base.release()), kTargetNoSymlinks);
    for (auto& [name, bind] : binds) {
      Mount inner = mount;
      inner.destination += "/" + name;
      attach(inner, builder_.pass(bind.release()), kTargetNoSymlinks);
    }
    return {};
  }

  // With the host's cgroup namespace /proc/self/cgroup names the path from the top.
  Result<> add_cgroup2(const Mount& mount, const MountOptions& options,
                       const sys::Cgroup::Directory& own) {
    if (request_.private_cgroup_namespace) {
      DetachedMount bind = TRY(clone_cgroup(own.fd, options));
      attach(mount, builder_.pass(bind.release()), kTargetNoSymlinks);
      return {};
    }
    const sys::Fd top = TRY(
        sys::open_at({}, own.hierarchy->mount_point.c_str(), O_PATH | O_DIRECTORY));
    DetachedMount bind = TRY(clone_cgroup(top, options));
    attach(mount, builder_.pass(bind.release()), kTargetNoSymlinks);
    return {};
  }

  static Result<DetachedMount> clone_cgroup(const sys::Fd& directory,
                                            const MountOptions& options) {
    DetachedMount bind = TRY(DetachedMount::clone(directory, "", DetachedMount::Recursive::No));
    TRY(bind.change({.set = options.set, .propagation = MS_PRIVATE}));
    return bind;
  }

  // A hierarchy of several controllers ("cpu,cpuacct") is also found by each one's name.
  static Result<> make_controller_names(const sys::Fd& base, const std::string& name,
                                        const sys::CgroupHierarchy& hierarchy) {
    if (::mkdirat(base.get(), name.c_str(), 0755) < 0)
      return Error::from_errno(errno, fmt::format("create {}", name));
    for (const std::string& controller : hierarchy.controllers)
      if (controller != name &&
          ::symlinkat(name.c_str(), base.get(), controller.c_str()) < 0 && errno != EEXIST)
        return Error::from_errno(errno, fmt::format("create link {}", controller));
    return {};
  }

  MountRequest request_;
  PlanBuilder& builder_;
  MountSlots slots_;
};

}  // namespace

Result<MountSlots> plan_mounts(MountRequest request, PlanBuilder& builder) {
  return MountPlanner(request, builder).run();
}

Result<sys::Fd> make_mask_mount() {
  DetachedMount mount = TRY(DetachedMount::create(
      "tmpfs", {{"source", "tmpfs", false}, {"mode", "755", false}, {"size", "64k", false}},
      MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC));
  const int directory = mount.fd().get();
  if (::mknodat(directory, "null", S_IFCHR | 0666, makedev(1, 3)) < 0)
    return Error::from_errno(errno, "create null device for masks");
  if (::fchmodat(directory, "null", 0666, 0) < 0 || ::mkdirat(directory, "empty", 0555) < 0)
    return Error::from_errno(errno, "create mask");
  TRY(mount.change({.set = MOUNT_ATTR_RDONLY}));
  return mount.release();
}

}  // namespace wherry::runtime
