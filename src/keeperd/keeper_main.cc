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
#include "keeperd/keeper.h"
#include "keeperd/server.h"

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

Result<> serve(io::Loop& loop, Keeper& keeper, const RunDirectory& directory,
               std::unique_ptr<Server>& server) {
  server = std::make_unique<Server>(loop, keeper, TRY(directory.listen("keeper.sock")));
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
  const auto opened = RunDirectory::open(options.run_directory);
  if (!opened) {
    if (opened.error().kind() == ErrorKind::Conflict) say(options.ready_fd, keeper::kSayOwned);
    return Error(opened.error());
  }
  const RunDirectory& directory = *opened;
  Keeper::Settings settings;
  settings.host_root = TRY(sys::open_at({}, "/", O_PATH | O_DIRECTORY));
  settings.dev_null = TRY(sys::open_at({}, "/dev/null", O_RDWR));
  if (!kSanitized)
    if (auto entered = enter_small_mount_namespace(options.run_directory); !entered)
      log::warning("keeper: stays in the host's mount namespace: {}", entered.error().message());
  settings.launcher = TRY(Launcher::create());

  const auto loop = TRY(io::Loop::create());
  Keeper keeper(*loop, directory, std::move(settings));
  std::unique_ptr<Server> server;
  Result<> outcome;
  TRY(keeper.begin([&](Result<> ready) {
    outcome = std::move(ready);
    if (outcome) outcome = serve(*loop, keeper, directory, server);
    if (!outcome) return loop->stop();
    say(options.ready_fd, keeper::kSayReady);
  }));
  TRY(loop->run());
  TRY(outcome);
  directory.remove_socket("keeper.sock");
  return {};
}

}  // namespace wherry::keeperd
