#include "cli/terminal.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace wherry::cli {
namespace {

termios raw_form(termios settings) {
  ::cfmakeraw(&settings);
  settings.c_cc[VMIN] = 1;
  settings.c_cc[VTIME] = 0;
  return settings;
}

// Runs in the forked watcher: waits for the pipe to close. A byte before that says that the
// client has given the terminal back itself. Async-signal-safe calls only.
[[noreturn]] void watch(int pipe, int terminal, const termios& saved) {
  // A session of its own: the terminal's signals are not for it, and setting its modes from
  // the background is allowed.
  ::setsid();
  ::prctl(PR_SET_NAME, "wherry-tty");
  char byte = 0;
  ssize_t got = 0;
  do {
    got = ::read(pipe, &byte, 1);
  } while (got < 0 && errno == EINTR);
  if (got == 0) ::tcsetattr(terminal, TCSANOW, &saved);
  ::_exit(0);
}

}  // namespace

RawTerminal::RawTerminal(RawTerminal&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      saved_(other.saved_),
      watcher_pipe_(std::move(other.watcher_pipe_)),
      watcher_(std::exchange(other.watcher_, -1)) {}

Result<RawTerminal> RawTerminal::enter(int fd) {
  termios saved{};
  if (::tcgetattr(fd, &saved) < 0) return Error::from_errno(errno, "read the terminal's settings");
  RawTerminal terminal(fd, saved);
  TRY(terminal.start_watcher());
  const termios raw = raw_form(saved);
  if (::tcsetattr(fd, TCSANOW, &raw) < 0)
    return Error::from_errno(errno, "set the terminal to raw mode");
  return terminal;
}

Result<> RawTerminal::start_watcher() {
  sys::Pipe pipe = TRY(sys::make_pipe());
  // The child must not die of the signals that are for us, nor run our handlers.
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::sigprocmask(SIG_BLOCK, &all, &before);
  watcher_ = ::fork();
  if (watcher_ == 0) {
    ::close(pipe.write_end.get());
    watch(pipe.read_end.get(), fd_, saved_);
  }
  const int failed = errno;
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  if (watcher_ < 0) return Error::from_errno(failed, "fork");
  watcher_pipe_ = std::move(pipe.write_end);
  return {};
}

void RawTerminal::restore() {
  if (fd_ < 0) return;
  ::tcsetattr(std::exchange(fd_, -1), TCSANOW, &saved_);
  if (watcher_ < 0) return;
  static_cast<void>(sys::write_all(watcher_pipe_, "x"));
  watcher_pipe_.reset();
  while (::waitpid(watcher_, nullptr, 0) < 0 && errno == EINTR) {
  }
  watcher_ = -1;
}

}  // namespace wherry::cli
