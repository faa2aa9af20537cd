#include "volume/tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <set>
#include <utility>

#include "sys/directory.h"

namespace wherry::volume {
namespace {

class Measure {
 public:
  Result<> walk(const sys::Fd& directory, int depth) {
    if (depth > kDeepestDirectory) return {};
    for (const std::string& name : TRY(sys::names_in(directory))) {
      struct stat status {};
      if (::fstatat(directory.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) < 0) continue;
      if (S_ISREG(status.st_mode)) add(status);
      if (!S_ISDIR(status.st_mode)) continue;
      const auto below = sys::open_at(directory, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
      if (below) TRY(walk(*below, depth + 1));
    }
    return {};
  }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

 private:
  void add(const struct stat& status) {
    if (status.st_nlink > 1 && !seen_.emplace(status.st_dev, status.st_ino).second) return;
    bytes_ += static_cast<std::uint64_t>(status.st_size);
  }

  std::uint64_t bytes_ = 0;
  std::set<std::pair<dev_t, ino_t>> seen_;
};

}  // namespace

Result<std::uint64_t> bytes_below(const sys::Fd& root) {
  Measure measure;
  TRY(measure.walk(root, 0));
  return measure.bytes();
}

}  // namespace wherry::volume
