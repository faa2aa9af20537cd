// The handlers' half of a connection: Exchange and PushStream.
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <boost/asio/post.hpp>
#include <cerrno>

#include "http/connection.h"

namespace wherry::http {
namespace {

constexpr std::size_t kMaximumPushed = 1U << 20;
constexpr std::size_t kReadStep = 64U << 10;
constexpr std::string_view kLastChunk = "0\r\n\r\n";

Error client_gone() {
  return {ErrorKind::Cancelled, "the client has gone"};
}

// Blocks until `events` or the end of the peer: shutdown(2) by Connection::abort wakes it, too.
void wait_for(int fd, short events) {
  pollfd entry{.fd = fd, .events = events, .revents = 0};
  while (::poll(&entry, 1, -1) < 0 && errno == EINTR) {
  }
}

}  // namespace

// ---- a worker's calls ------------------------------------------------------------------

void Connection::respond(Response response) {
  const bool unread = plan_.body == Plan::Body::Streamed && !parser_->body_done();
  if (unread || response.close) keep_alive_ = false;
  std::string bytes = write_head(
      response,
      {.framing = Framing::Length, .length = response.body.size(), .close = !keep_alive_});
  if (!is_head()) bytes += response.body;
  std::string_view rest = bytes;
  // A dead peer shows again when the server's thread goes on with the connection.
  static_cast<void>(send_now(rest));
  bytes.erase(0, bytes.size() - rest.size());
  post_answered(std::move(bytes));
}

std::string Connection::stream_head(Response head) {
  chunked_ = !request_.http_1_0;
  if (!chunked_) keep_alive_ = false;
  if (plan_.body == Plan::Body::Streamed) keep_alive_ = false;
  const Framing framing = chunked_ ? Framing::Chunked : Framing::UntilClose;
  return write_head(head, {.framing = framing, .length = 0, .close = !keep_alive_});
}

Result<> Connection::begin(Response head) {
  return send_all(stream_head(std::move(head)));
}

Result<> Connection::write(std::string_view bytes) {
  if (bytes.empty() || is_head()) return {};
  return send_all(framed(bytes, chunked_));
}

void Connection::finish() {
  std::string_view rest = chunked_ && !is_head() ? kLastChunk : std::string_view();
  static_cast<void>(send_now(rest));
  post_answered(std::string(rest));
}

std::string Connection::framed(std::string_view bytes, bool chunked) {
  if (!chunked) return std::string(bytes);
  std::string out;
  out.reserve(bytes.size() + 16);
  fmt::format_to(std::back_inserter(out), "{:x}\r\n", bytes.size());
  out += bytes;
  out += "\r\n";
  return out;
}

Result<> Connection::send_all(std::string_view bytes) {
  while (true) {
    TRY(send_now(bytes));
    if (bytes.empty()) return {};
    if (stop_.stop_requested()) return client_gone();
    wait_for(socket_.native_handle(), POLLOUT);
  }
}

Result<Hijacked> Connection::hijack(std::string_view head) {
  TRY(send_all(head));
  Hijacked hijacked{sys::Fd(socket_.release()), std::move(pending_), core_.server_stop.get_token()};
  boost::asio::post(core_.io, [self = shared_from_this()] {
    self->state_ = State::Gone;
    self->core_.connections.erase(self);
  });
  return hijacked;
}

Result<std::size_t> Connection::read_body(std::span<char> out) {
  while (true) {
    std::string_view bytes = pending_;
    const auto got = parser_->read_body(bytes, out);
    if (!got) return Error::invalid(got.error().text);
    pending_.erase(0, pending_.size() - bytes.size());
    if (*got > 0 || parser_->body_done()) return *got;
    if (pending_.size() > core_.limits.head_bytes) return Error::invalid("chunk header too long");

    const std::size_t kept = pending_.size();
    pending_.resize(kept + kReadStep);
    const auto received =
        ::recv(socket_.native_handle(), pending_.data() + kept, kReadStep, MSG_DONTWAIT);
    const int problem = errno;
    pending_.resize(kept + static_cast<std::size_t>(std::max<ssize_t>(received, 0)));
    if (received > 0) continue;
    if (received == 0) return Error(ErrorKind::Cancelled, "unexpected end of the request body");
    if (problem != EAGAIN && problem != EINTR) return client_gone();
    if (stop_.stop_requested()) return client_gone();
    wait_for(socket_.native_handle(), POLLIN);
  }
}

void Connection::post_answered(std::string tail) {
  // An inline handler runs on the server's thread already.
  if (plan_.where == Plan::Where::Inline && state_ == State::Handling)
    return answered(std::move(tail));
  boost::asio::post(core_.io, [self = shared_from_this(), tail = std::move(tail)]() mutable {
    self->answered(std::move(tail));
  });
}

// ---- PushStream ------------------------------------------------------------------------

std::shared_ptr<Pushed> Connection::detach() {
  auto pushed = std::make_shared<Pushed>(!request_.http_1_0);
  boost::asio::post(core_.io, [self = shared_from_this(), pushed] {
    if (self->state_ != State::Handling) return;
    self->state_ = State::Pushing;
    self->pushed_ = pushed;
    // The end of the client may have been seen before the hand-over.
    if (self->stop_.stop_requested()) return self->close();
    self->arm_read();
    self->flush_pushed();
  });
  return pushed;
}

void Connection::push_respond(const std::shared_ptr<Pushed>& pushed, Response response) {
  std::string bytes = write_head(
      response,
      {.framing = Framing::Length, .length = response.body.size(), .close = !keep_alive_});
  if (!is_head()) bytes += response.body;
  {
    const std::lock_guard lock(pushed->mutex);
    pushed->finished = true;
  }
  boost::asio::post(core_.io,
                    [self = shared_from_this(), pushed, bytes = std::move(bytes)]() mutable {
                      if (self->pushed_ != pushed || self->state_ != State::Pushing) return;
                      self->end_push();
                      self->answered(std::move(bytes));
                    });
}

void Connection::push_begin(const std::shared_ptr<Pushed>& pushed, Response head) {
  const std::string bytes = stream_head(std::move(head));
  const std::lock_guard lock(pushed->mutex);
  pushed->bytes.insert(0, bytes);
  pushed->begun = true;
  kick(pushed);
}

bool Connection::push(const std::shared_ptr<Pushed>& pushed, std::string_view bytes) {
  const std::lock_guard lock(pushed->mutex);
  if (pushed->closed || pushed->finished) return false;
  if (pushed->bytes.size() + bytes.size() > kMaximumPushed) {
    // A client that does not read: let it go rather than keep everything for it.
    close_pushing(pushed);
    pushed->closed = true;
    return false;
  }
  pushed->bytes += framed(bytes, pushed->chunked);
  kick(pushed);
  return true;
}

void Connection::push_finish(const std::shared_ptr<Pushed>& pushed) {
  const std::lock_guard lock(pushed->mutex);
  if (pushed->closed || pushed->finished) return;
  pushed->finished = true;
  if (pushed->chunked) pushed->bytes += kLastChunk;
  kick(pushed);
}

void Connection::push_finish_after(const std::shared_ptr<Pushed>& pushed,
                                   std::chrono::milliseconds span) {
  boost::asio::post(core_.io, [self = shared_from_this(), pushed, span] {
    if (self->pushed_ == pushed && self->state_ == State::Pushing) self->set_deadline(span);
  });
}

void Connection::push_abandon(const std::shared_ptr<Pushed>& pushed) {
  const std::lock_guard lock(pushed->mutex);
  if (!pushed->closed && !pushed->finished) close_pushing(pushed);
}

void Connection::close_pushing(const std::shared_ptr<Pushed>& pushed) {
  boost::asio::post(core_.io, [self = shared_from_this(), pushed] {
    if (self->pushed_ == pushed) self->close();
  });
}

// With pushed->mutex held.
void Connection::kick(const std::shared_ptr<Pushed>& pushed) {
  if (!pushed->begun || pushed->kicked) return;
  pushed->kicked = true;
  boost::asio::post(core_.io, [self = shared_from_this(), pushed] {
    if (self->pushed_ == pushed) self->flush_pushed();
  });
}

// On the server's thread. What is queued moves on only when the socket took what came before,
// so that the limit on queued bytes is the limit on all of them.
void Connection::flush_pushed() {
  if (state_ != State::Pushing || !tail_.empty()) return;
  bool finished = false;
  {
    const std::lock_guard lock(pushed_->mutex);
    pushed_->kicked = false;
    if (!pushed_->begun) return;
    tail_.swap(pushed_->bytes);
    finished = pushed_->finished;
  }
  if (finished) {
    end_push();
    return answered(std::move(tail_));
  }
  if (!tail_.empty()) flush_tail();
}

void Connection::end_push() {
  std::shared_ptr<void> kept;
  const std::lock_guard lock(pushed_->mutex);
  pushed_->closed = true;
  kept.swap(pushed_->kept);
  // Destroying a subscription may wait for its callback, which may be in push(): not here.
  boost::asio::post(core_.io, [kept = std::move(kept)]() mutable { kept.reset(); });
}

PushStream::PushStream(std::shared_ptr<Connection> connection, std::shared_ptr<Pushed> pushed)
    : connection_(std::move(connection)), pushed_(std::move(pushed)) {}
PushStream::~PushStream() {
  connection_->push_abandon(pushed_);
}
void PushStream::respond(Response response) {
  connection_->push_respond(pushed_, std::move(response));
}
void PushStream::begin(Response head) {
  connection_->push_begin(pushed_, std::move(head));
}
bool PushStream::push(std::string_view bytes) {
  return connection_->push(pushed_, bytes);
}
void PushStream::finish() {
  connection_->push_finish(pushed_);
}
void PushStream::finish_after(std::chrono::milliseconds span) {
  connection_->push_finish_after(pushed_, span);
}

std::size_t PushStream::queued() const {
  const std::lock_guard lock(pushed_->mutex);
  return pushed_->bytes.size();
}

void PushStream::keep(std::shared_ptr<void> object) {
  const std::lock_guard lock(pushed_->mutex);
  // `object` is the caller's to drop, after the lock, if the stream has ended.
  if (!pushed_->closed) pushed_->kept = std::move(object);
}

// ---- Exchange --------------------------------------------------------------------------

Exchange::Exchange(std::shared_ptr<Connection> connection) : connection_(std::move(connection)) {}

Exchange::~Exchange() {
  if (streaming_) finish();
  if (answered_) return;
  connection_->respond({.status = 500,
                        .content_type = "application/json",
                        .body = "{\"message\":\"the request was dropped\"}\n",
                        .headers = {}});
}

const Request& Exchange::request() const {
  return connection_->request();
}
std::stop_token Exchange::stop() const {
  return connection_->stop_token();
}

void Exchange::respond(Response response) {
  answered_ = true;
  connection_->respond(std::move(response));
}

Result<> Exchange::begin(Response head) {
  answered_ = true;
  streaming_ = true;
  return connection_->begin(std::move(head));
}

Result<> Exchange::write(std::string_view bytes) {
  return connection_->write(bytes);
}

void Exchange::finish() {
  streaming_ = false;
  connection_->finish();
}

Result<Hijacked> Exchange::hijack(std::string_view head) {
  answered_ = true;
  return connection_->hijack(head);
}

std::shared_ptr<PushStream> Exchange::detach() {
  answered_ = true;
  return std::make_shared<PushStream>(connection_, connection_->detach());
}

Result<std::size_t> Exchange::read_body(std::span<char> out) {
  return connection_->read_body(out);
}

}  // namespace wherry::http
