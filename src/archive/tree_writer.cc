#include "archive/tree_writer.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/strings.h"
#include "sys/path.h"

namespace wherry::archive {
namespace {

constexpr unsigned kSetIds = S_ISUID | S_ISGID;
constexpr unsigned kParentMode = 0755;  // of a directory that the archive left out

Error failed(const char* verb, std::string_view path) {
  // A name that the file system does not take is the archive's fault, not the host's.
  const int number = errno;
  const std::string what = fmt::format("{} {}", verb, quote(path));
  if (number == ENAMETOOLONG || number == EILSEQ || number == ENOTDIR || number == ELOOP ||
      number == ENOENT)
    return Error(ErrorKind::InvalidArgument, number, Error::from_errno(number, what).message());
  return Error::from_errno(number, what);
}

std::array<timespec, 2> times_of(const TarEntry& entry) {
  return {entry.mtime, entry.mtime};
}

// What an archive may set. trusted.overlay.* would steer overlayfs (redirect to any lower
// path), security.* but capabilities belongs to the host's policy.
bool xattr_is_allowed(std::string_view name) {
  if (name.starts_with("user.")) return !name.starts_with("user.overlay.");
  return name == "security.capability" || name == "system.posix_acl_access" ||
         name == "system.posix_acl_default";
}

}  // namespace

Result<sys::Fd> TreeWriter::lookup(std::string_view directory) const {
  if (directory.empty()) return root_.duplicate();
  return sys::open_in_root(root_, std::string(directory),
                           {.flags = O_PATH | O_DIRECTORY, .resolve = RESOLVE_NO_SYMLINKS});
}

// Parents through a symlink of the same layer are resolved as inside a chroot, as docker and
// containerd do; missing ones are made.
Result<> TreeWriter::open_parent(std::string_view parent) {
  if (parent == parent_path_ && parent_) return {};
  parent_ = sys::Fd();
  auto found = lookup(parent);
  if (!found && (found.error().errno_value() == ENOENT || found.error().errno_value() == ELOOP))
    found = sys::make_directories_in_root(root_, parent, kParentMode);
  if (!found) {
    errno = found.error().errno_value();
    return failed("make parent", parent);
  }
  parent_ = std::move(*found);
  parent_path_ = parent;
  return {};
}

Result<TreeWriter::Place> TreeWriter::place(const LayerPath& path) {
  const std::string_view parent = path.parent();
  if (parent.empty()) return Place{root_.get(), path.name()};
  TRY(open_parent(parent));
  return Place{parent_.get(), path.name()};
}

Result<> TreeWriter::remove(const Place& place) {
  sys::Fd parent(::fcntl(place.parent, F_DUPFD_CLOEXEC, 0));
  if (!parent) return failed("replace", place.name);
  TRY(sys::remove_tree_at(parent, place.name));
  // The parent that is kept may have been inside of what went.
  if (place.parent != parent_.get()) parent_ = sys::Fd();
  return {};
}

Result<bool> TreeWriter::is_whiteout(const Place& place) const {
  struct stat status{};
  if (::fstatat(place.parent, place.name, &status, AT_SYMLINK_NOFOLLOW) < 0)
    return failed("stat", place.name);
  return S_ISCHR(status.st_mode) && status.st_rdev == 0;
}

bool TreeWriter::must_chown(const TarEntry& entry) const {
  if (privilege_ == ExtractOptions::Privilege::User) return false;
  return entry.uid != 0 || entry.gid != 0 || inherits_group_;
}

Result<> TreeWriter::set_owner(const Place& place, const TarEntry& entry) {
  if (!must_chown(entry)) return {};
  if (::fchownat(place.parent, place.name, static_cast<uid_t>(entry.uid),
                 static_cast<gid_t>(entry.gid), AT_SYMLINK_NOFOLLOW) < 0)
    return failed("chown", entry.name);
  return {};
}

Result<> TreeWriter::set_xattrs(const sys::Fd& file, const TarEntry& entry) {
  for (const auto& [name, value] : entry.xattrs) {
    if (!xattr_is_allowed(name) || name.find('\0') != std::string::npos) continue;
    const bool user = privilege_ == ExtractOptions::Privilege::User;
    if (user && !name.starts_with("user.")) continue;
    if (::fsetxattr(file.get(), name.c_str(), value.data(), value.size(), 0) == 0) continue;
    // docker drops them as well where the file system has none
    if (errno != ENOTSUP) return failed(fmt::format("set xattr {} of", name).c_str(), entry.name);
  }
  return {};
}

Result<sys::Fd> TreeWriter::create_file(const Place& place, std::uint32_t mode) {
  constexpr int kFlags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  sys::Fd file(::openat(place.parent, place.name, kFlags, mode));
  if (file) return file;
  if (errno != EEXIST) return failed("create", place.name);
  TRY(remove(place));
  file = sys::Fd(::openat(place.parent, place.name, kFlags, mode));
  if (!file) return failed("create", place.name);
  return file;
}

Result<> TreeWriter::write_content(const sys::Fd& file, const TarEntry& entry, TarReader& content) {
  for (;;) {
    TarPiece piece = TRY(content.content());
    if (piece.bytes.empty()) break;
    while (!piece.bytes.empty()) {
      const ssize_t count = ::pwrite(file.get(), piece.bytes.data(), piece.bytes.size(),
                                     static_cast<off_t>(piece.offset));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return failed("write", entry.name);
      piece.offset += static_cast<std::uint64_t>(count);
      piece.bytes = piece.bytes.subspan(static_cast<std::size_t>(count));
    }
  }
  if (entry.sparse && ::ftruncate(file.get(), static_cast<off_t>(entry.size)) < 0)
    return failed("write", entry.name);
  return {};
}

Result<> TreeWriter::set_file_metadata(const sys::Fd& file, const TarEntry& entry) {
  const bool chowned = must_chown(entry);
  if (chowned &&
      ::fchown(file.get(), static_cast<uid_t>(entry.uid), static_cast<gid_t>(entry.gid)) < 0)
    return failed("chown", entry.name);
  // Writing and chown take setuid bits away, and so does the kernel's check at creation.
  if ((entry.mode & kSetIds) != 0 && ::fchmod(file.get(), entry.mode) < 0)
    return failed("chmod", entry.name);
  TRY(set_xattrs(file, entry));
  if (::futimens(file.get(), times_of(entry).data()) < 0) return failed("set time of", entry.name);
  return {};
}

Result<> TreeWriter::write_file(const LayerPath& path, const TarEntry& entry, TarReader& content) {
  const Place where = TRY(place(path));
  const sys::Fd file = TRY(create_file(where, entry.mode));
  TRY(write_content(file, entry, content));
  return set_file_metadata(file, entry);
}

Result<> TreeWriter::set_directory_metadata(const sys::Fd& directory, const LayerPath& path,
                                            const TarEntry& entry) {
  const bool user = privilege_ == ExtractOptions::Privilege::User;
  if (!user &&
      ::fchown(directory.get(), static_cast<uid_t>(entry.uid), static_cast<gid_t>(entry.gid)) < 0)
    return failed("chown", entry.name);
  // An ordinary user keeps the right to write into it until finish().
  if (::fchmod(directory.get(), user ? entry.mode | S_IRWXU : entry.mode) < 0)
    return failed("chmod", entry.name);
  if ((entry.mode & S_ISGID) != 0) inherits_group_ = true;
  TRY(set_xattrs(directory, entry));
  directory_times_.push_back({directory_paths_.size(), entry.mtime, entry.mode});
  directory_paths_.append(path.str()).push_back('\0');
  return {};
}

Result<> TreeWriter::make_directory(const LayerPath& path, const TarEntry& entry) {
  constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
  if (path.is_root())
    return set_directory_metadata(TRY(sys::open_at(root_, ".", kFlags)), path, entry);
  const Place where = TRY(place(path));
  sys::Fd existing;
  bool hides_lower = false;
  if (::mkdirat(where.parent, where.name, 0700) < 0) {
    if (errno != EEXIST) return failed("mkdir", path.str());
    existing = sys::Fd(::openat(where.parent, where.name, kFlags | O_CLOEXEC));
    if (!existing) {
      hides_lower = TRY(is_whiteout(where));
      TRY(remove(where));
      if (::mkdirat(where.parent, where.name, 0700) < 0) return failed("mkdir", path.str());
    }
  }
  if (!existing) existing = sys::Fd(::openat(where.parent, where.name, kFlags | O_CLOEXEC));
  if (!existing) return failed("open", path.str());
  if (hides_lower) TRY(mark_opaque(path.str()));
  return set_directory_metadata(existing, path, entry);
}

Result<> TreeWriter::make_symlink(const LayerPath& path, const TarEntry& entry) {
  const Place where = TRY(place(path));
  if (entry.link.empty() || entry.link.find('\0') != std::string::npos)
    return Error::invalid(fmt::format("archive entry {} links to nothing", quote(entry.name)));
  if (::symlinkat(entry.link.c_str(), where.parent, where.name) < 0) {
    if (errno != EEXIST) return failed("symlink", path.str());
    TRY(remove(where));
    if (::symlinkat(entry.link.c_str(), where.parent, where.name) < 0)
      return failed("symlink", path.str());
  }
  TRY(set_owner(where, entry));
  if (::utimensat(where.parent, where.name, times_of(entry).data(), AT_SYMLINK_NOFOLLOW) < 0)
    return failed("set time of", path.str());
  return {};
}

Result<> TreeWriter::make_node(const LayerPath& path, const TarEntry& entry) {
  const Place where = TRY(place(path));
  const mode_t type = entry.type == '3' ? S_IFCHR : entry.type == '4' ? S_IFBLK : S_IFIFO;
  const dev_t device = entry.type == '6' ? 0 : ::makedev(entry.major, entry.minor);
  if (::mknodat(where.parent, where.name, type | entry.mode, device) < 0) {
    if (errno != EEXIST) return failed("mknod", path.str());
    TRY(remove(where));
    if (::mknodat(where.parent, where.name, type | entry.mode, device) < 0)
      return failed("mknod", path.str());
  }
  TRY(set_owner(where, entry));
  if (::utimensat(where.parent, where.name, times_of(entry).data(), AT_SYMLINK_NOFOLLOW) < 0)
    return failed("set time of", path.str());
  return {};
}

Result<> TreeWriter::make_hard_link(const LayerPath& path, const LayerPath& target) {
  const auto refused = [&](const char* why) {
    return Error::invalid(
        fmt::format("hard link {} to {} {}", quote(path.str()), quote(target.str()), why));
  };
  if (target.is_root() || target.str() == path.str()) return refused("is a loop");
  const auto parent =
      sys::open_in_root(root_, std::string(target.parent()), {.flags = O_PATH | O_DIRECTORY});
  struct stat status{};
  if (!parent || ::fstatat(parent->get(), target.name(), &status, AT_SYMLINK_NOFOLLOW) < 0)
    return refused("which is not in this layer");
  if (S_ISDIR(status.st_mode)) return refused("which is a directory");

  const Place where = TRY(place(path));
  if (::linkat(parent->get(), target.name(), where.parent, where.name, 0) == 0) return {};
  if (errno != EEXIST) return failed("link", path.str());
  struct stat existing{};
  const bool same = ::fstatat(where.parent, where.name, &existing, AT_SYMLINK_NOFOLLOW) == 0 &&
                    existing.st_ino == status.st_ino && existing.st_dev == status.st_dev;
  if (same) return {};
  TRY(remove(where));
  if (::linkat(parent->get(), target.name(), where.parent, where.name, 0) < 0)
    return failed("link", path.str());
  return {};
}

Result<> TreeWriter::make_whiteout(const LayerPath& marker, const std::string& name) {
  const Place where = TRY(place(marker));
  if (::mknodat(where.parent, name.c_str(), S_IFCHR, 0) == 0) return {};
  if (errno != EEXIST) return failed("make whiteout of", name);
  // The layer has the name itself: a file replaces the lower one by being there, a directory
  // must say that it does not merge.
  struct stat status{};
  if (::fstatat(where.parent, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) < 0)
    return failed("stat", name);
  if (!S_ISDIR(status.st_mode)) return {};
  const std::string_view parent = marker.parent();
  return mark_opaque(parent.empty() ? name : fmt::format("{}/{}", parent, name));
}

Result<> TreeWriter::mark_opaque(std::string_view directory) {
  if (!directory.empty()) TRY(open_parent(directory));
  const sys::Fd& parent = directory.empty() ? root_ : parent_;
  const sys::Fd opened = TRY(sys::open_at(parent, ".", O_RDONLY | O_DIRECTORY));
  if (::fsetxattr(opened.get(), "trusted.overlay.opaque", "y", 1, 0) < 0)
    return failed("mark opaque", directory);
  return {};
}

Result<> TreeWriter::finish() {
  const bool user = privilege_ == ExtractOptions::Privilege::User;
  for (auto record = directory_times_.rbegin(); record != directory_times_.rend(); ++record) {
    const char* path = directory_paths_.c_str() + record->path;
    const auto directory = sys::open_in_root(
        root_, path, {.flags = O_RDONLY | O_DIRECTORY, .resolve = RESOLVE_NO_SYMLINKS});
    if (!directory) continue;  // a later entry took its place
    const std::array<timespec, 2> times = {record->mtime, record->mtime};
    if (::futimens(directory->get(), times.data()) < 0) return failed("set time of", path);
    if (user && ::fchmod(directory->get(), record->mode) < 0) return failed("chmod", path);
  }
  directory_times_.clear();
  return {};
}

}  // namespace wherry::archive
