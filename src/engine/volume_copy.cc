#include "engine/volume_copy.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <vector>

#include "sys/path.h"

namespace wherry::engine {
namespace {

constexpr int kDeepestDirectory = 256;
constexpr std::size_t kXattrBytes = 64 << 10;

struct DirectoryCloser {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

Result<std::vector<std::string>> names_in(const sys::Fd& directory) {
  const int again = ::openat(directory.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (again < 0) return Error::from_errno(errno, "copy volume");
  const std::unique_ptr<DIR, DirectoryCloser> open(::fdopendir(again));
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(open.get())) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  return names;
}

Result<> copy_xattrs(const sys::Fd& from, const sys::Fd& to) {
  std::string names(kXattrBytes, '\0');
  const ssize_t size = ::flistxattr(from.get(), names.data(), names.size());
  if (size < 0) return errno == ENOTSUP ? Result<>() : Error::from_errno(errno, "list xattrs");
  std::string value(kXattrBytes, '\0');
  for (const char* name = names.data(); name < names.data() + size; name += std::strlen(name) + 1) {
    if (std::string_view(name).starts_with("trusted.overlay.")) continue;
    const ssize_t got = ::fgetxattr(from.get(), name, value.data(), value.size());
    if (got < 0) return Error::from_errno(errno, fmt::format("read xattr {}", name));
    if (::fsetxattr(to.get(), name, value.data(), static_cast<std::size_t>(got), 0) < 0)
      return Error::from_errno(errno, fmt::format("set xattr {}", name));
  }
  return {};
}

Result<> copy_metadata(const struct stat& status, const sys::Fd& to) {
  if (::fchown(to.get(), status.st_uid, status.st_gid) < 0) return Error::from_errno(errno, "chown");
  // After chown, which clears setuid bits.
  if (::fchmod(to.get(), status.st_mode & 07777) < 0) return Error::from_errno(errno, "chmod");
  const std::array<timespec, 2> times = {status.st_atim, status.st_mtim};
  if (::futimens(to.get(), times.data()) < 0) return Error::from_errno(errno, "set times");
  return {};
}

Result<> copy_file(const sys::Fd& from, const sys::Fd& to, const std::string& name,
                   const struct stat& status) {
  const sys::Fd source = TRY(sys::open_at(from, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
  const sys::Fd target = TRY(sys::open_at(to, name.c_str(), O_WRONLY | O_CREAT | O_EXCL, 0600));
  for (;;) {
    const ssize_t sent = ::sendfile(target.get(), source.get(), nullptr, 1 << 30);
    if (sent < 0) return Error::from_errno(errno, "copy " + name);
    if (sent == 0) break;
  }
  TRY(copy_xattrs(source, target));
  return copy_metadata(status, target);
}

Result<> copy_symlink(const sys::Fd& from, const sys::Fd& to, const std::string& name,
                      const struct stat& status) {
  std::string text(PATH_MAX, '\0');
  const ssize_t size = ::readlinkat(from.get(), name.c_str(), text.data(), text.size() - 1);
  if (size < 0) return Error::from_errno(errno, "readlink " + name);
  text.resize(static_cast<std::size_t>(size));
  if (::symlinkat(text.c_str(), to.get(), name.c_str()) < 0) return Error::from_errno(errno, "symlink " + name);
  if (::fchownat(to.get(), name.c_str(), status.st_uid, status.st_gid, AT_SYMLINK_NOFOLLOW) < 0)
    return Error::from_errno(errno, "chown " + name);
  return {};
}

Result<> copy_node(const sys::Fd& to, const std::string& name, const struct stat& status) {
  if (::mknodat(to.get(), name.c_str(), status.st_mode, status.st_rdev) < 0)
    return Error::from_errno(errno, "mknod " + name);
  if (::fchownat(to.get(), name.c_str(), status.st_uid, status.st_gid, AT_SYMLINK_NOFOLLOW) < 0)
    return Error::from_errno(errno, "chown " + name);
  return {};
}

Result<> copy_directory(const sys::Fd& from, const sys::Fd& to, int depth);

Result<> copy_entry(const sys::Fd& from, const sys::Fd& to, const std::string& name, int depth) {
  struct stat status {};
  if (::fstatat(from.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) < 0)
    return Error::from_errno(errno, "stat " + name);
  if (S_ISREG(status.st_mode)) return copy_file(from, to, name, status);
  if (S_ISLNK(status.st_mode)) return copy_symlink(from, to, name, status);
  if (!S_ISDIR(status.st_mode)) return copy_node(to, name, status);
  const sys::Fd source = TRY(sys::open_at(from, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  if (::mkdirat(to.get(), name.c_str(), 0700) < 0) return Error::from_errno(errno, "mkdir " + name);
  const sys::Fd target = TRY(sys::open_at(to, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  return copy_directory(source, target, depth + 1);
}

Result<> copy_directory(const sys::Fd& from, const sys::Fd& to, int depth) {
  if (depth > kDeepestDirectory) return Error::invalid("volume: directories are too deep");
  for (const std::string& name : TRY(names_in(from))) TRY(copy_entry(from, to, name, depth));
  struct stat status {};
  if (::fstat(from.get(), &status) < 0) return Error::from_errno(errno, "stat directory");
  TRY(copy_xattrs(from, to));
  return copy_metadata(status, to);
}

// What the image has at `target`; empty if that is nothing, or no directory.
Result<sys::Fd> open_source(const sys::Fd& root, const std::string& target) {
  auto opened = sys::open_in_root(root, target, {.flags = O_RDONLY | O_DIRECTORY});
  if (opened) return std::move(*opened);
  if (opened.error().errno_value() == ENOENT || opened.error().errno_value() == ENOTDIR) return sys::Fd();
  return std::move(opened).error();
}

}  // namespace

Result<> populate_volume(const sys::Fd& root, const std::string& target,
                         const std::string& directory) {
  struct stat status {};
  if (::stat(directory.c_str(), &status) == 0) return {};
  const std::string parent = directory.substr(0, directory.rfind('/'));
  const std::string draft_name = "draft";
  TRY(sys::make_directories(parent, 0711));
  const sys::Fd parent_fd = TRY(sys::open_at({}, parent.c_str(), O_PATH | O_DIRECTORY));
  TRY(sys::remove_tree_at(parent_fd, draft_name));
  if (::mkdirat(parent_fd.get(), draft_name.c_str(), 0755) < 0) return Error::from_errno(errno, "mkdir volume");
  const sys::Fd draft = TRY(sys::open_at(parent_fd, draft_name.c_str(), O_RDONLY | O_DIRECTORY));
  const sys::Fd source = TRY(open_source(root, target));
  if (source) TRY_AS("copy the image's files to the volume", copy_directory(source, draft, 0));
  if (::renameat(parent_fd.get(), draft_name.c_str(), AT_FDCWD, directory.c_str()) < 0)
    return Error::from_errno(errno, "rename volume");
  return {};
}

}  // namespace wherry::engine
