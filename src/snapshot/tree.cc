#include "snapshot/tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string_view>
#include <unordered_set>

#include "base/strings.h"
#include "sys/directory.h"

namespace wherry::snapshot {
namespace {

using sys::Directory;

Result<Directory> open_directory(int parent, const char* name) {
  sys::Fd fd(::openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return Error::from_errno(errno, std::string("open ") + quote(name));
  Directory stream(::fdopendir(fd.get()));
  if (!stream) return Error::from_errno(errno, "read directory");
  static_cast<void>(fd.release());
  return stream;
}

bool is_dot(const char* name) {
  return std::string_view(name) == "." || std::string_view(name) == "..";
}

class Measure {
 public:
  Result<> walk(int parent, const char* name, int depth);
  [[nodiscard]] const TreeSize& size() const { return size_; }

 private:
  Result<> take(int directory, const dirent& entry, int depth);

  TreeSize size_;
  std::unordered_set<ino_t> linked_;  // a layer or upper directory lies on one file system
};

Result<> Measure::take(int directory, const dirent& entry, int depth) {
  ++size_.entries;
  if (entry.d_type == DT_DIR) return walk(directory, entry.d_name, depth + 1);
  if (entry.d_type != DT_REG && entry.d_type != DT_UNKNOWN) return {};
  struct stat status{};
  if (::fstatat(directory, entry.d_name, &status, AT_SYMLINK_NOFOLLOW) < 0)
    return Error::from_errno(errno, std::string("stat ") + quote(entry.d_name));
  if (S_ISDIR(status.st_mode)) return walk(directory, entry.d_name, depth + 1);
  if (!S_ISREG(status.st_mode)) return {};
  if (status.st_nlink > 1 && !linked_.insert(status.st_ino).second) return {};
  size_.bytes += static_cast<std::uint64_t>(status.st_size);
  return {};
}

Result<> Measure::walk(int parent, const char* name, int depth) {
  if (depth > kDeepestTree) return Error::internal("directory tree is too deep");
  const Directory directory = TRY(open_directory(parent, name));
  while (const dirent* entry = ::readdir(directory.get())) {
    if (!is_dot(entry->d_name)) TRY(take(::dirfd(directory.get()), *entry, depth));
  }
  return {};
}

}  // namespace

Result<TreeSize> measure_tree(const sys::Fd& root) {
  Measure measure;
  TRY(measure.walk(root.get(), ".", 0));
  return measure.size();
}

}  // namespace wherry::snapshot
