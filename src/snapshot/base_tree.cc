#include "snapshot/base_tree.h"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace wherry::snapshot {
namespace {

constexpr unsigned kMode = 0755;  // of the files too, as docker's

constexpr std::array kDirectories{"dev", "dev/pts", "dev/shm", "etc", "proc", "sys"};
constexpr std::array kFiles{".dockerenv", "dev/console", "etc/hostname", "etc/hosts",
                            "etc/resolv.conf"};

Result<> make_file(const sys::Fd& tree, const char* name) {
  const sys::Fd file(::openat(tree.get(), name, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, kMode));
  if (!file || ::fchmod(file.get(), kMode) < 0)
    return Error::from_errno(errno, "make mount point");
  return {};
}

}  // namespace

Result<sys::Fd> open_base_tree(const Layout& layout) {
  sys::Fd tree = TRY(make_directory_at(layout.root, "base", kMode));
  for (const char* name : kDirectories) {
    const sys::Fd directory = TRY(make_directory_at(tree, name, kMode));
    if (::fchmod(directory.get(), kMode) < 0) return Error::from_errno(errno, "chmod base");
  }
  for (const char* name : kFiles) TRY(make_file(tree, name));
  if (::symlinkat("/proc/mounts", tree.get(), "etc/mtab") < 0 && errno != EEXIST)
    return Error::from_errno(errno, "make /etc/mtab");
  return tree;
}

}  // namespace wherry::snapshot
