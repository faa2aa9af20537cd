// The server's thread's half of a connection: reading requests, tails of answers, deadlines.
#include "http/connection.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <boost/asio/post.hpp>
#include <cerrno>

namespace wherry::http {

constexpr std::size_t kMaximumDrained = 4U << 20;
constexpr auto kLinger = std::chrono::seconds(2);

Connection::Connection(Core& core, sys::Fd fd, Transport transport)
    : core_(core), socket_(core.io, fd.release()), transport_(transport), since_(Clock::now()) {}

void Connection::start() {
  set_deadline(core_.limits.idle);
  arm_read();
}

void Connection::set_deadline(std::chrono::milliseconds span) {
  deadline_ = Clock::now() + span;
}

void Connection::check_deadline(Clock::time_point now) {
  if (!deadline_ || *deadline_ > now) return;
  if (state_ != State::Pushing) return close();
  deadline_.reset();
  push_finish(pushed_);
}

void Connection::arm_read() {
  if (read_armed_ || state_ == State::Gone) return;
  read_armed_ = true;
  socket_.async_wait(boost::asio::posix::descriptor_base::wait_read,
                     [self = shared_from_this()](const boost::system::error_code& error) {
                       self->read_armed_ = false;
                       if (!error) self->on_readable();
                     });
}

void Connection::on_readable() {
  switch (state_) {
    case State::Reading:
      if (receive()) advance();
      return;
    case State::Handling:
    case State::Pushing: watch_for_end(); return;
    case State::Tail: input_waits_ = true; return;
    case State::Lingering: linger(); return;
    case State::Gone: return;
  }
}

// Tells an ended client from one that sends its next request early. As Go's server does, the
// end of its sending side counts as the end of a client.
void Connection::watch_for_end() {
  char byte = 0;
  const auto got = ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return arm_read();
  input_waits_ = true;
  if (got > 0) return;
  stop_.request_stop();
  if (state_ == State::Pushing) close();
}

// False: the client has gone and the connection with it.
bool Connection::receive() {
  input_waits_ = false;
  auto& scratch = core_.scratch;
  const auto got = ::recv(socket_.native_handle(), scratch.data(), scratch.size(), MSG_DONTWAIT);
  if (got > 0) {
    pending_.append(scratch.data(), static_cast<std::size_t>(got));
    return true;
  }
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return true;
  close();
  return false;
}

// Parses what is pending until it is used up or a handler has taken over. A loop, so that a
// client with thousands of pipelined requests does not deepen the stack.
void Connection::advance() {
  if (advancing_) return;
  advancing_ = true;
  while (state_ == State::Reading && !pending_.empty()) {
    const std::size_t before = pending_.size();
    if (!head_done_)
      read_head();
    else
      read_buffered_body();
    // Once dispatched, what is pending belongs to the handler's thread.
    if (state_ != State::Reading || pending_.size() == before) break;
  }
  advancing_ = false;
  if (state_ != State::Reading) return;
  if (input_waits_) {
    if (receive()) boost::asio::post(core_.io, [self = shared_from_this()] { self->advance(); });
    return;
  }
  arm_read();
}

void Connection::read_head() {
  if (!parser_) {
    parser_.emplace(core_.limits.head_bytes);
    set_deadline(core_.limits.head);
  }
  std::string_view bytes = pending_;
  const auto done = parser_->read_head(bytes);
  pending_.erase(0, pending_.size() - bytes.size());
  if (!done) return fail(done.error());
  if (!*done) {
    // The parser takes whole lines only: an endless one stays here.
    if (pending_.size() > core_.limits.head_bytes) fail({431, "request header fields too large"});
    return;
  }
  auto request = parser_->request();
  if (!request) return fail(request.error());
  head_done_ = true;
  request_ = std::move(*request);
  request_.transport = transport_;
  keep_alive_ = parser_->keep_alive() && !request_.http_1_0;
  plan_ = core_.planner(request_);
  if (plan_.body == Plan::Body::Streamed) return dispatch();
  if (auto fits = parser_->limit_body(plan_.body_limit_bytes); !fits) return fail(fits.error());
  read_buffered_body();
}

void Connection::read_buffered_body() {
  set_deadline(core_.limits.body);
  std::string_view bytes = pending_;
  while (!parser_->body_done() && !bytes.empty()) {
    const std::size_t before = bytes.size();
    const auto got = parser_->read_body(bytes, core_.scratch);
    if (!got) return fail(got.error());
    request_.body.append(core_.scratch.data(), *got);
    if (bytes.size() == before) break;
  }
  pending_.erase(0, pending_.size() - bytes.size());
  if (parser_->body_done()) return dispatch();
  // What the parser leaves is less than one chunk header.
  if (pending_.size() > core_.limits.head_bytes) return fail({400, "chunk header too long"});
  expect_continue();
}

void Connection::expect_continue() {
  if (continue_sent_ || request_.header("Expect") != "100-continue") return;
  continue_sent_ = true;
  std::string_view bytes = "HTTP/1.1 100 Continue\r\n\r\n";
  if (!send_now(bytes)) close();
}

void Connection::dispatch() {
  state_ = State::Handling;
  deadline_.reset();
  stop_ = std::stop_source();
  auto exchange = std::make_shared<Exchange>(shared_from_this());
  if (plan_.body == Plan::Body::Streamed && !parser_->body_done()) expect_continue();
  if (plan_.where == Plan::Where::Inline) return plan_.run(exchange);
  if (plan_.watch_client && plan_.body == Plan::Body::Buffered) arm_read();
  const Lane lane = plan_.where == Plan::Where::Quick ? Lane::Quick : Lane::Long;
  const bool taken =
      core_.workers && core_.workers->submit(lane, [run = plan_.run, exchange] { run(exchange); });
  if (taken) return;
  exchange->respond({.status = 503,
                     .content_type = "application/json",
                     .body = "{\"message\":\"the engine has too many requests under way\"}\n",
                     .headers = {}});
}

// As Go's server answers what it cannot read.
void Connection::fail(const ParseFailure& failure) {
  keep_alive_ = false;
  state_ = State::Handling;
  Response response{
      .status = failure.status,
      .content_type = "text/plain; charset=utf-8",
      .body = fmt::format("{} {}: {}", failure.status, reason_phrase(failure.status), failure.text),
      .headers = {}};
  const HeadOptions head{.framing = Framing::Length, .length = response.body.size(), .close = true};
  answered(write_head(response, head) + response.body);
}

void Connection::answered(std::string tail) {
  if (state_ == State::Gone) return;
  tail_ = std::move(tail);
  state_ = State::Tail;
  set_deadline(core_.limits.tail);
  flush_tail();
}

void Connection::flush_tail() {
  std::string_view rest = tail_;
  if (!send_now(rest)) return close();
  if (rest.size() < tail_.size()) {
    tail_.erase(0, tail_.size() - rest.size());
    if (state_ == State::Tail) set_deadline(core_.limits.tail);
  }
  if (!tail_.empty()) return arm_write();
  if (state_ == State::Pushing) return flush_pushed();
  if (keep_alive_) return next_request();
  // Without the drain, bytes of the client that nobody read would reset the connection and
  // could take the answer with them.
  ::shutdown(socket_.native_handle(), SHUT_WR);
  state_ = State::Lingering;
  set_deadline(kLinger);
  linger();
}

void Connection::arm_write() {
  if (write_armed_ || state_ == State::Gone) return;
  write_armed_ = true;
  socket_.async_wait(boost::asio::posix::descriptor_base::wait_write,
                     [self = shared_from_this()](const boost::system::error_code& error) {
                       self->write_armed_ = false;
                       if (!error && self->state_ != State::Gone) self->flush_tail();
                     });
}

void Connection::linger() {
  auto& scratch = core_.scratch;
  const auto got = ::recv(socket_.native_handle(), scratch.data(), scratch.size(), MSG_DONTWAIT);
  if (got > 0) drained_ += static_cast<std::size_t>(got);
  const bool over = got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR);
  if (over || drained_ > kMaximumDrained) return close();
  arm_read();
}

void Connection::next_request() {
  state_ = State::Reading;
  parser_.reset();
  head_done_ = false;
  continue_sent_ = false;
  request_ = {};
  plan_ = {};
  stop_ = std::stop_source{std::nostopstate};
  pushed_.reset();
  if (pending_.empty()) std::string().swap(pending_);
  std::string().swap(tail_);
  since_ = Clock::now();
  set_deadline(core_.limits.idle);
  advance();
}

void Connection::abort() {
  if (state_ == State::Handling) {
    // The worker still uses the descriptor: wake it, and let its answer end the connection.
    keep_alive_ = false;
    if (plan_.watch_client) ::shutdown(socket_.native_handle(), SHUT_RDWR);
    stop_.request_stop();
    return;
  }
  close();
}

void Connection::close() {
  if (state_ == State::Gone) return;
  const bool pushing = state_ == State::Pushing;
  state_ = State::Gone;
  deadline_.reset();
  stop_.request_stop();
  boost::system::error_code ignored;
  socket_.close(ignored);
  if (pushing) end_push();
  core_.connections.erase(shared_from_this());
}

Result<> Connection::send_now(std::string_view& bytes) {
  while (!bytes.empty()) {
    const auto sent =
        ::send(socket_.native_handle(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
      continue;
    }
    if (errno == EINTR) continue;
    if (errno == EAGAIN) return {};
    return Error(ErrorKind::Cancelled, errno, "the client has gone");
  }
  return {};
}

}  // namespace wherry::http
