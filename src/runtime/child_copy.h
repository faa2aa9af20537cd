// Part of child.cc and under its rules: raw calls between clone and exec, nothing allocated. The first
// content of a tmpfs: what the image has at its place (mount option tmpcopyup). The tree is hostile:
// it is walked by descriptor, no link is followed, and the size of the tmpfs says how much fits. A
// file with several names becomes several files, as with runc and crun.
#pragma once

#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>

#include "runtime/child_paths.h"

namespace wherry::runtime::after_clone {

inline constexpr int kDeepestCopy = 128;  // directories; each takes two descriptors and a page of stack

struct CopyBuffers {
  char names[64 << 10];  // XATTR_LIST_MAX
  char value[64 << 10];  // XATTR_SIZE_MAX
  char link[PATH_MAX];
};

// struct linux_dirent64, which no header has.
struct DirectoryEntry {
  std::uint64_t inode;
  std::int64_t next;
  std::uint16_t length;
  std::uint8_t type;
  char name[1];
};

// What a tmpfs of this kernel or of this user namespace does not take is left out.
inline int copy_xattrs(int from, int to, CopyBuffers& buffers) {
  const ssize_t size = ::flistxattr(from, buffers.names, sizeof buffers.names);
  if (size < 0) return errno == ENOTSUP ? 0 : errno;
  for (const char* name = buffers.names; name < buffers.names + size; name += std::strlen(name) + 1) {
    const ssize_t length = ::fgetxattr(from, name, buffers.value, sizeof buffers.value);
    if (length < 0 && errno != ENODATA) return errno;
    if (length < 0) continue;
    const auto bytes = static_cast<std::size_t>(length);
    if (::fsetxattr(to, name, buffers.value, bytes, 0) < 0 && errno != ENOTSUP && errno != EPERM) return errno;
  }
  return 0;
}

inline int copy_owner(const struct stat& status, int to) {
  return result_of(::fchown(to, status.st_uid, status.st_gid));
}

inline int copy_times(const struct stat& status, int to) {
  const timespec times[2] = {status.st_atim, status.st_mtim};
  return result_of(::futimens(to, times));
}

// The mode after the owner, whose change clears setuid bits; so are capabilities, an xattr.
inline int copy_metadata(int from, int to, const struct stat& status, CopyBuffers& buffers) {
  int error = copy_owner(status, to);
  if (error == 0) error = result_of(::fchmod(to, status.st_mode & 07777));
  if (error == 0) error = copy_xattrs(from, to, buffers);
  return error != 0 ? error : copy_times(status, to);
}

struct CopyEntry {
  int from;
  int to;
  const char* name;
  struct stat status;
};

inline int copy_bytes(int from, int to) {
  ssize_t sent = 0;
  do sent = ::sendfile(to, from, nullptr, 1 << 30);
  while (sent > 0 || (sent < 0 && errno == EINTR));
  return sent < 0 ? errno : 0;
}

inline int copy_file(const CopyEntry& entry, CopyBuffers& buffers) {
  const int from = ::openat(entry.from, entry.name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (from < 0) return errno;
  const int to = ::openat(entry.to, entry.name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  int error = to < 0 ? errno : copy_bytes(from, to);
  if (error == 0) error = copy_metadata(from, to, entry.status, buffers);
  close_fd(to);
  ::close(from);
  return error;
}

inline int own_name(const CopyEntry& entry) {
  const int error = result_of(
      ::fchownat(entry.to, entry.name, entry.status.st_uid, entry.status.st_gid, AT_SYMLINK_NOFOLLOW));
  const timespec times[2] = {entry.status.st_atim, entry.status.st_mtim};
  return error != 0 ? error : result_of(::utimensat(entry.to, entry.name, times, AT_SYMLINK_NOFOLLOW));
}

inline int copy_link(const CopyEntry& entry, CopyBuffers& buffers) {
  const ssize_t length = ::readlinkat(entry.from, entry.name, buffers.link, sizeof buffers.link - 1);
  if (length < 0) return errno;
  buffers.link[length] = '\0';
  const int error = result_of(::symlinkat(buffers.link, entry.to, entry.name));
  return error != 0 ? error : own_name(entry);
}

// Pipes, sockets and devices; the umask is 0. Which devices may be made the container's rules say.
inline int copy_node(const CopyEntry& entry) {
  const int error = result_of(::mknodat(entry.to, entry.name, entry.status.st_mode, entry.status.st_rdev));
  return error != 0 ? error : own_name(entry);
}

inline int copy_children(int from, int to, int depth, CopyBuffers& buffers);

inline int copy_directory(const CopyEntry& entry, int depth, CopyBuffers& buffers) {
  constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  if (depth > kDeepestCopy) return ENAMETOOLONG;
  if (::mkdirat(entry.to, entry.name, 0700) < 0) return errno;
  const int from = ::openat(entry.from, entry.name, kFlags);
  if (from < 0) return errno;
  const int to = ::openat(entry.to, entry.name, kFlags);
  int error = to < 0 ? errno : copy_children(from, to, depth, buffers);
  if (error == 0) error = copy_metadata(from, to, entry.status, buffers);
  close_fd(to);
  ::close(from);
  return error;
}

inline int copy_entry(CopyEntry& entry, int depth, CopyBuffers& buffers) {
  if (::fstatat(entry.from, entry.name, &entry.status, AT_SYMLINK_NOFOLLOW) < 0) return errno;
  if (S_ISDIR(entry.status.st_mode)) return copy_directory(entry, depth + 1, buffers);
  if (S_ISREG(entry.status.st_mode)) return copy_file(entry, buffers);
  if (S_ISLNK(entry.status.st_mode)) return copy_link(entry, buffers);
  return copy_node(entry);
}

inline bool is_dots(const char* name) { return std::strcmp(name, ".") == 0 || std::strcmp(name, "..") == 0; }

inline int copy_children(int from, int to, int depth, CopyBuffers& buffers) {
  alignas(DirectoryEntry) char entries[4096];
  for (;;) {
    const long length = ::syscall(SYS_getdents64, from, entries, sizeof entries);
    if (length <= 0) return length < 0 ? errno : 0;
    for (long at = 0; at < length;) {
      const auto* found = reinterpret_cast<const DirectoryEntry*>(entries + at);
      at += found->length;
      if (is_dots(found->name)) continue;
      CopyEntry entry{.from = from, .to = to, .name = found->name, .status = {}};
      if (const int error = copy_entry(entry, depth, buffers); error != 0) return error;
    }
  }
}

// Before the tmpfs is attached: the path still leads to what it will cover, if to anything.
inline int copy_up(const Child& child, const Step& step) {
  const int from = open_below(child.root, child.text(step.text), O_RDONLY | O_DIRECTORY, in_root(0));
  if (from < 0) return errno == ENOENT || errno == ENOTDIR ? 0 : errno;
  const int to = ::openat(child.slot(step.fd), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  CopyBuffers buffers;
  struct stat status {};
  int error = to < 0 ? errno : result_of(::fstat(from, &status));
  if (error == 0) error = copy_children(from, to, 0, buffers);
  if (error == 0 && step.a != 0) error = copy_owner(status, to);
  if (error == 0) error = copy_times(status, to);
  close_fd(to);
  ::close(from);
  return error;
}

}  // namespace wherry::runtime::after_clone
