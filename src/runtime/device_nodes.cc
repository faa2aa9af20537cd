#include "runtime/device_nodes.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>

#include "base/strings.h"
#include "sys/mount.h"
#include "sys/path.h"

namespace wherry::runtime {
namespace {

using spec::oci::Device;

struct DefaultNode {
  const char* name;
  unsigned major;
  unsigned minor;
};
constexpr std::array kDefaultNodes{DefaultNode{"null", 1, 3},   DefaultNode{"zero", 1, 5},
                                   DefaultNode{"full", 1, 7},   DefaultNode{"random", 1, 8},
                                   DefaultNode{"urandom", 1, 9}, DefaultNode{"tty", 5, 0}};

struct Link {
  const char* name;
  const char* target;
};
constexpr std::array kLinks{
    Link{"fd", "/proc/self/fd"},         Link{"stdin", "/proc/self/fd/0"},
    Link{"stdout", "/proc/self/fd/1"},   Link{"stderr", "/proc/self/fd/2"},
    Link{"core", "/proc/kcore"},         Link{"ptmx", "pts/ptmx"}};

struct Node {
  std::string name;
  mode_t type = S_IFCHR;
  dev_t number = 0;
  mode_t mode = 0666;
  uid_t uid = 0;
  gid_t gid = 0;
};

Result<> check_existing(const sys::Fd& directory, const Node& node) {
  struct stat present {};
  if (::fstatat(directory.get(), node.name.c_str(), &present, AT_SYMLINK_NOFOLLOW) < 0)
    return Error::from_errno(errno, fmt::format("stat device {}", node.name));
  const bool same = (present.st_mode & S_IFMT) == node.type &&
                    (node.type == S_IFIFO || present.st_rdev == node.number);
  if (same) return {};
  return Error::conflict(fmt::format("{} of the root file system is not the device", node.name));
}

Result<> make_node(const sys::Fd& directory, const Node& node) {
  const char* name = node.name.c_str();
  if (::mknodat(directory.get(), name, node.type | node.mode, node.number) < 0) {
    if (errno == EEXIST) return check_existing(directory, node);
    return Error::from_errno(errno, fmt::format("create device {}", node.name));
  }
  // Past the umask. The name is ours: just made, and nobody else is in this tree yet.
  const sys::Fd made = TRY(sys::open_at(directory, name, O_PATH | O_NOFOLLOW));
  const std::string path = sys::fd_path(made);
  if (::chmod(path.c_str(), node.mode) < 0)
    return Error::from_errno(errno, fmt::format("chmod device {}", node.name));
  if ((node.uid != 0 || node.gid != 0) &&
      ::fchownat(made.get(), "", node.uid, node.gid, AT_EMPTY_PATH) < 0)
    return Error::from_errno(errno, fmt::format("chown device {}", node.name));
  return {};
}

Result<mode_t> type_of(const Device& device) {
  if (device.type == "c" || device.type == "u") return S_IFCHR;
  if (device.type == "b") return S_IFBLK;
  if (device.type == "p") return S_IFIFO;
  return Error::invalid(
      fmt::format("device {}: unknown type {}", device.path, quote(device.type)));
}

Result<Node> node_of(const Device& device, std::string_view path) {
  const std::size_t slash = path.rfind('/');
  Node node;
  node.name = slash == std::string_view::npos ? path : path.substr(slash + 1);
  if (node.name.empty() || node.name == "." || node.name == "..")
    return Error::invalid(fmt::format("device path {}", device.path));
  node.type = TRY(type_of(device));
  node.number = makedev(static_cast<unsigned>(device.major), static_cast<unsigned>(device.minor));
  node.mode = device.file_mode.value_or(0666) & 07777;
  node.uid = device.uid.value_or(0);
  node.gid = device.gid.value_or(0);
  return node;
}

// Makes the node of `device` at `path` below `directory`.
Result<> make_config_node(const sys::Fd& directory, const Device& device, std::string_view path) {
  const std::size_t slash = path.rfind('/');
  const Node node = TRY(node_of(device, path));
  const std::string_view above = slash == std::string_view::npos ? "" : path.substr(0, slash);
  const sys::Fd parent = TRY_AS(fmt::format("device {}", device.path),
                                sys::make_directories_in_root(directory, above, 0755));
  return make_node(parent, node);
}

std::optional<std::string_view> below_dev(std::string_view path) {
  if (!path.starts_with("/dev/")) return std::nullopt;
  while (path.ends_with('/')) path.remove_suffix(1);
  return path.size() > 5 ? std::optional(path.substr(5)) : std::nullopt;
}

// The host's node of that number, to be bound over an empty file.
Result<> plan_bound_node(const std::string& path, const Node& node, PlanBuilder& builder) {
  using sys::DetachedMount;
  DetachedMount bound = TRY_AS(fmt::format("device {}", path),
                               DetachedMount::clone({}, path, DetachedMount::Recursive::No));
  struct stat status {};
  if (::fstat(bound.fd().get(), &status) < 0) return Error::from_errno(errno, "stat " + path);
  if ((status.st_mode & S_IFMT) != node.type || status.st_rdev != node.number)
    return Error(ErrorKind::Unsupported,
                 fmt::format("device {}: in a user namespace it has to be the host's node of that path", path));
  TRY(bound.change({.set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC}));
  builder.add({.kind = StepKind::Attach, .fd = builder.pass(bound.release()), .text = builder.text(path),
               .a = kTargetIsFile | kTargetNoSymlinks});
  return {};
}

Result<> plan_node(std::string_view path, const Node& node, PlannedDev where, PlanBuilder& builder) {
  const std::string whole = fmt::format("/dev/{}", path);
  if (where.by_bind && node.type != S_IFIFO) return plan_bound_node(whole, node, builder);
  const bool direct = path.find('/') == std::string_view::npos;
  builder.add({.kind = StepKind::MakeNode,
               .fd = direct ? where.dev : kNone,
               .text = builder.text(direct ? std::string(path) : whole),
               .a = node.type | node.mode,
               .b = node.number,
               .c = std::uint64_t{node.uid} << 32 | node.gid});
  return {};
}

Result<std::uint32_t> host_id(const std::vector<spec::oci::IdMapping>& mappings, std::uint32_t id) {
  for (const spec::oci::IdMapping& one : mappings)
    if (id >= one.container_id && id - one.container_id < one.size) return one.host_id + (id - one.container_id);
  return Error::invalid(fmt::format("owner {} is not mapped", id));
}

// The devices of the config, in a file system of the host's root that only the child sees, as "0", "1"...
Result<std::uint32_t> plan_own_nodes(const spec::oci::Config& config, PlanBuilder& builder) {
  using sys::DetachedMount;
  DetachedMount mount = TRY(DetachedMount::create("tmpfs", {{"mode", "755", false}, {"size", "1m", false}}, MOUNT_ATTR_NOEXEC));
  const auto& settings = config.linux_;
  for (std::size_t i = 0; i < settings.devices.size(); ++i) {
    const Device& device = settings.devices[i];
    const auto path = below_dev(device.path);
    if (!path || device.type == "p") continue;
    Node node = TRY(node_of(device, *path));
    node.name = fmt::format("{}", i);
    const std::string where = fmt::format("device {}", device.path);
    node.uid = TRY_AS(where, host_id(settings.uid_mappings, node.uid));
    node.gid = TRY_AS(where, host_id(settings.gid_mappings, node.gid));
    TRY(make_node(mount.fd(), node));
  }
  const std::uint32_t slot = builder.pass(mount.release());
  // Cloned from below, which before Linux 6.15 only an attached mount can be.
  builder.add({.kind = StepKind::AttachToOldRoot, .fd = slot, .text = builder.text("/sys")});
  return slot;
}

Result<> make_empty_file(const sys::Fd& dev, const char* name) {
  const sys::Fd file(
      ::openat(dev.get(), name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file && errno != EEXIST) return Error::from_errno(errno, fmt::format("create {}", name));
  return {};
}

}  // namespace

Result<> make_device_nodes(const sys::Fd& dev, const DeviceNodesRequest& request) {
  for (const Device& device : request.config->linux_.devices)
    if (const auto path = below_dev(device.path)) TRY(make_config_node(dev, device, *path));
  for (const DefaultNode& node : kDefaultNodes) {
    // A node of that name in the config came first, with its own mode and owner.
    if (::faccessat(dev.get(), node.name, F_OK, AT_SYMLINK_NOFOLLOW) == 0 &&
        std::ranges::any_of(request.config->linux_.devices, [&](const Device& device) {
          return below_dev(device.path) == std::string_view(node.name);
        }))
      continue;
    TRY(make_node(dev, {.name = node.name, .number = makedev(node.major, node.minor)}));
  }
  for (const Link& link : kLinks)
    if (::symlinkat(link.target, dev.get(), link.name) < 0 && errno != EEXIST)
      return Error::from_errno(errno, fmt::format("create link {}", link.name));
  if (request.terminal) TRY(make_empty_file(dev, "console"));
  return {};
}

Result<> plan_device_nodes(const DeviceNodesRequest& request, PlannedDev where, PlanBuilder& builder) {
  std::vector<std::string> made;
  const auto& devices = request.config->linux_.devices;
  const bool own = where.by_bind && !devices.empty();
  const std::uint32_t nodes = own ? TRY(plan_own_nodes(*request.config, builder)) : kNone;
  for (std::size_t i = 0; i < devices.size(); ++i) {
    const auto path = below_dev(devices[i].path);
    if (!path) continue;
    const Node node = TRY(node_of(devices[i], *path));
    made.emplace_back(*path);
    if (!own || node.type == S_IFIFO) {
      TRY(plan_node(*path, node, where, builder));
      continue;
    }
    builder.add({.kind = StepKind::BindNode, .fd = nodes, .text = builder.text(fmt::format("/dev/{}", *path)),
                 .text2 = builder.text(fmt::format("{}", i))});
  }
  for (const DefaultNode& node : kDefaultNodes) {
    // A node of that name in the config came first, with its own mode and owner.
    if (std::ranges::find(made, node.name) != made.end()) continue;
    const Node wanted{.name = node.name, .number = makedev(node.major, node.minor)};
    TRY(plan_node(node.name, wanted, where, builder));
  }
  for (const Link& link : kLinks) {
    if (std::ranges::find(made, link.name) != made.end()) continue;
    builder.add({.kind = StepKind::MakeLink, .fd = where.dev, .text = builder.text(link.name),
                 .text2 = builder.text(link.target)});
  }
  return {};
}

Result<> make_foreign_device_nodes(const sys::Fd& root, const spec::oci::Config& config) {
  for (const Device& device : config.linux_.devices) {
    if (below_dev(device.path)) continue;
    std::string_view path = device.path;
    while (path.starts_with('/')) path.remove_prefix(1);
    while (path.ends_with('/')) path.remove_suffix(1);
    TRY(make_config_node(root, device, path));
  }
  return {};
}

}  // namespace wherry::runtime
