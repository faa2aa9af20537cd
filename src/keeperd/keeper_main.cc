#include "keeperd/keeper_main.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "base/log.h"
#include "base/sanitizer.h"
#include "io/loop.h"
#include "keeper/wire.h"
#include "keeperd/failpoint.h"
#include "keeperd/keeper.h"
#include "keeperd/server.h"
#include "sys/elf.h"

namespace wherry::keeperd {
namespace {

Result<> mount_at(const char* source, const std::string& target, const char* type,
                  unsigned long flags) {
  if (::mount(source, target.c_str(), type, flags, nullptr) == 0) return {};
  return Error::from_errno(errno, "mount " + target);
}

void raise_fd_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) < 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

void say(int ready_fd, char word) {
  if (ready_fd < 0) return;
  const sys::Fd ready(ready_fd);
  if (auto written = sys::write_all(ready, {&word, 1}); !written)
    log::debug("ready: {}", written.error().message());
}

// What a keeper begins with: made here, or left by the one that executed us.
struct Beginnings {
  RunDirectory directory;
  Keeper::Settings settings;
  std::optional<Handover> handover;
};

Result<Beginnings> first_beginnings(const std::string& run_directory) {
  Beginnings first{.directory = TRY(RunDirectory::open(run_directory)), .settings = {}, .handover = {}};
  first.settings.host_root = TRY(sys::open_at({}, "/", O_PATH | O_DIRECTORY));
  first.settings.dev_null = TRY(sys::open_at({}, "/dev/null", O_RDWR));
  if (!kSanitized)
    if (auto entered = enter_small_mount_namespace(run_directory); !entered)
      log::warning("keeper: stays in the host's mount namespace: {}", entered.error().message());
  return first;
}

Result<Beginnings> inherited_beginnings(const sys::Fd& memfd) {
  failpoint("keeper.resume");
  Handover handover = TRY(receive_handover(memfd));
  Beginnings left{.directory = RunDirectory::inherit(handover), .settings = {}, .handover = {}};
  left.settings.host_root = sys::Fd(handover.host_root);
  left.settings.dev_null = sys::Fd(handover.dev_null);
  left.handover = std::move(handover);
  return left;
}

// Empty where the program has none: it is never asked to become another one.
std::string own_build() {
  const auto self = sys::open_at({}, "/proc/self/exe", O_RDONLY);
  return self ? sys::build_id(*self).value_or("") : "";
}

Result<> serve(io::Loop& loop, Keeper& keeper, const Beginnings& from, std::unique_ptr<Server>& server) {
  sys::Fd listener = from.handover ? sys::Fd(from.handover->listener) : TRY(from.directory.listen("keeper.sock"));
  server = std::make_unique<Server>(loop, keeper, std::move(listener));
  return server->begin();
}

}  // namespace

Result<> enter_small_mount_namespace(const std::string& mount_point) {
  if (::unshare(CLONE_NEWNS) < 0) return Error::from_errno(errno, "unshare mount namespace");
  TRY(mount_at(nullptr, "/", nullptr, MS_REC | MS_PRIVATE));
  TRY(mount_at("tmpfs", mount_point, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC));
  for (const char* name : {"/proc", "/sys"}) {
    const std::string inside = mount_point + name;
    if (::mkdir(inside.c_str(), 0755) < 0) return Error::from_errno(errno, "mkdir " + inside);
    TRY(mount_at(name, inside, nullptr, MS_BIND));
  }
  if (::chdir(mount_point.c_str()) < 0) return Error::from_errno(errno, "chdir " + mount_point);
  // The old root goes on top of the new one and is detached at once (pivot_root(2)).
  if (::syscall(SYS_pivot_root, ".", ".") < 0) return Error::from_errno(errno, "pivot_root");
  if (::umount2(".", MNT_DETACH) < 0) return Error::from_errno(errno, "detach the old root");
  if (::chdir("/") < 0) return Error::from_errno(errno, "chdir /");
  return {};
}

Result<> keeper_main(const KeeperOptions& options) {
  ::signal(SIGPIPE, SIG_IGN);
  ::umask(022);
  // Nobody may look into us through /proc or ptrace; what we clone inherits it until exec.
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  raise_fd_limit();
  auto beginnings = options.handover_fd >= 0 ? inherited_beginnings(sys::Fd(options.handover_fd))
                                             : first_beginnings(options.run_directory);
  if (!beginnings) {
    if (beginnings.error().kind() == ErrorKind::Conflict) say(options.ready_fd, keeper::kSayOwned);
    return Error(beginnings.error());
  }
  const auto loop = TRY(io::Loop::create());
  std::unique_ptr<Server> server;
  Keeper::Settings& settings = beginnings->settings;
  settings.launcher = TRY(Launcher::create());
  settings.build = own_build();
  settings.listener = [&server] { return server->listener().get(); };
  Keeper keeper(*loop, beginnings->directory, std::move(settings));
  Result<> outcome;
  TRY(keeper.begin(beginnings->handover, [&](Result<> ready) {
    outcome = std::move(ready);
    if (outcome) outcome = serve(*loop, keeper, *beginnings, server);
    if (!outcome) return loop->stop();
    say(options.ready_fd, keeper::kSayReady);
  }));
  TRY(loop->run());
  TRY(outcome);
  beginnings->directory.remove_socket("keeper.sock");
  return {};
}

}  // namespace wherry::keeperd
