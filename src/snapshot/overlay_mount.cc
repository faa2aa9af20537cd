#include "snapshot/overlay_mount.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <thread>

#include "sys/mount.h"
#include "sys/path.h"

namespace wherry::snapshot {
namespace {

// The hosts' module defaults differ; these fix what a layer's tree means. redirect_dir and
// metacopy would put overlay's own xattrs into an upper directory that we hand out as a diff.
constexpr std::pair<const char*, const char*> kFixed[] = {
    {"index", "off"}, {"metacopy", "off"}, {"redirect_dir", "nofollow"}};

// /proc/self/fd/N: as short as a path can be, and no name of the data root can hold a comma or
// colon that the option parser would take for its own.
Result<sys::DetachedMount> mount_by_append(const OverlayPlan& plan) {
  std::vector<sys::MountOption> options;
  for (const sys::Fd& lower : plan.lower) options.push_back({"lowerdir+", sys::fd_path(lower)});
  options.push_back({"upperdir", sys::fd_path(plan.upper)});
  options.push_back({"workdir", sys::fd_path(plan.work)});
  for (const auto& [key, value] : kFixed) options.push_back({key, value});
  if (plan.is_volatile) options.push_back({.key = "volatile", .value = "", .is_flag = true});
  return sys::DetachedMount::create("overlay", options, 0);
}

// The same directory, opened through the calling thread's mount namespace: overlayfs takes
// no layer that lies in another one.
Result<sys::Fd> reopen(const sys::Fd& directory) {
  std::array<char, 4096> path{};
  const ssize_t size = ::readlink(sys::fd_path(directory).c_str(), path.data(), path.size() - 1);
  if (size < 0) return Error::from_errno(errno, "read path of layer");
  return sys::open_at({}, path.data(), O_PATH | O_DIRECTORY);
}

Result<OverlayPlan> reopen_all(const OverlayPlan& plan) {
  OverlayPlan copy;
  for (const sys::Fd& lower : plan.lower) copy.lower.push_back(TRY(reopen(lower)));
  copy.upper = TRY(reopen(plan.upper));
  copy.work = TRY(reopen(plan.work));
  copy.is_volatile = plan.is_volatile;
  return copy;
}

Result<std::string> option_page(const OverlayPlan& plan) {
  std::string page = "lowerdir=";
  for (const sys::Fd& lower : plan.lower) page += sys::fd_path(lower) + ':';
  page.back() = ',';
  page += fmt::format("upperdir={},workdir={}", sys::fd_path(plan.upper), sys::fd_path(plan.work));
  for (const auto& [key, value] : kFixed) page += fmt::format(",{}={}", key, value);
  if (plan.is_volatile) page += ",volatile";
  if (page.size() >= static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)))
    return Error(
        ErrorKind::Unsupported,
        fmt::format("this kernel cannot stack {} layers (Linux 6.5 can)", plan.lower.size()));
  return page;
}

// Runs in a thread of its own, whose mount namespace dies with it: what it attaches is never
// seen by the host, and the copy that it takes is detached.
Result<sys::DetachedMount> mount_in_private_namespace(const OverlayPlan& outside) {
  if (::unshare(CLONE_FS | CLONE_NEWNS) < 0) return Error::from_errno(errno, "unshare");
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) < 0)
    return Error::from_errno(errno, "make mounts private");
  const OverlayPlan plan = TRY(reopen_all(outside));
  const std::string page = TRY(option_page(plan));
  if (::mount("overlay", "/", "overlay", 0, page.c_str()) < 0)
    return Error::from_errno(errno, "mount overlay");
  // "/" still names the old root directory; its ".." leads through the mount on top of it.
  return sys::DetachedMount::clone({}, "/..", sys::DetachedMount::Recursive::No);
}

Result<sys::DetachedMount> mount_by_page(const OverlayPlan& plan) {
  Result<sys::DetachedMount> mount = Error::internal("not mounted");
  std::thread([&] { mount = mount_in_private_namespace(plan); }).join();
  return mount;
}

// The mark of an earlier volatile mount, by which overlay refuses another one: a crash may have
// lost what was written. Whoever mounts so again does not mind.
void forget_volatile_mount(const sys::Fd& work) {
  if (::unlinkat(work.get(), "work/incompat/volatile/dirty", 0) < 0) return;
  static_cast<void>(::unlinkat(work.get(), "work/incompat/volatile", AT_REMOVEDIR));
}

// overlayfs mounts read-only where it cannot make its own directories below `work`, and keeps the
// reason to itself: asked for by making as many.
Error why_read_only(const OverlayPlan& plan) {
  constexpr std::array kNames = {".why1", ".why2", ".why3", ".why4"};
  int error = 0;
  for (const char* name : kNames)
    if (::mkdirat(plan.work.get(), name, 0) < 0 && errno != EEXIST) error = errno;
  for (const char* name : kNames) static_cast<void>(::unlinkat(plan.work.get(), name, AT_REMOVEDIR));
  constexpr const char* kWhat = "overlay came up read-only: the work directory cannot be used";
  return error == 0 ? Error::internal(kWhat) : Error::from_errno(error, kWhat);
}

}  // namespace

Result<sys::Fd> mount_overlay(const OverlayPlan& plan, OverlayMethod method) {
  if (plan.is_volatile) forget_volatile_mount(plan.work);
  sys::DetachedMount mount =
      TRY(method == OverlayMethod::Append ? mount_by_append(plan) : mount_by_page(plan));
  struct statvfs status{};
  if (::fstatvfs(mount.fd().get(), &status) < 0) return Error::from_errno(errno, "stat overlay");
  if ((status.f_flag & ST_RDONLY) != 0)
    return why_read_only(plan);
  return mount.release();
}

}  // namespace wherry::snapshot
