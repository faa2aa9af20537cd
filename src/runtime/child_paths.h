// Part of child.cc and under its rules: raw calls between clone and exec, nothing allocated. Look-ups
// below the root of the container, whose names are hostile.
#pragma once

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>

#include "runtime/child.h"

namespace wherry::runtime::after_clone {

inline constexpr int kOpenRetries = 128;  // openat2 says EAGAIN when a rename raced with it

struct Child {
  const ChildInput& input;
  const Plan& plan;
  int channel;
  int root = -1;
  int terminal = -1;
  char program[PATH_MAX] = {};

  [[nodiscard]] int slot(std::uint32_t index) const { return input.slots[index]; }
  [[nodiscard]] const char* text(std::uint32_t index) const {
    return plan.strings[index].c_str();
  }
};

inline int result_of(long value) { return value < 0 ? errno : 0; }
inline void close_fd(int fd) {
  if (fd >= 0) ::close(fd);
}

inline int open_below(int directory, const char* path, std::uint64_t flags, std::uint64_t resolve) {
  open_how how{};
  how.flags = flags | O_CLOEXEC;
  how.resolve = resolve;
  long fd = -1;
  for (int tries = 0; tries < kOpenRetries; ++tries) {
    fd = ::syscall(SYS_openat2, directory, path, &how, sizeof how);
    if (fd >= 0 || errno != EAGAIN) break;
  }
  return static_cast<int>(fd);
}

inline std::uint64_t in_root(std::uint64_t attach_flags) {
  std::uint64_t resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  if ((attach_flags & kTargetNoSymlinks) != 0) resolve |= RESOLVE_NO_SYMLINKS;
  return resolve;
}

// Makes the one missing name that ends `prefix` in `parent`, and opens it. Dots are never
// made: they either exist or the path is wrong.
inline int make_and_open(const Child& child, int parent, const char* prefix, std::uint64_t resolve) {
  const char* slash = std::strrchr(prefix, '/');
  const char* name = slash == nullptr ? prefix : slash + 1;
  if (std::strcmp(name, ".") == 0 || std::strcmp(name, "..") == 0) {
    errno = ENOENT;
    return -1;
  }
  if (::mkdirat(parent, name, 0755) < 0 && errno != EEXIST) return -1;
  return open_below(child.root, prefix, O_PATH | O_DIRECTORY, resolve);
}

// mkdir -p of the first `length` bytes of `path` below the root; gives the directory.
inline int make_directories(const Child& child, const char* path, std::size_t length,
                     std::uint64_t resolve) {
  char prefix[PATH_MAX];
  if (length >= sizeof prefix) {
    errno = ENAMETOOLONG;
    return -1;
  }
  int parent = open_below(child.root, "/", O_PATH | O_DIRECTORY, resolve);
  std::size_t end = 0;
  while (parent >= 0 && end < length) {
    while (end < length && path[end] == '/') ++end;
    if (end == length) break;
    while (end < length && path[end] != '/') ++end;
    std::memcpy(prefix, path, end);
    prefix[end] = '\0';
    int next = open_below(child.root, prefix, O_PATH | O_DIRECTORY, resolve);
    if (next < 0 && errno == ENOENT) next = make_and_open(child, parent, prefix, resolve);
    const int error = errno;
    ::close(parent);
    errno = error;
    parent = next;
  }
  return parent;
}

// Makes the file `path` where it is missing; the last name is never followed.
inline int make_file(const Child& child, const char* path, std::uint64_t resolve) {
  const char* slash = std::strrchr(path, '/');
  const std::size_t length = slash == nullptr ? 0 : static_cast<std::size_t>(slash - path);
  const int parent = make_directories(child, path, length, resolve);
  if (parent < 0) return -1;
  const char* name = slash == nullptr ? path : slash + 1;
  const int made =
      ::openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
  const int error = errno;
  ::close(parent);
  if (made < 0 && error != EEXIST) {
    errno = error;
    return -1;
  }
  close_fd(made);
  return open_below(child.root, path, O_PATH, resolve);
}

inline int open_target(const Child& child, const char* path, std::uint64_t flags) {
  const std::uint64_t resolve = in_root(flags);
  const int target = open_below(child.root, path, O_PATH, resolve);
  if (target >= 0 || errno != ENOENT) return target;
  if ((flags & kTargetIsFile) != 0) return make_file(child, path, resolve);
  return make_directories(child, path, std::strlen(path), resolve);
}

// The detached `mount` onto `target`; the mount is closed.
inline int attach_and_close(int mount, int target) {
  const int error = result_of(
      ::move_mount(mount, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH));
  ::close(mount);
  return error;
}

}  // namespace wherry::runtime::after_clone
