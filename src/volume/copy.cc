#include "volume/copy.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstring>
#include <map>
#include <utility>
#include <vector>

#include "sys/directory.h"
#include "sys/path.h"
#include "volume/tree.h"

namespace wherry::volume {
namespace {

constexpr std::size_t kXattrBytes = 64 << 10;

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

Result<> copy_metadata_times(const struct stat& status, const sys::Fd& to) {
  const std::array<timespec, 2> times = {status.st_atim, status.st_mtim};
  if (::futimens(to.get(), times.data()) < 0) return Error::from_errno(errno, "set times");
  return {};
}

Result<> copy_metadata(const struct stat& status, const sys::Fd& to) {
  if (::fchown(to.get(), status.st_uid, status.st_gid) < 0) return Error::from_errno(errno, "chown");
  // After chown, which clears setuid bits.
  if (::fchmod(to.get(), status.st_mode & 07777) < 0) return Error::from_errno(errno, "chmod");
  return copy_metadata_times(status, to);
}

// Names of one file with several: device and inode -> its first copy, below the copy's root.
using FileKey = std::pair<dev_t, ino_t>;

class Copier {
 public:
  explicit Copier(const sys::Fd& root) : root_(root) {}

  Result<> copy_directory(const sys::Fd& from, const sys::Fd& to, const std::string& path, int depth) {
    if (depth > kDeepestDirectory) return Error::invalid("volume: directories are too deep");
    for (const std::string& name : TRY(sys::names_in(from)))
      TRY(copy_entry({from, to, name, path + name}, depth));
    struct stat status {};
    if (::fstat(from.get(), &status) < 0) return Error::from_errno(errno, "stat directory");
    TRY(copy_xattrs(from, to));
    return copy_metadata(status, to);
  }

 private:
  struct Entry {
    const sys::Fd& from;
    const sys::Fd& to;
    const std::string& name;
    std::string path;  // below the copy's root
  };

  Result<> copy_entry(const Entry& entry, int depth) {
    struct stat status {};
    if (::fstatat(entry.from.get(), entry.name.c_str(), &status, AT_SYMLINK_NOFOLLOW) < 0)
      return Error::from_errno(errno, "stat " + entry.name);
    if (S_ISDIR(status.st_mode)) return enter_directory(entry, depth);
    if (status.st_nlink > 1) {
      const auto [known, first] = first_names_.emplace(FileKey{status.st_dev, status.st_ino}, entry.path);
      if (!first) return link_to(known->second, entry);
    }
    if (S_ISREG(status.st_mode)) return copy_file(entry, status);
    if (S_ISLNK(status.st_mode)) return copy_symlink(entry, status);
    return copy_node(entry, status);
  }

  Result<> enter_directory(const Entry& entry, int depth) {
    const char* name = entry.name.c_str();
    const sys::Fd source = TRY(sys::open_at(entry.from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    if (::mkdirat(entry.to.get(), name, 0700) < 0) return Error::from_errno(errno, "mkdir " + entry.name);
    const sys::Fd target = TRY(sys::open_at(entry.to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    return copy_directory(source, target, entry.path + "/", depth + 1);
  }

  Result<> link_to(const std::string& first, const Entry& entry) const {
    const sys::ParentInRoot known = TRY(sys::open_parent_in_root(root_, first));
    if (::linkat(known.parent.get(), known.name.c_str(), entry.to.get(), entry.name.c_str(), 0) < 0)
      return Error::from_errno(errno, "link " + entry.name);
    return {};
  }

  static Result<> copy_file(const Entry& entry, const struct stat& status) {
    const char* name = entry.name.c_str();
    const sys::Fd source = TRY(sys::open_at(entry.from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
    const sys::Fd target = TRY(sys::open_at(entry.to, name, O_WRONLY | O_CREAT | O_EXCL, 0600));
    for (;;) {
      const ssize_t sent = ::sendfile(target.get(), source.get(), nullptr, 1 << 30);
      if (sent < 0) return Error::from_errno(errno, "copy " + entry.name);
      if (sent == 0) break;
    }
    // Capabilities of a file, an xattr, are cleared by chown: they come after it.
    TRY(copy_metadata(status, target));
    TRY(copy_xattrs(source, target));
    return copy_metadata_times(status, target);
  }

  static Result<> copy_symlink(const Entry& entry, const struct stat& status) {
    std::string text(PATH_MAX, '\0');
    const ssize_t size = ::readlinkat(entry.from.get(), entry.name.c_str(), text.data(), text.size() - 1);
    if (size < 0) return Error::from_errno(errno, "readlink " + entry.name);
    text.resize(static_cast<std::size_t>(size));
    if (::symlinkat(text.c_str(), entry.to.get(), entry.name.c_str()) < 0)
      return Error::from_errno(errno, "symlink " + entry.name);
    return own_name(entry, status);
  }

  static Result<> copy_node(const Entry& entry, const struct stat& status) {
    if (::mknodat(entry.to.get(), entry.name.c_str(), status.st_mode, status.st_rdev) < 0)
      return Error::from_errno(errno, "mknod " + entry.name);
    TRY(own_name(entry, status));
    // mknod obeys the umask. By descriptor: a container that uses the volume may swap the name.
    const sys::Fd made = TRY(sys::open_at(entry.to, entry.name.c_str(), O_PATH | O_NOFOLLOW));
    if (::chmod(sys::fd_path(made).c_str(), status.st_mode & 07777) < 0)
      return Error::from_errno(errno, "chmod " + entry.name);
    return {};
  }

  static Result<> own_name(const Entry& entry, const struct stat& status) {
    if (::fchownat(entry.to.get(), entry.name.c_str(), status.st_uid, status.st_gid, AT_SYMLINK_NOFOLLOW) < 0)
      return Error::from_errno(errno, "chown " + entry.name);
    const std::array<timespec, 2> times = {status.st_atim, status.st_mtim};
    if (::utimensat(entry.to.get(), entry.name.c_str(), times.data(), AT_SYMLINK_NOFOLLOW) < 0)
      return Error::from_errno(errno, "set times of " + entry.name);
    return {};
  }

  const sys::Fd& root_;
  std::map<FileKey, std::string> first_names_;
};

}  // namespace

Result<bool> is_empty(const sys::Fd& directory) { return TRY(sys::names_in(directory)).empty(); }

Result<sys::Fd> open_content(const sys::Fd& root, const std::string& target) {
  auto opened = sys::open_in_root(root, target, {.flags = O_RDONLY | O_DIRECTORY});
  if (opened) return std::move(*opened);
  const int reason = opened.error().errno_value();
  if (reason == ENOENT || reason == ENOTDIR) return sys::Fd();
  return std::move(opened).error();
}

Result<> copy_contents(const sys::Fd& source, const sys::Fd& target) {
  return Copier(target).copy_directory(source, target, "", 0);
}

}  // namespace wherry::volume
