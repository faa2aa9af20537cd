// Runs between clone3 and execve. Async-signal-safe calls only: system calls, and accessors of
// the constant plan. No allocation, lock, log or Result, and no function from another file but the
// headers child_*.h, so that these are all there is to audit. Every step gives 0 or an errno.
#include "runtime/child.h"

#include <fcntl.h>
#include <linux/keyctl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>

#include "runtime/child_copy.h"
#include "runtime/child_hooks.h"
#include "runtime/child_identity.h"
#include "runtime/child_paths.h"
#include "runtime/child_policy.h"
#include "runtime/child_terminal.h"

namespace wherry::runtime {
namespace after_clone {
namespace {

// --- namespaces and groups ---------------------------------------------------------------

int join_cgroup(const Child& child, const Step& step) {
  return ::write(child.slot(step.fd), "0", 1) == 1 ? 0 : errno;
}

int raise_loopback() {
  const int socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return errno == EAFNOSUPPORT ? 0 : errno;  // a kernel without IPv4
  ifreq request{};
  std::memcpy(request.ifr_name, "lo", 3);
  request.ifr_flags = IFF_UP;
  const int error = result_of(::ioctl(socket, SIOCSIFFLAGS, &request));
  ::close(socket);
  return error;
}

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

// Where mknod is refused, in a user namespace: a node that the launcher has made.
int bind_node(const Child& child, const Step& step) {
  const int target = open_target(child, child.text(step.text), kTargetIsFile | kTargetNoSymlinks);
  if (target < 0) return errno;
  const int mount =
      ::open_tree(child.slot(step.fd), child.text(step.text2), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
  int error = mount < 0 ? errno : 0;
  mount_attr wanted{};
  wanted.attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC;
  if (error == 0) error = result_of(::mount_setattr(mount, "", AT_EMPTY_PATH, &wanted, sizeof wanted));
  if (error == 0) error = attach_and_close(mount, target);
  ::close(target);
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
// --- the interpreter -------------------------------------------------------------------------

int perform_policy_step(const Child& child, const Step& step) {
  const char* mask = step.text == kNone ? nullptr : child.text(step.text);
  switch (step.kind) {
    case StepKind::SetScheduler: return set_scheduler(step);
    case StepKind::SetAffinity: return set_affinity(mask);
    case StepKind::SetMemoryPolicy: return set_memory_policy(step, mask);
    case StepKind::SetPersonality: return set_personality(step);
    default: return EINVAL;
  }
}

int perform_mount_step(Child& child, const Step& step) {
  switch (step.kind) {
    case StepKind::SetPropagation: return set_propagation(step);
    case StepKind::AttachToOldRoot: return attach_to_old_root(child, step);
    case StepKind::UseRoot: return use_root(child, step);
    case StepKind::NewMount: return new_mount(child, step);
    case StepKind::CopyUp: return copy_up(child, step);
    case StepKind::Attach: return attach(child, step);
    case StepKind::ChangeMount: return change_mount(child, step);
    case StepKind::Mask: return mask(child, step);
    case StepKind::MakeReadOnly: return make_read_only(child, step);
    case StepKind::WriteProc: return write_proc(child, step);
    case StepKind::WriteProcSelf: return write_proc_self(child, step);
    case StepKind::MakeDirectory: return make_directory(child, step);
    case StepKind::MakeNode: return make_node(child, step);
    case StepKind::BindNode: return bind_node(child, step);
    case StepKind::MakeLink:
      return result_of(
          ::symlinkat(child.text(step.text2), child.slot(step.fd), child.text(step.text)));
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
    case StepKind::RaiseLoopback: return raise_loopback();
    case StepKind::EnterPidNamespace: return enter_pid_namespace(child);
    case StepKind::TakeTerminal: return result_of(::ioctl(0, TIOCSCTTY, 0));
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
}  // namespace after_clone

[[noreturn]] void child_main(const ChildInput& input) noexcept {
  // Before any namespace of the container is entered: nobody in there may open our
  // /proc/<pid>/exe, fd or mem.
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  ::umask(0);
  after_clone::Child child{.input = input, .plan = *input.plan, .channel = input.channel};
  const auto count = static_cast<std::uint32_t>(child.plan.steps.size());
  for (std::uint32_t index = 0; index < count; ++index) {
    const int error = after_clone::perform(child, child.plan.steps[index]);
    if (error != 0) after_clone::die(child, index, error);
  }
  ::_exit(1);
}

}  // namespace wherry::runtime
