#include "archive/unpacker.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "archive/worker_message.h"
#include "base/check.h"
#include "sys/socket.h"
#include "sys/spawn.h"

namespace wherry::archive {
namespace {

WorkerMessage request_of(const UnpackRequest& request) {
  WorkerMessage message;
  message.header.say = Say::Request;
  message.header.input = request.kind;
  message.header.whiteouts = request.target->whiteouts;
  message.header.limits = request.limits;
  return message;
}

WorkerMessage progress(Say say, std::uint64_t total) {
  WorkerMessage message;
  message.header.say = say;
  message.header.total = total;
  return message;
}

bool peer_has_gone(const Error& error) {
  return error.errno_value() == EPIPE || error.errno_value() == ECONNRESET;
}

// Blocks until `channel` can be read; false when `stop` was requested first.
Result<bool> wait_readable(const sys::Fd& channel, const std::stop_token& stop) {
  const sys::Fd wake(::eventfd(0, EFD_CLOEXEC));
  if (!wake) return Error::from_errno(errno, "eventfd");
  const std::stop_callback on_stop(stop, [&] {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t woken = ::write(wake.get(), &one, sizeof one);
  });
  std::array<pollfd, 2> watched = {{{channel.get(), POLLIN, 0}, {wake.get(), POLLIN, 0}}};
  while (::poll(watched.data(), watched.size(), -1) < 0) {
    if (errno != EINTR) return Error::from_errno(errno, "poll unpack worker");
  }
  return watched[1].revents == 0;
}

}  // namespace

Unpacker::Unpacker(sys::Pidfd process, sys::Fd channel)
    : process_(std::move(process)), channel_(std::move(channel)) {}
Unpacker::Unpacker(Unpacker&&) noexcept = default;

Unpacker& Unpacker::operator=(Unpacker&& other) noexcept {
  if (this != &other) {
    kill_and_reap();
    process_ = std::move(other.process_);
    channel_ = std::move(other.channel_);
  }
  return *this;
}

Unpacker::~Unpacker() {
  kill_and_reap();
}

void Unpacker::kill_and_reap() {
  if (!process_) return;
  // It may be in an uninterruptible write for a moment; the wait is for the kernel alone.
  static_cast<void>(process_.signal(SIGKILL));
  static_cast<void>(process_.wait_ended(-1));
  static_cast<void>(process_.reap());
  process_ = sys::Pidfd();
}

Result<Unpacker> Unpacker::start(const std::string& program, UnpackRequest request) {
  CHECK(request.target != nullptr);
  auto channel = TRY(sys::make_socket_pair(SOCK_SEQPACKET));
  const sys::Fd null = TRY(sys::open_at({}, "/dev/null", O_RDWR));
  const sys::Fd errors(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0));
  const std::string path = program.empty() ? "/proc/self/exe" : program;
  auto process =
      TRY_AS("unpack worker", sys::spawn({.program = path,
                                          .arguments = {path, "--unpack"},
                                          .environment = std::vector<std::string>(),
                                          .fds = {&null, &null, &errors, &channel.second}}));
  channel.second.reset();
  Unpacker unpacker(std::move(process), std::move(channel.first));
  const std::array<int, 2> fds = {request.input.get(), request.target->fd.get()};
  TRY_AS("unpack worker", sys::send_message(unpacker.channel_, encode(request_of(request)), fds));
  return unpacker;
}

void Unpacker::available(std::uint64_t total) {
  const std::string bytes = encode(progress(Say::Available, total));
  // Full or closed: a later message says more, and wait() says why.
  static_cast<void>(
      ::send(channel_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL));
}

Result<> Unpacker::complete(std::uint64_t total) {
  const auto sent = sys::send_message(channel_, encode(progress(Say::Complete, total)));
  if (sent || peer_has_gone(sent.error())) return {};
  return sent;
}

Result<ExtractStats> Unpacker::wait(const std::stop_token& stop) {
  if (!TRY(wait_readable(channel_, stop))) {
    kill_and_reap();
    return Error(ErrorKind::Cancelled, "unpacking was cancelled");
  }
  auto received = sys::receive_message(channel_, kWorkerMessageLimit);
  // A worker that ends with our progress unread resets the channel; the kernel tells that first,
  // and its answer lies behind.
  if (!received && received.error().errno_value() == ECONNRESET)
    received = sys::receive_message(channel_, kWorkerMessageLimit);
  if (!received || received->bytes.empty()) {
    kill_and_reap();
    return Error::internal("unpack worker ended early");
  }
  return outcome_of(TRY(decode_worker_message(received->bytes)));
}

}  // namespace wherry::archive
