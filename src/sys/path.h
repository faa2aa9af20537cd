// sys/path: the only way to reach names below a root that we do not trust (an image, a
// container). Every look-up is one openat2(2) (Linux >= 5.6) with RESOLVE_IN_ROOT and
// RESOLVE_NO_MAGICLINKS: "..", absolute names and symlinks stay inside `root`, and
// /proc/self/fd style links are refused. Nothing here ever takes a host path.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sys/fd.h"

namespace wherry::sys {

struct OpenInRoot {
  int flags = 0;             // O_* of open(2); O_CLOEXEC is added
  unsigned mode = 0;         // with O_CREAT
  std::uint64_t resolve = 0; // RESOLVE_* added to IN_ROOT | NO_MAGICLINKS
};

// Opens `path` as a process chrooted to `root` would see it.
Result<Fd> open_in_root(const Fd& root, const std::string& path, OpenInRoot options);

// As open_in_root, but a name or link that leads above `root` is an error (EXDEV).
Result<Fd> open_beneath(const Fd& root, const std::string& path, OpenInRoot options);

// Opens the parent directory (O_PATH) of `path` below `root` and gives the last name, which
// is never "", "." or ".." and holds no slash. The name itself is not looked up.
struct ParentInRoot {
  Fd parent;
  std::string name;
};
Result<ParentInRoot> open_parent_in_root(const Fd& root, std::string_view path);

// mkdir -p below `root`, following symlinks inside it; returns the last directory (O_PATH).
Result<Fd> make_directories_in_root(const Fd& root, std::string_view path, unsigned mode);

// Removes a directory tree below `parent` by name, never following a symlink and never
// crossing into another mount. A missing name is success.
Result<> remove_tree_at(const Fd& parent, const std::string& name);

// As remove_tree_at, but the directory itself stays.
Result<> empty_directory(const Fd& directory);

// The path that /proc/self/fd/N of this process is; for mount(2)-like calls that take no fd.
std::string fd_path(const Fd& fd);

}  // namespace wherry::sys
