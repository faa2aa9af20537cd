#include "cli/stream_pump.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace wherry::cli {
namespace {

constexpr std::size_t kBufferBytes = 64 << 10;

}  // namespace

StreamPump::StreamPump(client::HttpConnection::Raw stream, PumpOptions options)
    : socket_(std::move(stream.socket)),
      received_(std::move(stream.received)),
      options_(std::move(options)),
      scanner_(options_.detach_keys.value_or("")),
      input_open_(options_.use_stdin) {}

void StreamPump::handle_signals() {
  if (options_.signals == nullptr) return;
  for (const int number : options_.signals->take()) {
    if (options_.on_signal) options_.on_signal(number);
  }
}

// A slow reader must not keep signals waiting: Ctrl-C while the output is blocked.
Result<> StreamPump::write_to(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const int signal_fd = options_.signals == nullptr ? -1 : options_.signals->fd().get();
    std::array<pollfd, 2> entries = {pollfd{.fd = fd, .events = POLLOUT, .revents = 0},
                                     pollfd{.fd = signal_fd, .events = POLLIN, .revents = 0}};
    if (::poll(entries.data(), entries.size(), -1) < 0 && errno != EINTR)
      return Error::from_errno(errno, "poll");
    if (entries[1].revents != 0) handle_signals();
    if (entries[0].revents == 0) continue;
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno != EINTR && errno != EAGAIN) return Error::from_errno(errno, "write");
    if (written > 0) bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

Result<> StreamPump::deliver(std::string_view bytes) {
  if (options_.tty) return options_.use_stdout ? write_to(STDOUT_FILENO, bytes) : Result<>{};
  return frames_.feed(bytes, [this](client::StreamKind kind, std::string_view payload) -> Result<> {
    const bool is_error = kind == client::StreamKind::Stderr;
    if (!(is_error ? options_.use_stderr : options_.use_stdout)) return {};
    return write_to(is_error ? STDERR_FILENO : STDOUT_FILENO, payload);
  });
}

Result<bool> StreamPump::read_stream() {
  std::array<char, kBufferBytes> buffer;  // NOLINT: filled by read
  const ssize_t got = ::read(socket_.get(), buffer.data(), buffer.size());
  if (got < 0 && (errno == EINTR || errno == EAGAIN)) return true;
  if (got <= 0) return false;  // the end, or a connection that was reset
  TRY(deliver({buffer.data(), static_cast<std::size_t>(got)}));
  return true;
}

void StreamPump::close_input() {
  input_open_ = false;
  if (pending_.empty()) ::shutdown(socket_.get(), SHUT_WR);
}

void StreamPump::flush_input() {
  while (!pending_.empty()) {
    const ssize_t sent =
        ::send(socket_.get(), pending_.data(), pending_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (sent < 0) {  // the engine takes no more input; its output may go on
      pending_.clear();
      input_open_ = false;
      return;
    }
    pending_.erase(0, static_cast<std::size_t>(sent));
  }
  if (!input_open_ && options_.use_stdin) ::shutdown(socket_.get(), SHUT_WR);
}

bool StreamPump::read_input() {
  std::array<char, kBufferBytes> buffer;  // NOLINT: filled by read
  const ssize_t got = ::read(STDIN_FILENO, buffer.data(), buffer.size());
  if (got < 0 && (errno == EINTR || errno == EAGAIN)) return false;
  if (got <= 0) {
    close_input();
    return false;
  }
  const std::string_view typed(buffer.data(), static_cast<std::size_t>(got));
  if (options_.detach_keys) {
    DetachScanner::Scan scan = scanner_.scan(typed);
    pending_ += scan.pass;
    if (scan.detached) return true;
  } else {
    pending_ += typed;
  }
  flush_input();
  return false;
}

Result<PumpEnd> StreamPump::run() {
  if (!received_.empty()) TRY(deliver(std::exchange(received_, "")));
  while (true) {
    const int input = input_open_ && pending_.empty() ? STDIN_FILENO : -1;
    const int signal_fd = options_.signals == nullptr ? -1 : options_.signals->fd().get();
    const auto socket_events = static_cast<short>(POLLIN | (pending_.empty() ? 0 : POLLOUT));
    std::array<pollfd, 3> entries = {
        pollfd{.fd = socket_.get(), .events = socket_events, .revents = 0},
        pollfd{.fd = input, .events = POLLIN, .revents = 0},
        pollfd{.fd = signal_fd, .events = POLLIN, .revents = 0}};
    if (::poll(entries.data(), entries.size(), -1) < 0) {
      if (errno != EINTR) return Error::from_errno(errno, "poll");
      continue;
    }
    if (entries[2].revents != 0) handle_signals();
    if ((entries[0].revents & POLLOUT) != 0) flush_input();
    if (entries[1].revents != 0 && read_input()) return PumpEnd::Detached;
    const bool readable = (entries[0].revents & (POLLIN | POLLHUP | POLLERR)) != 0;
    if (readable && !TRY(read_stream())) return PumpEnd::Closed;
  }
}

}  // namespace wherry::cli
