#include "runtime_cli/foreground.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "sys/socket.h"

namespace wherry::runtime_cli {
namespace {

// Our own terminal in raw mode, as it was before when this goes.
class RawTerminal {
 public:
  explicit RawTerminal(bool wanted) {
    if (!wanted || ::tcgetattr(STDIN_FILENO, &before_) < 0) return;
    termios raw = before_;
    ::cfmakeraw(&raw);
    active_ = ::tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
  }
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;
  ~RawTerminal() {
    if (active_) ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
  }

 private:
  termios before_{};
  bool active_ = false;
};

void copy_window_size(const sys::Fd& terminal) {
  winsize size{};
  if (::ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0) ::ioctl(terminal.get(), TIOCSWINSZ, &size);
}

void pass_signals(const sys::Pidfd& process, const SignalGate& gate, const sys::Fd& terminal) {
  signalfd_siginfo info{};
  while (::read(gate.fd().get(), &info, sizeof info) == sizeof info) {
    const int number = static_cast<int>(info.ssi_signo);
    if (number == SIGCHLD || number == SIGPIPE || number == SIGURG) continue;
    if (number == SIGWINCH && terminal) copy_window_size(terminal);
    else static_cast<void>(process.signal(number));  // it may just have ended
  }
}

// One read, all of it written. False at the end of `from`.
bool copy_once(int from, int to) {
  std::array<char, 65536> bytes;
  const ssize_t length = ::read(from, bytes.data(), bytes.size());
  if (length <= 0) return length < 0 && errno == EINTR;
  ssize_t done = 0;
  while (done < length) {
    const ssize_t written =
        ::write(to, bytes.data() + done, static_cast<std::size_t>(length - done));
    if (written < 0 && errno != EINTR) return false;
    if (written > 0) done += written;
  }
  return true;
}

// What is left in the pty after the program's end.
void drain(const sys::Fd& terminal) {
  pollfd waiting{.fd = terminal.get(), .events = POLLIN, .revents = 0};
  while (::poll(&waiting, 1, 0) > 0 && (waiting.revents & POLLIN) != 0)
    if (!copy_once(terminal.get(), STDOUT_FILENO)) return;
}

}  // namespace

Result<SignalGate> SignalGate::open() {
  sigset_t all;
  ::sigfillset(&all);
  if (::sigprocmask(SIG_BLOCK, &all, nullptr) < 0) return Error::from_errno(errno, "block signals");
  SignalGate gate;
  gate.fd_ = sys::Fd(::signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!gate.fd_) return Error::from_errno(errno, "signalfd");
  return gate;
}

Result<sys::ExitStatus> attend(const sys::Pidfd& process, const SignalGate& gate,
                               const sys::Fd& terminal) {
  const RawTerminal raw(static_cast<bool>(terminal));
  if (terminal) copy_window_size(terminal);
  std::array<pollfd, 4> waiting{
      pollfd{.fd = process.fd().get(), .events = POLLIN, .revents = 0},
      pollfd{.fd = gate.fd().get(), .events = POLLIN, .revents = 0},
      pollfd{.fd = terminal ? terminal.get() : -1, .events = POLLIN, .revents = 0},
      pollfd{.fd = terminal ? STDIN_FILENO : -1, .events = POLLIN, .revents = 0}};
  while (true) {
    if (::poll(waiting.data(), waiting.size(), -1) < 0 && errno != EINTR)
      return Error::from_errno(errno, "wait for the container");
    if (waiting[1].revents != 0) pass_signals(process, gate, terminal);
    if (waiting[2].revents != 0 && !copy_once(terminal.get(), STDOUT_FILENO)) waiting[2].fd = -1;
    if (waiting[3].revents != 0 && !copy_once(STDIN_FILENO, terminal.get())) waiting[3].fd = -1;
    if (waiting[0].revents == 0) continue;
    if (terminal) drain(terminal);
    if (const auto status = TRY(process.reap())) return *status;
  }
}

Result<> send_console(const std::string& path, const sys::Fd& terminal) {
  const sys::Fd socket = TRY_AS("console socket", sys::connect_unix(path, SOCK_STREAM));
  const std::array<int, 1> fds{terminal.get()};
  return sys::send_message(socket, "/dev/ptmx", fds);
}

Result<> send_pidfd(const std::string& path, const sys::Pidfd& process, std::string_view word) {
  if (path.empty()) return {};
  const sys::Fd socket = TRY_AS("pidfd socket", sys::connect_unix(path, SOCK_STREAM));
  const std::array<int, 1> fds{process.fd().get()};
  return sys::send_message(socket, word, fds);
}

}  // namespace wherry::runtime_cli
