#include "sys/path.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "base/strings.h"
#include "sys/directory.h"

namespace wherry::sys {
namespace {

// openat2 answers EAGAIN when a rename or mount races with the look-up; an attacker may
// cause that for ever, so the retries are bounded.
constexpr int kRaceRetries = 64;
constexpr int kMaximumDepth = 4096;

Result<Fd> openat2_in(const Fd& root, const char* path, const open_how& how) {
  for (int attempt = 0;; ++attempt) {
    const long raw = ::syscall(SYS_openat2, root.get(), path, &how, sizeof how);
    if (raw >= 0) return Fd(static_cast<int>(raw));
    if (errno == EINTR || (errno == EAGAIN && attempt < kRaceRetries)) continue;
    return Error::from_errno(errno, fmt::format("open {}", quote(path)));
  }
}

bool is_plain_name(std::string_view name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string_view::npos;
}

Result<> remove_entries(const Fd& directory, int depth);

Result<> remove_entry(const Fd& parent, const char* name, int depth) {
  if (::unlinkat(parent.get(), name, 0) == 0 || errno == ENOENT) return {};
  if (errno != EISDIR && errno != EPERM)
    return Error::from_errno(errno, fmt::format("remove {}", quote(name)));
  const open_how how{O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0,
                     RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS};
  const Fd directory = TRY(openat2_in(parent, name, how));
  TRY(remove_entries(directory, depth + 1));
  if (::unlinkat(parent.get(), name, AT_REMOVEDIR) < 0 && errno != ENOENT)
    return Error::from_errno(errno, fmt::format("remove directory {}", quote(name)));
  return {};
}

Result<> remove_entries(const Fd& directory, int depth) {
  if (depth > kMaximumDepth) return Error::internal("directory tree is too deep to remove");
  const auto stream = TRY(open_directory(directory));
  while (const dirent* entry = ::readdir(stream.get())) {
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    TRY(remove_entry(directory, entry->d_name, depth));
  }
  return {};
}

}  // namespace

Result<Fd> open_in_root(const Fd& root, const std::string& path, OpenInRoot options) {
  const open_how how{static_cast<std::uint64_t>(options.flags) | O_CLOEXEC, options.mode,
                     options.resolve | RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
  return openat2_in(root, path.empty() ? "." : path.c_str(), how);
}

Result<Fd> open_beneath(const Fd& root, const std::string& path, OpenInRoot options) {
  const open_how how{static_cast<std::uint64_t>(options.flags) | O_CLOEXEC, options.mode,
                     options.resolve | RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
  return openat2_in(root, path.empty() ? "." : path.c_str(), how);
}

Result<ParentInRoot> open_parent_in_root(const Fd& root, std::string_view path) {
  while (path.ends_with('/')) path.remove_suffix(1);
  const auto slash = path.rfind('/');
  const std::string_view name = slash == std::string_view::npos ? path : path.substr(slash + 1);
  if (!is_plain_name(name)) return Error::invalid(fmt::format("invalid name {}", quote(path)));
  const std::string_view parent = slash == std::string_view::npos ? "" : path.substr(0, slash);
  Fd directory = TRY(open_in_root(root, std::string(parent), {.flags = O_PATH | O_DIRECTORY}));
  return ParentInRoot{std::move(directory), std::string(name)};
}

Result<Fd> make_directories_in_root(const Fd& root, std::string_view path, unsigned mode) {
  std::string walked;
  Fd directory = TRY(open_in_root(root, "", {.flags = O_PATH | O_DIRECTORY}));
  for (const std::string_view name : split(path, '/')) {
    if (name.empty() || name == ".") continue;
    walked += '/';
    walked += name;
    if (name != ".." && ::mkdirat(directory.get(), std::string(name).c_str(), mode) < 0 &&
        errno != EEXIST)
      return Error::from_errno(errno, fmt::format("mkdir {}", quote(walked)));
    // From the root again, so that a symlink among the names resolves inside it.
    directory = TRY(open_in_root(root, walked, {.flags = O_PATH | O_DIRECTORY}));
  }
  return directory;
}

Result<> empty_directory(const Fd& directory) { return remove_entries(directory, 0); }

Result<> remove_tree_at(const Fd& parent, const std::string& name) {
  if (!is_plain_name(name)) return Error::invalid(fmt::format("invalid name {}", quote(name)));
  return remove_entry(parent, name.c_str(), 0);
}

std::string fd_path(const Fd& fd) { return fmt::format("/proc/self/fd/{}", fd.get()); }

}  // namespace wherry::sys
