// `system check`: what the engine needs of this host, found by trying it, not by version.
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <thread>

#include "base/strings.h"
#include "engine/info.h"
#include "network/probe.h"
#include "sys/mount.h"

namespace wherry::engine {
namespace {

CheckLine ok(std::string subject, std::string detail) {
  return {.subject = std::move(subject), .state = CheckState::Ok, .detail = std::move(detail), .remedy = ""};
}
CheckLine limited(std::string subject, std::string detail, std::string remedy) {
  return {std::move(subject), CheckState::Limited, std::move(detail), std::move(remedy)};
}
CheckLine missing(std::string subject, std::string detail, std::string remedy) {
  return {std::move(subject), CheckState::Missing, std::move(detail), std::move(remedy)};
}

// Tries `flags` in a thread of its own, which takes the new namespace to its grave.
int try_unshare(int flags) {
  int error = 0;
  std::thread([&] { error = ::unshare(flags) < 0 ? errno : 0; }).join();
  return error;
}

CheckLine check_kernel() {
  utsname name{};
  static_cast<void>(::uname(&name));
  const std::string release = name.release;
  // mount_setattr with an invalid descriptor: EBADF where the call exists (Linux >= 5.12).
  const sys::DetachedMount none;
  const auto changed = none.change({});
  if (!changed && changed.error().errno_value() == ENOSYS)
    return missing("kernel", release, "Linux 5.12 or newer is needed (mount_setattr)");
  return ok("kernel", release);
}

CheckLine check_rights() {
  if (::geteuid() != 0) {
    const int error = try_unshare(CLONE_NEWUSER);
    if (error == 0)
      return missing("root or user namespaces", fmt::format("running as uid {}", ::geteuid()),
                     "start wherryd as root; running without root comes with a later version");
    return missing("root or user namespaces",
                   fmt::format("running as uid {}, and user namespaces: {}", ::geteuid(), std::strerror(error)),
                   "start wherryd as root");
  }
  const bool has_admin = ::prctl(PR_CAPBSET_READ, CAP_SYS_ADMIN) == 1 && try_unshare(CLONE_NEWNS) == 0;
  if (!has_admin)
    return missing("root or user namespaces", "root without CAP_SYS_ADMIN",
                   "give the engine CAP_SYS_ADMIN (in a container: --privileged)");
  if (::prctl(PR_CAPBSET_READ, CAP_SYS_RESOURCE) != 1)
    return limited("root or user namespaces", "root without CAP_SYS_RESOURCE",
                   "--ulimit above the engine's own limits and negative --oom-score-adj need it");
  return ok("root or user namespaces", "root");
}

CheckLine check_mounts() {
  const auto tmpfs = sys::DetachedMount::create("tmpfs", {}, 0);
  if (tmpfs) return ok("mounts", "detached mounts work");
  return missing("mounts", tmpfs.error().message(),
                 "CAP_SYS_ADMIN and a seccomp profile that allows fsopen and mount are needed");
}

CheckLine check_storage(const Options& options, Core* core) {
  const std::string subject = "overlay on the data root";
  if (core == nullptr) return limited(subject, "not tried: no engine is running", "start wherryd");
  const std::string driver(core->snapshots->name());
  if (driver == "overlay") return ok(subject, options.data_root);
  return limited(subject, fmt::format("{}: the {} driver is used", options.data_root, driver),
                 "put --data-root on ext4, xfs or btrfs: each container is a copy of its image now");
}

std::string missing_controllers(const sys::CgroupLayout& layout) {
  std::vector<std::string> absent;
  for (const char* controller : {"memory", "cpu", "cpuset", "pids", "freezer", "devices"}) {
    const sys::CgroupHierarchy* found = layout.find(controller);
    if (found == nullptr) absent.emplace_back(controller);
    else if (found->read_only) absent.push_back(fmt::format("{} (read-only)", controller));
  }
  return join(absent, ", ");
}

CheckLine check_cgroups() {
  const auto layout = sys::CgroupLayout::probe();
  if (!layout) return missing("cgroups", layout.error().message(), "mount /sys/fs/cgroup");
  const std::string absent = missing_controllers(*layout);
  switch (layout->mode()) {
    case sys::CgroupMode::None:
      return limited("cgroups", "none is mounted", "mount cgroup2 on /sys/fs/cgroup: no limit works without");
    case sys::CgroupMode::V1: return absent.empty() ? ok("cgroups", "v1")
        : limited("cgroups", "v1 without " + absent, "mount these controllers to use their limits");
    case sys::CgroupMode::Hybrid: return absent.empty() ? ok("cgroups", "v1 and v2")
        : limited("cgroups", "v1 and v2 without " + absent, "mount these controllers to use their limits");
    case sys::CgroupMode::V2: return absent.empty() ? ok("cgroups", "v2")
        : limited("cgroups", "v2 without " + absent,
                  "enable these controllers in cgroup.subtree_control of the root");
  }
  return missing("cgroups", "unknown", "");
}

CheckLine check_seccomp() {
  // A null filter: EFAULT says that filters exist, EINVAL that they do not (prctl(2)).
  if (::prctl(PR_SET_SECCOMP, 2, nullptr) < 0 && errno == EFAULT) return ok("seccomp", "filters work");
  return limited("seccomp", "this kernel has no seccomp filters",
                 "build the kernel with CONFIG_SECCOMP_FILTER; containers run unfiltered until then");
}

void add_network_lines(std::vector<CheckLine>& lines) {
  for (network::Probe& probe : network::probe_host()) {
    CheckLine line{.subject = std::move(probe.feature), .state = CheckState::Ok, .detail = "", .remedy = ""};
    if (probe.state == network::Probe::State::Limited) line.state = CheckState::Limited;
    if (probe.state == network::Probe::State::Missing) line.state = CheckState::Missing;
    if (line.state != CheckState::Ok) line.remedy = std::move(probe.detail);
    else line.detail = probe.detail.empty() ? "works" : std::move(probe.detail);
    lines.push_back(std::move(line));
  }
}

CheckLine check_firewall(Core* core) {
  const std::string subject = "other firewalls";
  if (core == nullptr) return limited(subject, "not looked for: no engine is running", "start wherryd");
  const std::vector<std::string> chains = core->networks->foreign_drops();
  if (chains.empty()) return ok(subject, "no chain of theirs drops what containers send");
  return limited(subject, fmt::format("{} drops forwarded packets", join(chains, ", ")),
                 "accept traffic from and to the bridges of networks there (wherry0, br-*), or "
                 "containers may reach no other host");
}

}  // namespace

std::vector<CheckLine> check_host(const Options& options, Core* core) {
  std::vector<CheckLine> lines = {check_kernel(), check_rights(), check_mounts(),
                                  check_storage(options, core), check_cgroups()};
  add_network_lines(lines);
  lines.push_back(check_firewall(core));
  lines.push_back(check_seccomp());
  return lines;
}

}  // namespace wherry::engine
