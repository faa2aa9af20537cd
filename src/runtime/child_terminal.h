// Part of child.cc and under its rules: raw calls between clone and exec, nothing allocated. The
// terminal and the standard streams.
#pragma once

#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>

#include "runtime/child_paths.h"
#include "runtime/launch.h"

namespace wherry::runtime::after_clone {

inline int send_master(const Child& child, int master) {
  Word word{.say = Say::PtyMaster, .failure = {}};
  iovec part{.iov_base = &word, .iov_len = sizeof word};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(header), &master, sizeof master);
  return result_of(::sendmsg(child.channel, &message, MSG_NOSIGNAL));
}

// /dev/ptmx of the container's own devpts (5:2), never of another file system that lies there.
inline int open_master(const Child& child, const Step& step) {
  const int directory = step.fd == kNone
                            ? open_below(child.root, "/dev/pts", O_PATH | O_DIRECTORY,
                                         in_root(kTargetNoSymlinks))
                            : child.slot(step.fd);
  if (directory < 0) return -1;
  const int master = ::openat(directory, "ptmx", O_RDWR | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC);
  struct stat status {};
  if (master >= 0 && (::fstat(master, &status) < 0 || status.st_rdev != makedev(5, 2))) {
    ::close(master);
    errno = ENODEV;
    return -1;
  }
  return master;
}

inline int open_terminal(Child& child, const Step& step) {
  const int master = open_master(child, step);
  if (master < 0) return errno;
  const int unlocked = 0;
  if (::ioctl(master, TIOCSPTLCK, &unlocked) < 0) return errno;
  child.terminal = ::ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (child.terminal < 0) return errno;
  winsize size{};
  size.ws_row = static_cast<unsigned short>(step.a);
  size.ws_col = static_cast<unsigned short>(step.b);
  if ((step.a != 0 || step.b != 0) && ::ioctl(master, TIOCSWINSZ, &size) < 0) return errno;
  if (::fchown(child.terminal, static_cast<uid_t>(step.c), static_cast<gid_t>(-1)) < 0)
    return errno;
  if ((step.c & kTakenLater) == 0 && ::ioctl(child.terminal, TIOCSCTTY, 0) < 0) return errno;
  const int error = send_master(child, master);
  ::close(master);
  return error;
}

inline int attach_console(const Child& child, const Step& step) {
  const int target =
      open_target(child, child.text(step.text), kTargetIsFile | kTargetNoSymlinks);
  if (target < 0) return errno;
  const int mount =
      ::open_tree(child.terminal, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
  const int error = mount < 0 ? errno : attach_and_close(mount, target);
  ::close(target);
  return error;
}

inline int set_stdio(const Child& child) {
  for (int number = 0; number < 3; ++number) {
    const int source = child.terminal >= 0 ? child.terminal : child.input.stdio[number];
    if (source < 0) return EBADF;
    if (::dup3(source, number, 0) < 0) return errno;
  }
  return 0;
}

// A user that is not root must be able to open /dev/stdout again. What cannot change hands
// (a file of a read-only mount, a socket) stays as it is, as in runc.
inline int own_stdio(const Step& step) {
  for (int number = 0; number < 3; ++number) {
    struct stat status {};
    if (::fstat(number, &status) < 0) return errno;
    const bool null_device = S_ISCHR(status.st_mode) && status.st_rdev == makedev(1, 3);
    if (status.st_uid == step.a || null_device) continue;
    if ((step.b & kPipesOnly) != 0 && !S_ISFIFO(status.st_mode)) continue;
    const int error =
        result_of(::fchown(number, static_cast<uid_t>(step.a), static_cast<gid_t>(-1)));
    if (error != 0 && error != EPERM && error != EINVAL && error != EROFS) return error;
  }
  return 0;
}

}  // namespace wherry::runtime::after_clone
