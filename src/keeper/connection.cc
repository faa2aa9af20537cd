#include "keeper/connection.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace wherry::keeper {
namespace {

int milliseconds_left(Deadline deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(
      deadline - std::chrono::steady_clock::now());
  return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 1 << 30));
}

Result<> wait_readable(const sys::Fd& fd, Deadline deadline) {
  pollfd entry{fd.get(), POLLIN, 0};
  for (;;) {
    const int ready = ::poll(&entry, 1, milliseconds_left(deadline));
    if (ready > 0) return {};
    if (ready == 0) return Error(ErrorKind::Deadline, "the keeper did not answer in time");
    if (errno != EINTR) return Error::from_errno(errno, "poll");
  }
}

struct SpawnSettings {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  SpawnSettings() {
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawnattr_init(&attributes);
  }
  ~SpawnSettings() {
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;
};

constexpr int kReadyFd = 3;

// Own session, default signals, nothing but /dev/null, our stderr and the ready pipe.
void prepare(SpawnSettings& settings, int ready_fd) {
  sigset_t all;
  sigset_t none;
  ::sigfillset(&all);
  ::sigemptyset(&none);
  ::posix_spawnattr_setsigdefault(&settings.attributes, &all);
  ::posix_spawnattr_setsigmask(&settings.attributes, &none);
  ::posix_spawnattr_setflags(
      &settings.attributes,
      static_cast<short>(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID));
  ::posix_spawn_file_actions_adddup2(&settings.actions, ready_fd, kReadyFd);
  ::posix_spawn_file_actions_addopen(&settings.actions, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(&settings.actions, 1, "/dev/null", O_WRONLY, 0);
}

}  // namespace

std::string socket_path(const std::string& run_directory) { return run_directory + "/keeper.sock"; }

bool is_disconnected(const Error& error) {
  constexpr std::array kGone{EPIPE, ECONNRESET, ECONNREFUSED, ENOENT, ENOTCONN};
  return (error.kind() == ErrorKind::Unavailable && error.errno_value() == 0) ||
         std::ranges::find(kGone, error.errno_value()) != kGone.end();
}

Result<Message> receive_until(const sys::Fd& socket, Assembler& assembler, Deadline deadline) {
  for (;;) {
    TRY(wait_readable(socket, deadline));
    auto message = assembler.receive(socket, MSG_DONTWAIT);
    if (!message && message.error().errno_value() == EAGAIN) continue;
    if (!message) return std::move(message).error();
    if (*message) return std::move(**message);
  }
}

Result<> spawn_keeper(const std::string& program, const std::string& run_directory,
                      Deadline deadline) {
  sys::Pipe ready = TRY(sys::make_pipe());
  SpawnSettings settings;
  // dup2 onto itself would keep close-on-exec: move the pipe out of the way of fd 3.
  sys::Fd write_end(::fcntl(ready.write_end.get(), F_DUPFD_CLOEXEC, kReadyFd + 1));
  if (!write_end) return Error::from_errno(errno, "duplicate descriptor");
  ready.write_end.reset();
  prepare(settings, write_end.get());

  std::array<std::string, 5> words{program, "--run-dir", run_directory, "--ready-fd",
                                   std::to_string(kReadyFd)};
  std::array<char*, 6> argv{};
  std::ranges::transform(words, argv.begin(), [](std::string& word) { return word.data(); });
  pid_t pid = 0;
  const int failed = ::posix_spawn(&pid, program.c_str(), &settings.actions, &settings.attributes,
                                   argv.data(), environ);
  if (failed != 0) return Error::from_errno(failed, fmt::format("start {}", program));
  write_end.reset();

  TRY_AS(program, wait_readable(ready.read_end, deadline));
  char byte = 0;
  const bool said = ::read(ready.read_end.get(), &byte, 1) == 1;
  if (said && byte == kSayReady) return {};
  if (said && byte == kSayOwned)
    return Error::conflict(fmt::format("another {} owns {}", program, run_directory));
  int status = 0;
  ::waitpid(pid, &status, WNOHANG);
  return Error(ErrorKind::Unavailable, fmt::format("{} ended before it was ready", program));
}

}  // namespace wherry::keeper
