// Runs between clone3 and execve. Async-signal-safe calls only: system calls, and accessors of
// the constant plan. No allocation, lock, log or Result, and no function from another file but
// child_policy.h, so that these two are all there is to audit. Every step gives 0 or an errno.
#include "runtime/child.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>

#include "runtime/child_policy.h"
#include "runtime/launch.h"

namespace wherry::runtime {
namespace {

constexpr int kOpenRetries = 128;  // openat2 says EAGAIN when a rename raced with it

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

int result_of(long value) { return value < 0 ? errno : 0; }
void close_fd(int fd) { if (fd >= 0) ::close(fd); }

// --- look-ups below the container's root -------------------------------------------------

int open_below(int directory, const char* path, std::uint64_t flags, std::uint64_t resolve) {
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

std::uint64_t in_root(std::uint64_t attach_flags) {
  std::uint64_t resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  if ((attach_flags & kTargetNoSymlinks) != 0) resolve |= RESOLVE_NO_SYMLINKS;
  return resolve;
}

// Makes the one missing name that ends `prefix` in `parent`, and opens it. Dots are never
// made: they either exist or the path is wrong.
int make_and_open(const Child& child, int parent, const char* prefix, std::uint64_t resolve) {
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
int make_directories(const Child& child, const char* path, std::size_t length,
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
int make_file(const Child& child, const char* path, std::uint64_t resolve) {
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

int open_target(const Child& child, const char* path, std::uint64_t flags) {
  const std::uint64_t resolve = in_root(flags);
  const int target = open_below(child.root, path, O_PATH, resolve);
  if (target >= 0 || errno != ENOENT) return target;
  if ((flags & kTargetIsFile) != 0) return make_file(child, path, resolve);
  return make_directories(child, path, std::strlen(path), resolve);
}

// --- namespaces and groups ---------------------------------------------------------------

int join_cgroup(const Child& child, const Step& step) { return ::write(child.slot(step.fd), "0", 1) == 1 ? 0 : errno; }

int set_propagation(const Step& step) {
  mount_attr wanted{};
  wanted.propagation = step.a;
  return result_of(::mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &wanted, sizeof wanted));
}

// --- mounts ------------------------------------------------------------------------------

// The old root is the launcher's: its paths are trusted, and it goes with all that is on it.
int attach_to_old_root(const Child& child, const Step& step) {
  return result_of(::move_mount(child.slot(step.fd), "", AT_FDCWD, child.text(step.text),
                                MOVE_MOUNT_F_EMPTY_PATH));
}

int use_root(Child& child, const Step& step) {
  child.root = step.fd == kNone ? ::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC)
                                : child.slot(step.fd);
  return child.root < 0 ? errno : 0;
}

// "key=value" or "flag".
int configure(int context, const char* option) {
  const char* equals = std::strchr(option, '=');
  if (equals == nullptr)
    return result_of(::fsconfig(context, FSCONFIG_SET_FLAG, option, nullptr, 0));
  char key[64];
  const auto length = static_cast<std::size_t>(equals - option);
  if (length >= sizeof key) return EINVAL;
  std::memcpy(key, option, length);
  key[length] = '\0';
  return result_of(::fsconfig(context, FSCONFIG_SET_STRING, key, equals + 1, 0));
}

int new_mount(Child& child, const Step& step) {
  const int context = ::fsopen(child.text(step.text), FSOPEN_CLOEXEC);
  if (context < 0) return errno;
  int error = 0;
  for (std::uint64_t i = 0; error == 0 && i < step.b; ++i)
    error = configure(context, child.text(step.text2 + static_cast<std::uint32_t>(i)));
  if (error == 0) error = result_of(::fsconfig(context, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0));
  if (error == 0) {
    const int mount = ::fsmount(context, FSMOUNT_CLOEXEC, static_cast<unsigned>(step.a));
    child.input.slots[step.fd] = mount;
    error = mount < 0 ? errno : 0;
  }
  ::close(context);
  return error;
}

int attach(const Child& child, const Step& step) {
  const int target = open_target(child, child.text(step.text), step.a);
  if (target < 0) return errno;
  const int error = result_of(::move_mount(child.slot(step.fd), "", target, "",
                                           MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH));
  ::close(target);
  return error;
}

int change_mount(const Child& child, const Step& step) {
  mount_attr wanted{};
  wanted.attr_set = step.a;
  wanted.propagation = step.b;
  const unsigned flags = AT_EMPTY_PATH | (step.c != 0 ? AT_RECURSIVE : 0U);
  return result_of(::mount_setattr(child.slot(step.fd), "", flags, &wanted, sizeof wanted));
}

bool is_missing(int error) { return error == ENOENT || error == ENOTDIR; }

int attach_and_close(int mount, int target) {
  const int error = result_of(
      ::move_mount(mount, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH));
  ::close(mount);
  return error;
}

// A masked file becomes our own null device, a directory an empty read-only one. Both come
// from a mount that the container never sees; nothing of the image's /dev is trusted.
int mask_target(const Child& child, const Step& step, int target) {
  struct stat status {};
  if (::fstat(target, &status) < 0) return errno;
  const bool directory = S_ISDIR(status.st_mode);
  const int mount = ::open_tree(child.slot(step.fd), directory ? "empty" : "null",
                                OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
  if (mount < 0) return errno;
  struct stat source {};
  if (::fstat(mount, &source) < 0) return errno;
  const bool null_device = S_ISCHR(source.st_mode) && source.st_rdev == makedev(1, 3);
  if (!directory && !null_device) return ENODEV;
  return attach_and_close(mount, target);
}

int mask(const Child& child, const Step& step) {
  const int target = open_below(child.root, child.text(step.text), O_PATH, in_root(0));
  if (target < 0) return is_missing(errno) ? 0 : errno;
  const int error = mask_target(child, step, target);
  ::close(target);
  return error;
}

int make_read_only(const Child& child, const Step& step) {
  const int target = open_below(child.root, child.text(step.text), O_PATH, in_root(0));
  if (target < 0) return is_missing(errno) ? 0 : errno;
  const int mount = ::open_tree(target, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH |
                                                AT_RECURSIVE);
  int error = mount < 0 ? errno : 0;
  mount_attr wanted{};
  wanted.attr_set = MOUNT_ATTR_RDONLY;
  if (error == 0)
    error = result_of(
        ::mount_setattr(mount, "", AT_EMPTY_PATH | AT_RECURSIVE, &wanted, sizeof wanted));
  if (error == 0) error = attach_and_close(mount, target);
  ::close(target);
  return error;
}

int make_directory(const Child& child, const Step& step) {
  const int made = open_target(child, child.text(step.text), 0);
  if (made < 0) return errno;
  ::close(made);
  return 0;
}

// A new /dev is filled by its descriptor; a node further down by a path without symlinks.
int make_node(const Child& child, const Step& step) {
  const char* path = child.text(step.text);
  const char* slash = std::strrchr(path, '/');
  const auto above = slash == nullptr ? 0 : static_cast<std::size_t>(slash - path);
  const char* name = slash == nullptr ? path : slash + 1;
  const int parent = step.fd != kNone ? child.slot(step.fd)
                                      : make_directories(child, path, above, in_root(kTargetNoSymlinks));
  if (parent < 0) return errno;
  const auto mode = static_cast<mode_t>(step.a);
  const auto uid = static_cast<uid_t>(step.c >> 32);
  const auto gid = static_cast<gid_t>(step.c & 0xffffffffU);
  int error = result_of(::mknodat(parent, name, mode, step.b));  // the umask is 0
  if (error == 0 && (uid != 0 || gid != 0))
    error = result_of(::fchownat(parent, name, uid, gid, AT_SYMLINK_NOFOLLOW));
  if (step.fd == kNone) ::close(parent);
  return error;
}


std::uint64_t mount_id_at(int directory, const char* path, int flags) {
  struct statx status {};
  if (::statx(directory, path, flags, STATX_MNT_ID, &status) < 0) return 0;
  return (status.stx_mask & STATX_MNT_ID) != 0 ? status.stx_mnt_id : 0;
}

// pivot_root(".", ".") stacks the old root on the new one, umount2(".") takes it off. ".." of
// the root leads to the topmost mount that lies on it: that must now be the root itself, or
// the host could be reached that way.
int pivot_root(const Child& child, const Step& step) {
  const int root = child.slot(step.fd);
  if (::fchdir(root) < 0) return errno;
  if (::syscall(SYS_pivot_root, ".", ".") < 0) return errno;
  if (::umount2(".", MNT_DETACH) < 0) return errno;
  if (::chdir("/") < 0) return errno;
  const std::uint64_t id = mount_id_at(root, "", AT_EMPTY_PATH);
  return id != 0 && id == mount_id_at(AT_FDCWD, "/..", 0) ? 0 : EXDEV;
}

// --- procfs ------------------------------------------------------------------------------

// The descriptor is a procfs of our own making and no mount may lie on the way (NO_XDEV), so
// the write lands in the kernel's file and nowhere else (CVE-2025-52881).
int write_proc_file(int proc, const char* path, const char* value, bool tolerate_denial) {
  constexpr std::uint64_t resolve =
      RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS;
  const int file = open_below(proc, path, O_WRONLY, resolve);
  if (file < 0) return errno;
  const auto length = std::strlen(value);
  const ssize_t written = ::write(file, value, length);
  const int error = written == static_cast<ssize_t>(length) ? 0 : (written < 0 ? errno : EIO);
  ::close(file);
  return error == EACCES && tolerate_denial ? 0 : error;
}

int write_proc(const Child& child, const Step& step) {
  return write_proc_file(child.slot(step.fd), child.text(step.text), child.text(step.text2),
                         step.a != 0);
}

int write_proc_self(const Child& child, const Step& step) {
  char path[PATH_MAX];
  char digits[16];
  long pid = ::syscall(SYS_getpid);
  std::size_t count = 0;
  for (; pid > 0; pid /= 10) digits[count++] = static_cast<char>('0' + pid % 10);
  const char* file = child.text(step.text);
  const std::size_t length = std::strlen(file);
  if (count + length + 2 > sizeof path) return ENAMETOOLONG;
  for (std::size_t i = 0; i < count; ++i) path[i] = digits[count - 1 - i];
  path[count] = '/';
  std::memcpy(path + count + 1, file, length + 1);
  return write_proc_file(child.slot(step.fd), path, child.text(step.text2), step.a != 0);
}

// --- terminal and stdio --------------------------------------------------------------------

int send_master(const Child& child, int master) {
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
int open_master(const Child& child, const Step& step) {
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

int open_terminal(Child& child, const Step& step) {
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
  if (::ioctl(child.terminal, TIOCSCTTY, 0) < 0) return errno;
  const int error = send_master(child, master);
  ::close(master);
  return error;
}

int attach_console(const Child& child, const Step& step) {
  const int target =
      open_target(child, child.text(step.text), kTargetIsFile | kTargetNoSymlinks);
  if (target < 0) return errno;
  const int mount =
      ::open_tree(child.terminal, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
  const int error = mount < 0 ? errno : attach_and_close(mount, target);
  ::close(target);
  return error;
}

int set_stdio(const Child& child) {
  for (int number = 0; number < 3; ++number) {
    const int source = child.terminal >= 0 ? child.terminal : child.input.stdio[number];
    if (source < 0) return EBADF;
    if (::dup3(source, number, 0) < 0) return errno;
  }
  return 0;
}

// A user that is not root must be able to open /dev/stdout again. What cannot change hands
// (a file of a read-only mount, a socket) stays as it is, as in runc.
int own_stdio(const Step& step) {
  for (int number = 0; number < 3; ++number) {
    struct stat status {};
    if (::fstat(number, &status) < 0) return errno;
    const bool null_device = S_ISCHR(status.st_mode) && status.st_rdev == makedev(1, 3);
    if (status.st_uid == step.a || null_device) continue;
    const int error =
        result_of(::fchown(number, static_cast<uid_t>(step.a), static_cast<gid_t>(-1)));
    if (error != 0 && error != EPERM && error != EINVAL && error != EROFS) return error;
  }
  return 0;
}

// --- the process itself --------------------------------------------------------------------

// An O_PATH descriptor without magic links cannot lead out (CVE-2024-21626); getcwd then says
// whether the directory is reachable from the root that the program will have.
int enter_directory(const Child& child, const Step& step) {
  const int directory =
      open_below(child.root, child.text(step.text), O_PATH | O_DIRECTORY, in_root(0));
  if (directory < 0) return errno;
  const int error = result_of(::fchdir(directory));
  ::close(directory);
  if (error != 0) return error;
  char path[PATH_MAX];
  if (::syscall(SYS_getcwd, path, sizeof path) < 0) return errno;
  return path[0] == '/' ? 0 : ENOENT;
}

// SIG_DFL by the raw call: glibc's wrapper refuses its own two real-time signals.
int reset_signals() {
  struct {
    void* handler;
    unsigned long flags;
    void* restorer;
    std::uint64_t mask;
  } action{};
  for (int number = 1; number < 65; ++number) {
    if (number == SIGKILL || number == SIGSTOP) continue;
    if (::syscall(SYS_rt_sigaction, number, &action, nullptr, sizeof action.mask) < 0)
      return errno;
  }
  const std::uint64_t none = 0;
  return result_of(::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, nullptr, sizeof none));
}

int keep_bounding(const Step& step) {
  for (unsigned capability = 0; capability < 64; ++capability) {
    if ((step.a >> capability & 1) != 0) continue;
    if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0) continue;
    return errno == EINVAL ? 0 : errno;  // past the last one of this kernel
  }
  return 0;
}

int set_capabilities(std::uint64_t effective, std::uint64_t permitted,
                     std::uint64_t inheritable) {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct data[2] = {};
  for (unsigned half = 0; half < 2; ++half) {
    data[half].effective = static_cast<std::uint32_t>(effective >> (32 * half));
    data[half].permitted = static_cast<std::uint32_t>(permitted >> (32 * half));
    data[half].inheritable = static_cast<std::uint32_t>(inheritable >> (32 * half));
  }
  return result_of(::syscall(SYS_capset, &header, data));
}

// After setresuid to another user the permitted set stays (KEEPCAPS) and the effective one is
// empty: raise it again, loading a filter without no_new_privs needs CAP_SYS_ADMIN.
int raise_effective() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct data[2] = {};
  if (::syscall(SYS_capget, &header, data) < 0) return errno;
  data[0].effective = data[0].permitted;
  data[1].effective = data[1].permitted;
  return result_of(::syscall(SYS_capset, &header, data));
}

// Raw calls: glibc's would signal the other threads of the parent's pthread library.
int set_user(const Child& child, const Step& step) {
  if (::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0) return errno;
  const auto& groups = child.plan.groups;
  if (::syscall(SYS_setgroups, groups.size(), groups.data()) < 0) return errno;
  const auto gid = static_cast<gid_t>(step.b);
  if (::syscall(SYS_setresgid, gid, gid, gid) < 0) return errno;
  const auto uid = static_cast<uid_t>(step.a);
  if (::syscall(SYS_setresuid, uid, uid, uid) < 0) return errno;
  if (::prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) < 0) return errno;
  // setresuid may have made the process dumpable anew.
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) return errno;
  return raise_effective();
}

int set_ambient(const Step& step) {
  for (unsigned capability = 0; capability < 64; ++capability) {
    if ((step.a >> capability & 1) == 0) continue;
    if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) < 0) return errno;
  }
  return 0;
}

int load_seccomp(const Child& child, const Step& step) {
  const std::string& filter = child.plan.seccomp;
  sock_fprog program{};
  program.len = static_cast<unsigned short>(filter.size() / sizeof(sock_filter));
  program.filter = reinterpret_cast<sock_filter*>(const_cast<char*>(filter.data()));
  return result_of(::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, step.a, &program));
}

int set_rlimit(const Step& step) {
  const rlimit limit{.rlim_cur = step.b, .rlim_max = step.c};
  return result_of(::syscall(SYS_prlimit64, 0, static_cast<int>(step.a), &limit, nullptr));
}

// Closes everything after the kept ones but the channel and the two ends of a detached start.
int keep_fds(const Child& child, const Step& step) {
  int kept[4] = {child.channel,
                 child.plan.go == kNone ? -1 : child.slot(child.plan.go),
                 child.plan.late_report == kNone ? -1 : child.slot(child.plan.late_report), -1};
  auto first = static_cast<unsigned>(3 + step.a);
  for (unsigned number = 3; number < first; ++number)
    ::fcntl(static_cast<int>(number), F_SETFD, 0);
  while (true) {
    unsigned next = ~0U;
    for (const int fd : kept)
      if (fd >= 0 && static_cast<unsigned>(fd) >= first && static_cast<unsigned>(fd) < next)
        next = static_cast<unsigned>(fd);
    if (next > first && ::syscall(SYS_close_range, first, next - (next == ~0U ? 0 : 1), 0) < 0)
      return errno;
    if (next == ~0U) return 0;
    first = next + 1;
  }
}

// --- the program ---------------------------------------------------------------------------

// As Go's exec.LookPath, whose words docker's clients know.
int check_program(const char* path) {
  struct stat status {};
  if (::stat(path, &status) < 0) return errno;
  if (S_ISDIR(status.st_mode)) return EISDIR;
  if ((status.st_mode & 0111) == 0) return EACCES;
  return result_of(::access(path, X_OK));
}

int use_program(Child& child, const char* directory, std::size_t length, const char* name) {
  const std::size_t name_length = std::strlen(name);
  if (length + name_length + 2 > sizeof child.program) return ENAMETOOLONG;
  std::memcpy(child.program, directory, length);
  std::size_t end = length;
  if (length != 0 && directory[length - 1] != '/') child.program[end++] = '/';
  std::memcpy(child.program + end, name, name_length + 1);
  return check_program(child.program);
}

int find_program(Child& child) {
  const char* name = child.input.argv[0];
  if (name == nullptr) return EINVAL;
  if (std::strchr(name, '/') != nullptr) return use_program(child, "", 0, name);
  const char* path = child.input.search_path;
  while (name[0] != '\0' && path != nullptr) {
    const char* colon = std::strchr(path, ':');
    const std::size_t length =
        colon == nullptr ? std::strlen(path) : static_cast<std::size_t>(colon - path);
    // An empty element means the working directory; Go refuses to run from there, so do we.
    if (length != 0 && use_program(child, path, length, name) == 0) return 0;
    path = colon == nullptr ? nullptr : colon + 1;
  }
  return ENOENT;
}

// --- hooks and the launcher's share ----------------------------------------------------------

// Before it ends a launcher that asked to be told runs hooks; one that writes id maps does so
// unasked. End of file: it is gone, and nobody knows this process.
int await_launcher(const Child& child, const Step& step) {
  Word word{.say = Say::Waiting, .failure = {}};
  if (step.a != 0 && ::write(child.channel, &word, sizeof word) != sizeof word) return errno;
  ssize_t length = -1;
  do length = ::read(child.channel, &word, sizeof word);
  while (length < 0 && errno == EINTR);
  if (length < 0) return errno;
  if (length != sizeof word || word.say != Say::Go) ::_exit(1);
  return 0;
}

// Raw calls, as in set_user. The maps name ids of the launcher's namespace; until here this
// process has none of them.
int become_root() {
  if (::syscall(SYS_setgroups, 0, nullptr) < 0) return errno;
  if (::syscall(SYS_setresgid, 0, 0, 0) < 0) return errno;
  if (::syscall(SYS_setresuid, 0, 0, 0) < 0) return errno;
  return result_of(::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0));
}

// The state with our pid as this namespace counts, in a file that the hook may read when it likes.
int hook_state(const Child& child, std::uint32_t first) {
  const int file = ::memfd_create("state", MFD_CLOEXEC);
  if (file < 0) return -1;
  char digits[16];
  std::size_t at = sizeof digits;
  for (long pid = ::syscall(SYS_getpid); pid > 0; pid /= 10) digits[--at] = static_cast<char>('0' + pid % 10);
  const iovec parts[3] = {
      {.iov_base = const_cast<char*>(child.text(first)), .iov_len = child.plan.strings[first].size()},
      {.iov_base = digits + at, .iov_len = sizeof digits - at},
      {.iov_base = const_cast<char*>(child.text(first + 1)), .iov_len = child.plan.strings[first + 1].size()}};
  if (::writev(file, parts, 3) < 0 || ::lseek(file, 0, SEEK_SET) < 0) return -1;
  return file;
}

[[noreturn]] void hook_main(const Child& child, const Step& step, int state) {
  const char* words[kMaximumHookWords + 2];
  std::size_t count = 0;
  for (std::uint64_t i = 0; i < step.a + step.b; ++i) {
    if (i == step.a) words[count++] = nullptr;
    words[count++] = child.text(step.text + 3 + static_cast<std::uint32_t>(i));
  }
  if (step.b == 0) words[count++] = nullptr;
  words[count] = nullptr;
  if (::dup3(state, 0, 0) == 0 && ::syscall(SYS_close_range, 3U, ~0U, 0U) == 0)
    ::execve(child.text(step.text), const_cast<char* const*>(words),
             const_cast<char* const*>(words + step.a + 1));
  ::_exit(127);
}

// ETIME for one that took too long (and was killed), ECHILD for one that failed.
int await_hook(int pidfd, const Step& step) {
  pollfd one{.fd = pidfd, .events = POLLIN, .revents = 0};
  const int timeout_ms = step.c == 0 ? -1 : static_cast<int>(step.c) * 1000;
  const int ready = ::poll(&one, 1, timeout_ms);
  if (ready == 0) ::syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, nullptr, 0);
  siginfo_t info{};
  if (::waitid(P_PIDFD, static_cast<id_t>(pidfd), &info, WEXITED) < 0) return errno;
  if (ready == 0) return ETIME;
  return info.si_code == CLD_EXITED && info.si_status == 0 ? 0 : ECHILD;
}

// clone, not clone3: filters of containers answer that one with ENOSYS.
int run_hook(const Child& child, const Step& step) {
  const int state = hook_state(child, step.text + 1);
  if (state < 0) return errno;
  int pidfd = -1;
  const long pid = ::syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, nullptr, &pidfd, nullptr, nullptr);
  if (pid == 0) hook_main(child, step, state);
  const int error = pid < 0 ? errno : await_hook(pidfd, step);
  close_fd(pidfd);
  ::close(state);
  return error;
}

// read and write alone are used once a filter is loaded: every profile allows them.
int say_ready(const Child& child) {
  const Word word{.say = Say::Ready, .failure = {}};
  return ::write(child.channel, &word, sizeof word) == sizeof word ? 0 : errno;
}

// End of file: whoever started us is gone, and nobody knows this process.
int wait_for_go(Child& child, const Step& step) {
  const int from = step.fd == kNone ? child.channel : child.slot(step.fd);
  Word word{};
  ssize_t length = -1;
  do length = ::read(from, &word, sizeof word);
  while (length < 0 && errno == EINTR);
  if (length < 0) return errno;
  if (length != sizeof word || word.say != Say::Go) ::_exit(1);
  if (child.plan.late_report != kNone) {
    ::close(child.channel);
    child.channel = child.slot(child.plan.late_report);
  }
  return 0;
}

int execute(const Child& child) {
  ::execve(child.program, child.input.argv, child.input.envp);
  return errno;
}

// --- the interpreter -------------------------------------------------------------------------

int perform_policy_step(const Child& child, const Step& step) {
  const char* mask = step.text == kNone ? nullptr : child.text(step.text);
  switch (step.kind) {
    case StepKind::SetScheduler: return child_policy::set_scheduler(step);
    case StepKind::SetAffinity: return child_policy::set_affinity(mask);
    case StepKind::SetMemoryPolicy: return child_policy::set_memory_policy(step, mask);
    case StepKind::SetPersonality: return child_policy::set_personality(step);
    default: return EINVAL;
  }
}

int perform_mount_step(Child& child, const Step& step) {
  switch (step.kind) {
    case StepKind::SetPropagation: return set_propagation(step);
    case StepKind::AttachToOldRoot: return attach_to_old_root(child, step);
    case StepKind::UseRoot: return use_root(child, step);
    case StepKind::NewMount: return new_mount(child, step);
    case StepKind::Attach: return attach(child, step);
    case StepKind::ChangeMount: return change_mount(child, step);
    case StepKind::Mask: return mask(child, step);
    case StepKind::MakeReadOnly: return make_read_only(child, step);
    case StepKind::WriteProc: return write_proc(child, step);
    case StepKind::WriteProcSelf: return write_proc_self(child, step);
    case StepKind::MakeDirectory: return make_directory(child, step);
    case StepKind::MakeNode: return make_node(child, step);
    case StepKind::MakeLink:
      return result_of(::symlinkat(child.text(step.text2), child.slot(step.fd), child.text(step.text)));
    case StepKind::PivotRoot: return pivot_root(child, step);
    case StepKind::OpenTerminal: return open_terminal(child, step);
    case StepKind::AttachConsole: return attach_console(child, step);
    default: return perform_policy_step(child, step);
  }
}

int perform(Child& child, const Step& step) {
  switch (step.kind) {
    case StepKind::JoinNamespaces:
      return result_of(::setns(child.slot(step.fd), static_cast<int>(step.a)));
    case StepKind::JoinCgroup: return join_cgroup(child, step);
    case StepKind::Unshare: return result_of(::unshare(static_cast<int>(step.a)));
    case StepKind::NewSession: return result_of(::setsid());
    case StepKind::SetHostname:
      return result_of(::sethostname(child.text(step.text), child.plan.strings[step.text].size()));
    case StepKind::SetDomainname:
      return result_of(::setdomainname(child.text(step.text), child.plan.strings[step.text].size()));
    case StepKind::NewKeyring:
      return result_of(::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr));
    case StepKind::SetRlimit: return set_rlimit(step);
    case StepKind::SetIoPriority:
      return result_of(::syscall(SYS_ioprio_set, 1 /* IOPRIO_WHO_PROCESS */, 0, step.a));
    case StepKind::SetNice:
      return result_of(::setpriority(PRIO_PROCESS, 0, static_cast<int>(step.a)));
    case StepKind::SetStdio: return set_stdio(child);
    case StepKind::OwnStdio: return own_stdio(step);
    case StepKind::EnterDirectory: return enter_directory(child, step);
    case StepKind::SetUmask: ::umask(static_cast<mode_t>(step.a)); return 0;
    case StepKind::ResetSignals: return reset_signals();
    case StepKind::KeepBounding: return keep_bounding(step);
    case StepKind::SetUser: return set_user(child, step);
    case StepKind::FindProgram: return find_program(child);
    case StepKind::SetNoNewPrivileges: return result_of(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    case StepKind::LoadSeccomp: return load_seccomp(child, step);
    case StepKind::SetCapabilities: return set_capabilities(step.a, step.b, step.c);
    case StepKind::SetAmbient: return set_ambient(step);
    case StepKind::Ready: return say_ready(child);
    case StepKind::WaitForGo: return wait_for_go(child, step);
    case StepKind::KeepFds: return keep_fds(child, step);
    case StepKind::Execute: return execute(child);
    case StepKind::AwaitLauncher: return await_launcher(child, step);
    case StepKind::BecomeRoot: return become_root();
    case StepKind::RunHook: return run_hook(child, step);
    default: return perform_mount_step(child, step);
  }
}

[[noreturn]] void die(const Child& child, std::uint32_t index, int error) {
  Word word{.say = Say::Failed, .failure = {}};
  word.failure = {.step = child.plan.steps[index].kind, .index = index, .errno_value = error};
  // write, not send: the late report is a FIFO. Its reader may be gone; nobody else can be told.
  [[maybe_unused]] const ssize_t written = ::write(child.channel, &word, sizeof word);
  ::_exit(1);
}

}  // namespace

[[noreturn]] void child_main(const ChildInput& input) noexcept {
  // Before any namespace of the container is entered: nobody in there may open our
  // /proc/<pid>/exe, fd or mem.
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  ::umask(0);
  Child child{.input = input, .plan = *input.plan, .channel = input.channel};
  const auto count = static_cast<std::uint32_t>(child.plan.steps.size());
  for (std::uint32_t index = 0; index < count; ++index) {
    const int error = perform(child, child.plan.steps[index]);
    if (error != 0) die(child, index, error);
  }
  ::_exit(1);
}

}  // namespace wherry::runtime
