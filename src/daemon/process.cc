#include "daemon/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <malloc.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "base/log.h"
#include "base/strings.h"
#include "sys/fd.h"

namespace wherry::daemon {
namespace {

sigset_t end_signals() {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGUSR1}) ::sigaddset(&set, number);
  return set;
}

// True if `pid` is a process of this program: numbers are used again after a crash.
bool is_wherryd(std::uint64_t pid) {
  const auto name = sys::read_file(fmt::format("/proc/{}/comm", pid).c_str(), 64);
  return name && trim(*name) == "wherryd" && pid != static_cast<std::uint64_t>(::getpid());
}

extern "C" void end_at_once(int /*signal*/) {
  ::_exit(1);
}

}  // namespace

void reset_inherited_state() {
  ::umask(022);
  if (::chdir("/") < 0) log::warning("cannot change to /: {}", std::strerror(errno));
  for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);
  ::signal(SIGPIPE, SIG_IGN);
  sigset_t blocked = end_signals();
  ::sigprocmask(SIG_SETMASK, &blocked, nullptr);
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
  }
  // An arena per thread would cost more memory than contention on two costs time.
  ::mallopt(M_ARENA_MAX, 2);
}

Result<Pidfile> Pidfile::create(std::string path) {
  TRY(sys::make_directories(path.substr(0, std::max<std::size_t>(path.rfind('/'), 1)), 0711));
  if (const auto text = sys::read_file(path.c_str(), 64)) {
    const auto pid = parse_u64(trim(*text));
    if (pid && is_wherryd(*pid))
      return Error::conflict(fmt::format(
          "failed to start daemon, ensure wherryd is not already running or delete {}: process "
          "with PID {} is still running",
          path, *pid));
  }
  const std::size_t slash = path.rfind('/');
  const sys::Fd directory = TRY(sys::open_at(
      {}, path.substr(0, std::max<std::size_t>(slash, 1)).c_str(), O_PATH | O_DIRECTORY));
  TRY(sys::replace_file_at(directory, path.substr(slash + 1), fmt::format("{}", ::getpid()), 0644,
                           sys::Durable::No));
  return Pidfile(std::move(path));
}

Pidfile::~Pidfile() {
  if (!path_.empty()) ::unlink(path_.c_str());
}

int wait_for_end(const std::function<void()>& reload) {
  const sigset_t set = end_signals();
  while (true) {
    int number = 0;
    if (::sigwait(&set, &number) != 0) continue;
    if (number == SIGTERM || number == SIGINT) return number;
    if (number == SIGHUP) reload();
  }
}

void limit_shutdown(unsigned seconds) {
  for (const int number : {SIGTERM, SIGINT, SIGALRM}) ::signal(number, end_at_once);
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGTERM);
  ::sigaddset(&set, SIGINT);
  ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
  ::alarm(seconds);
}

void tell_ready(int ready_fd) {
  if (ready_fd >= 0) {
    const sys::Fd ready(ready_fd);
    if (!sys::write_all(ready, "1")) log::warning("cannot tell the starter that we are ready");
  }
  notify_systemd("READY=1");
}

void notify_systemd(const std::string& message) {
  const char* path = std::getenv("NOTIFY_SOCKET");
  if (path == nullptr || (path[0] != '/' && path[0] != '@')) return;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string_view text(path);
  if (text.size() >= sizeof address.sun_path) return;
  std::memcpy(address.sun_path, text.data(), text.size());
  if (path[0] == '@') address.sun_path[0] = '\0';
  const sys::Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + text.size());
  ::sendto(socket.get(), message.data(), message.size(), MSG_NOSIGNAL,
           reinterpret_cast<const sockaddr*>(&address), size);
}

}  // namespace wherry::daemon
