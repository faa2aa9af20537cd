#include "keeperd/stream_client.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>
#include <utility>

namespace wherry::keeperd {
namespace {

constexpr std::size_t kInputChunk = 32 * 1024;
constexpr std::chrono::milliseconds kLinger{1000};
constexpr std::size_t kKeepCapacity = 64 * 1024;

std::uint64_t next_id() {
  // Not from 1: an id of a pump that died must not name a client of this one.
  static std::uint64_t last =
      static_cast<std::uint64_t>(io::Clock::now().time_since_epoch().count()) << 8;
  return ++last;
}

}  // namespace

StreamClient::StreamClient(io::Loop& loop, ClientOwner& owner, sys::Fd socket,
                           keeper::AttachRequest request)
    : loop_(loop),
      owner_(owner),
      socket_(std::move(socket)),
      request_(std::move(request)),
      detach_keys_(request_.detach_keys),
      buffer_(std::exchange(request_.preface, {})),
      id_(next_id()),
      hold_(request_.hold) {}

Result<std::unique_ptr<StreamClient>> StreamClient::create(io::Loop& loop, ClientOwner& owner,
                                                           sys::Fd socket,
                                                           keeper::AttachRequest request) {
  std::unique_ptr<StreamClient> client(
      new StreamClient(loop, owner, std::move(socket), std::move(request)));
  client->watch_ = TRY(
      loop.watch(client->socket_, 0,
                 [raw = client.get()](std::uint32_t events) { raw->on_event(events); }));
  client->flush();  // the preface, which does not wait for Release
  return client;
}

bool StreamClient::wants(io::Stream stream) const {
  if (gone_ || finishing_) return false;
  return stream == io::Stream::Stderr ? request_.want_stderr : request_.want_stdout;
}

void StreamClient::update_interest() {
  if (gone_) return;
  const bool reads = shut_down_ || (request_.want_stdin && !input_ended_ && !finishing_ &&
                                    owner_.can_take_input());
  const bool writes = backlog() > 0 && !hold_ && !output_gone_;
  // A peer that hung up reports EPOLLHUP for ever: look away until its input can be taken.
  if (hung_up_ && !reads) return watch_.suspend();
  watch_.set_events((reads ? EPOLLIN : 0U) | (writes ? EPOLLOUT : 0U));
}

void StreamClient::on_event(std::uint32_t events) {
  if ((events & (EPOLLHUP | EPOLLERR)) != 0) {
    hung_up_ = true;
    lose_output();
  }
  if ((events & EPOLLOUT) != 0) flush();
  if (gone_) return;
  if (shut_down_) return discard_input();
  if ((events & (EPOLLIN | EPOLLHUP)) != 0) read_input();
  update_interest();
}

// Nobody reads the output any more. What the client typed before is still good.
void StreamClient::lose_output() {
  output_gone_ = true;
  std::string().swap(buffer_);
  sent_ = 0;
  owner_.on_room();
  if (finishing_ || !request_.want_stdin || input_ended_) set_gone();
}

void StreamClient::set_gone() {
  if (std::exchange(gone_, true)) return;
  watch_.reset();
  linger_.reset();
  if (request_.want_stdin && !std::exchange(input_ended_, true)) owner_.on_input_end(*this);
  socket_.reset();
  owner_.on_gone();
}

void StreamClient::read_input() {
  if (!request_.want_stdin || input_ended_ || finishing_ || !owner_.can_take_input()) return;
  if (!request_.already_read.empty()) take_input(std::exchange(request_.already_read, {}));
  if (gone_ || finishing_ || !owner_.can_take_input()) return;
  std::array<char, kInputChunk> bytes;
  const ssize_t count = ::recv(socket_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count > 0) return take_input({bytes.data(), static_cast<std::size_t>(count)});
  end_input();
}

void StreamClient::take_input(std::string_view bytes) {
  std::string forward;
  const bool detached = detach_keys_.scan(bytes, forward);
  if (!forward.empty()) owner_.on_input(forward);
  if (detached) owner_.on_detach(*this);
}

void StreamClient::end_input() {
  input_ended_ = true;
  if (const std::string held = detach_keys_.take_held(); !held.empty()) owner_.on_input(held);
  owner_.on_input_end(*this);
  if (hung_up_ || output_gone_) set_gone();
}

void StreamClient::resume_input() {
  if (gone_) return;
  if (!request_.already_read.empty()) read_input();
  update_interest();
}

// How many of `bytes`, as the client sees them (with their header), went out at once.
std::size_t StreamClient::write_now(io::Stream stream, std::string_view bytes) {
  io::FrameHeader header = io::frame_header(stream, static_cast<std::uint32_t>(bytes.size()));
  std::array<iovec, 2> parts{iovec{header.data(), header.size()},
                             iovec{const_cast<char*>(bytes.data()), bytes.size()}};
  const bool framed = request_.framing == keeper::Framing::Framed;
  msghdr message{};
  message.msg_iov = framed ? parts.data() : parts.data() + 1;
  message.msg_iovlen = framed ? 2 : 1;
  const ssize_t count = ::sendmsg(socket_.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (count >= 0) return static_cast<std::size_t>(count);
  if (errno != EAGAIN && errno != EINTR) lose_output();
  return 0;
}

void StreamClient::send(io::Stream stream, std::string_view bytes) {
  if (gone_ || output_gone_ || bytes.empty()) return;
  const std::size_t written = backlog() == 0 && !hold_ ? write_now(stream, bytes) : 0;
  if (gone_ || output_gone_) return;
  const std::size_t header =
      request_.framing == keeper::Framing::Framed ? io::kFrameHeaderBytes : 0;
  if (written == header + bytes.size()) return;
  if (written < header) {
    const auto frame = io::frame_header(stream, static_cast<std::uint32_t>(bytes.size()));
    buffer_.append(frame.data() + written, header - written);
  }
  buffer_.append(bytes.substr(written > header ? written - header : 0));
  update_interest();
}

void StreamClient::flush() {
  const bool was_full = is_full();
  while (backlog() > 0) {
    const ssize_t count = ::send(socket_.get(), buffer_.data() + sent_, backlog(),
                                 MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) break;
    if (count < 0) return lose_output();
    sent_ += static_cast<std::size_t>(count);
  }
  if (backlog() == 0) {
    buffer_.clear();
    sent_ = 0;
    if (buffer_.capacity() > kKeepCapacity) buffer_.shrink_to_fit();
  } else if (sent_ > kBufferLimit / 2) {
    buffer_.erase(0, std::exchange(sent_, 0));
  }
  if (was_full || backlog() <= kBufferLimit / 2) owner_.on_room();
  if (finishing_ && backlog() == 0) return shut_down();
  update_interest();
}

void StreamClient::release() {
  hold_ = false;
  flush();
}

void StreamClient::finish() {
  if (gone_ || std::exchange(finishing_, true)) return;
  if (output_gone_) return set_gone();
  if (backlog() == 0 && !hold_) return shut_down();
  update_interest();
}

// Closing a unix socket with unread input would make the peer's read fail with ECONNRESET
// before it has taken everything: so end our side first and let it end its own.
void StreamClient::shut_down() {
  if (gone_ || std::exchange(shut_down_, true)) return;
  ::shutdown(socket_.get(), SHUT_WR);
  linger_ = loop_.after(kLinger, [this] { set_gone(); });
  discard_input();
}

void StreamClient::discard_input() {
  std::array<char, kInputChunk> bytes;
  const ssize_t count = ::recv(socket_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
  if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) return set_gone();
  update_interest();
}

}  // namespace wherry::keeperd
