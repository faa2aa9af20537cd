// Volumes: what containers see of the data.
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/log.h"
#include "sys/mount.h"
#include "sys/path.h"
#include "volume/copy.h"
#include "volume/driver_options.h"
#include "volume/tree.h"
#include "volume/volumes.h"

namespace wherry::volume {
namespace {

using sys::DetachedMount;

constexpr const char* kDraft = "draft";

bool is_other_file_system(const sys::Fd& parent, const char* name) {
  struct stat above {};
  struct stat here {};
  return ::fstat(parent.get(), &above) == 0 && ::fstatat(parent.get(), name, &here, 0) == 0 &&
         above.st_dev != here.st_dev;
}

Result<> copy_into(const std::string& name, const sys::Fd& source, const sys::Fd& data) {
  TRY_AS(fmt::format("copy the image's files to volume {}", name), copy_contents(source, data));
  return {};
}

}  // namespace

// docker's sentences; a link that leads out is not followed.
Result<sys::Fd> open_subpath(const sys::Fd& data, const std::string& base, const std::string& subpath) {
  auto opened = sys::open_beneath(data, subpath, {.flags = O_PATH, .mode = 0, .resolve = RESOLVE_NO_XDEV});
  if (opened) return opened;
  const int reason = opened.error().errno_value();
  if (reason == ENOENT || reason == ENOTDIR)
    return Error::not_found(
        fmt::format("cannot access path {0}/{1}: lstat {0}/{1}: no such file or directory", base, subpath));
  if (reason == EXDEV || reason == ELOOP)
    return Error::invalid(fmt::format(
        "path concatenation escapes the base directory, base: {}, subpath: {}", base, subpath));
  return opened;
}

// All users of a tmpfs must see one instance, also those that come after a crash of the engine:
// it is attached to the volume's directory, where docker has it too.
Result<sys::Fd> Volumes::shared_instance(const Entry& entry) {
  const std::string& name = entry.record.name;
  const sys::Fd parent = TRY(sys::open_at(root_fd_, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  if (!is_other_file_system(parent, kData)) {
    const DetachedMount made = TRY(make_mount(entry.record.options));
    TRY(made.change({.propagation = MS_PRIVATE}));
    const sys::Fd target = TRY(sys::open_at(parent, kData, O_PATH | O_DIRECTORY | O_NOFOLLOW));
    TRY(made.attach(target));
  }
  return sys::open_at(parent, kData, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

Result<sys::Fd> Volumes::open_data(const Entry& entry) {
  const std::string path = entry.record.name + "/" + kData;
  switch (backing_of(entry.record.options)) {
    case Backing::Directory: return sys::open_at(root_fd_, path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    case Backing::Memory: return shared_instance(entry);
    case Backing::Bind:
    case Backing::FileSystem: return TRY(make_mount(entry.record.options)).release();
  }
  return Error::internal("unknown backing");
}

Result<sys::Fd> Volumes::mount(const std::string& name, const ContainerId& container,
                               const std::string& subpath) {
  const Entry found = TRY(entry(name));
  const std::lock_guard busy(*found.busy);
  const std::string context = fmt::format("error while mounting volume '{}': failed to mount local volume", path_of(name));
  sys::Fd data = TRY_AS(context, open_data(found));
  const Backing backing = backing_of(found.record.options);
  const bool detached = backing == Backing::Bind || backing == Backing::FileSystem;
  if (!subpath.empty()) data = TRY(open_subpath(data, path_of(name), subpath));
  // A detached mount is the container's as it is; a directory of one needs Linux 6.15 to be cloned.
  if (!detached || !subpath.empty()) {
    // With what an administrator has mounted inside, as docker has it.
    DetachedMount clone = TRY(DetachedMount::clone(data, "", DetachedMount::Recursive::Yes));
    TRY(clone.change({.propagation = MS_PRIVATE, .recursive = DetachedMount::Recursive::Yes}));
    data = clone.release();
  }
  mounted(name, container);
  return data;
}

void Volumes::mounted(const std::string& name, const ContainerId& container) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(name);
  if (found != entries_.end()) found->second.mounted.insert(container);
}

void Volumes::unmount(const ContainerId& container) {
  std::vector<Entry> used;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [name, entry] : entries_)
      if (entry.mounted.contains(container)) used.push_back(entry);
  }
  for (const Entry& entry : used) unmount_one(entry, container);
}

void Volumes::unmount_one(const Entry& entry, const ContainerId& container) {
  const std::lock_guard busy(*entry.busy);
  const std::string& name = entry.record.name;
  {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(name);
    if (found == entries_.end()) return;
    found->second.mounted.erase(container);
    if (!found->second.mounted.empty()) return;
  }
  if (backing_of(entry.record.options) != Backing::Memory) return;
  if (auto done = sys::unmount_detach(path_of(name)); !done)
    log::warning("volume {}: {}", name, done.error().message());
}

Result<> Volumes::fill(const std::string& name, const sys::Fd& source) {
  Entry found = TRY(entry(name));
  const std::lock_guard busy(*found.busy);
  found = TRY(entry(name));  // who has it mounted by now
  const Backing backing = backing_of(found.record.options);
  // What would be copied into memory is gone before the container starts.
  if (backing == Backing::Memory) return {};
  const sys::Fd data = TRY(open_data(found));
  if (!TRY(is_empty(data))) return {};
  // Two containers may be made at once, but a running one must keep the directory it has.
  if (backing != Backing::Directory || !found.mounted.empty()) return copy_into(name, source, data);
  const sys::Fd parent = TRY(sys::open_at(root_fd_, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  TRY(sys::remove_tree_at(parent, kDraft));
  if (::mkdirat(parent.get(), kDraft, 0700) < 0) return Error::from_errno(errno, "create draft of volume " + name);
  const sys::Fd draft = TRY(sys::open_at(parent, kDraft, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  TRY(copy_into(name, source, draft));
  if (::syncfs(draft.get()) < 0) return Error::from_errno(errno, "sync volume " + name);
  if (::renameat(parent.get(), kDraft, parent.get(), kData) < 0)
    return Error::from_errno(errno, "rename draft of volume " + name);
  return {};
}

Result<std::uint64_t> Volumes::size(const std::string& name) {
  const Entry found = TRY(entry(name));
  if (backing_of(found.record.options) != Backing::Directory) return 0;
  return bytes_below(TRY(open_data(found)));
}

}  // namespace wherry::volume
