#include "snapshot/flatten.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/strings.h"
#include "snapshot/layout.h"
#include "snapshot/tree.h"
#include "sys/directory.h"
#include "sys/path.h"

namespace wherry::snapshot {
namespace {

constexpr std::string_view kWhiteout = ".wh.";
constexpr std::string_view kOpaque = ".wh..wh..opq";
constexpr std::size_t kXattrList = 64 << 10;
constexpr std::size_t kXattrValue = 64 << 10;

Error failed(const char* verb, const std::string& name) {
  return Error::from_errno(errno, fmt::format("{} {}", verb, quote(name)));
}

Result<struct stat> stat_at(const sys::Fd& directory, const std::string& name) {
  struct stat status{};
  if (::fstatat(directory.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) < 0)
    return failed("stat", name);
  return status;
}

Result<> copy_xattrs(const sys::Fd& from, const sys::Fd& to) {
  std::vector<char> names(kXattrList);
  const ssize_t size = ::flistxattr(from.get(), names.data(), names.size());
  if (size < 0) return errno == ENOTSUP ? Result<>() : failed("list xattrs of", "file");
  std::vector<char> value(kXattrValue);
  for (const std::string_view name : split({names.data(), static_cast<std::size_t>(size)}, '\0')) {
    if (name.empty()) continue;
    const std::string text(name);
    const ssize_t length = ::fgetxattr(from.get(), text.c_str(), value.data(), value.size());
    if (length < 0) return failed("read xattr", text);
    if (::fsetxattr(to.get(), text.c_str(), value.data(), static_cast<std::size_t>(length), 0) < 0)
      return failed("set xattr", text);
  }
  return {};
}

// Shares the extents where the file system can, else the kernel copies; holes are kept where
// it does so.
Result<> copy_bytes(const sys::Fd& from, const sys::Fd& to) {
  if (::ioctl(to.get(), FICLONE, from.get()) == 0) return {};
  for (;;) {
    const ssize_t count =
        ::copy_file_range(from.get(), nullptr, to.get(), nullptr, std::size_t{1} << 30, 0);
    if (count == 0) return {};
    if (count < 0 && errno != EINTR) return failed("copy", "file");
  }
}

Result<> set_metadata(const sys::Fd& file, const struct stat& status) {
  if (::fchown(file.get(), status.st_uid, status.st_gid) < 0) return failed("chown", "file");
  if (::fchmod(file.get(), status.st_mode & 07777) < 0) return failed("chmod", "file");
  return {};
}

Result<> set_times(const sys::Fd& file, const struct stat& status) {
  const std::array<timespec, 2> times = {status.st_atim, status.st_mtim};
  if (::futimens(file.get(), times.data()) < 0) return failed("set time of", "file");
  return {};
}

class Flattener {
 public:
  explicit Flattener(const sys::Fd& root) : root_(root) {}
  Result<> merge(const sys::Fd& target, const sys::Fd& layer, const std::string& path, int depth);

 private:
  Result<> apply_whiteouts(const sys::Fd& target, const std::vector<std::string>& names);
  Result<> place(const sys::Fd& target, const sys::Fd& layer, const std::string& path, int depth);
  Result<> place_directory(const sys::Fd& target, const sys::Fd& layer, const std::string& path,
                           int depth);
  Result<> place_file(const sys::Fd& target, const sys::Fd& layer, const std::string& name,
                      const struct stat& status);
  Result<> place_special(const sys::Fd& target, const sys::Fd& layer, const std::string& name,
                         const struct stat& status);
  Result<bool> place_link(const sys::Fd& target, const std::string& path,
                          const struct stat& status);

  const sys::Fd& root_;
  std::map<ino_t, std::string> linked_;  // files with several names: where the first copy is
};

std::string name_of(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

Result<> Flattener::apply_whiteouts(const sys::Fd& target, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (!name.starts_with(kWhiteout)) continue;
    if (name != kOpaque) {
      TRY(sys::remove_tree_at(target, name.substr(kWhiteout.size())));
      continue;
    }
    for (const std::string& lower : TRY(sys::names_in(target)))
      TRY(sys::remove_tree_at(target, lower));
  }
  return {};
}

Result<> Flattener::merge(const sys::Fd& target, const sys::Fd& layer, const std::string& path,
                          int depth) {
  if (depth > kDeepestTree) return Error::internal("directory tree is too deep");
  const std::vector<std::string> names = TRY(sys::names_in(layer));
  TRY(apply_whiteouts(target, names));
  for (const std::string& name : names) {
    if (!name.starts_with(kWhiteout)) TRY(place(target, layer, path + '/' + name, depth));
  }
  struct stat status{};
  if (::fstat(layer.get(), &status) < 0) return failed("stat", path);
  TRY(set_metadata(target, status));
  TRY(copy_xattrs(layer, target));
  return set_times(target, status);
}

Result<> Flattener::place(const sys::Fd& target, const sys::Fd& layer, const std::string& path,
                          int depth) {
  const std::string name = name_of(path);
  const struct stat status = TRY(stat_at(layer, name));
  const auto existing = stat_at(target, name);
  const bool both_directories = existing && S_ISDIR(status.st_mode) && S_ISDIR(existing->st_mode);
  if (existing && !both_directories) TRY(sys::remove_tree_at(target, name));
  if (S_ISDIR(status.st_mode)) return place_directory(target, layer, path, depth);
  if (status.st_nlink > 1 && TRY(place_link(target, path, status))) return {};
  if (S_ISREG(status.st_mode)) return place_file(target, layer, name, status);
  return place_special(target, layer, name, status);
}

Result<> Flattener::place_directory(const sys::Fd& target, const sys::Fd& layer,
                                    const std::string& path, int depth) {
  const std::string name = name_of(path);
  if (::mkdirat(target.get(), name.c_str(), 0700) < 0 && errno != EEXIST)
    return failed("mkdir", path);
  const sys::Fd inner_target = TRY(sys::open_at(target, name.c_str(), kDirectory));
  const sys::Fd inner_layer = TRY(sys::open_at(layer, name.c_str(), kDirectory));
  return merge(inner_target, inner_layer, path, depth + 1);
}

// True if another name of the same file was copied already and linked here.
Result<bool> Flattener::place_link(const sys::Fd& target, const std::string& path,
                                   const struct stat& status) {
  const auto [first, is_first] = linked_.emplace(status.st_ino, path);
  if (is_first) return false;
  const auto from = TRY(sys::open_parent_in_root(root_, first->second));
  if (::linkat(from.parent.get(), from.name.c_str(), target.get(), name_of(path).c_str(), 0) < 0)
    return failed("link", path);
  return true;
}

Result<> Flattener::place_file(const sys::Fd& target, const sys::Fd& layer, const std::string& name,
                               const struct stat& status) {
  const sys::Fd from = TRY(sys::open_at(layer, name.c_str(), O_RDONLY | O_NOFOLLOW));
  const sys::Fd to =
      TRY(sys::open_at(target, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
  TRY(copy_bytes(from, to));
  TRY(set_metadata(to, status));
  TRY(copy_xattrs(from, to));
  return set_times(to, status);
}

Result<> Flattener::place_special(const sys::Fd& target, const sys::Fd& layer,
                                  const std::string& name, const struct stat& status) {
  if (S_ISLNK(status.st_mode)) {
    std::array<char, 4096> text{};
    const ssize_t length = ::readlinkat(layer.get(), name.c_str(), text.data(), text.size());
    if (length < 0) return failed("read link", name);
    const std::string link(text.data(), static_cast<std::size_t>(length));
    if (::symlinkat(link.c_str(), target.get(), name.c_str()) < 0) return failed("symlink", name);
  } else if (::mknodat(target.get(), name.c_str(), status.st_mode, status.st_rdev) < 0) {
    return failed("mknod", name);
  }
  if (::fchownat(target.get(), name.c_str(), status.st_uid, status.st_gid, AT_SYMLINK_NOFOLLOW) < 0)
    return failed("chown", name);
  if (!S_ISLNK(status.st_mode) &&
      ::fchmodat(target.get(), name.c_str(), status.st_mode & 07777, 0) < 0)
    return failed("chmod", name);
  const std::array<timespec, 2> times = {status.st_atim, status.st_mtim};
  if (::utimensat(target.get(), name.c_str(), times.data(), AT_SYMLINK_NOFOLLOW) < 0)
    return failed("set time of", name);
  return {};
}

}  // namespace

Result<> flatten_onto(const sys::Fd& target, const sys::Fd& layer) {
  Flattener flattener(target);
  return flattener.merge(target, layer, "", 0);
}

}  // namespace wherry::snapshot
