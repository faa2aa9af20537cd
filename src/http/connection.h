// Connection: the life of one client socket. Private to src/http.
//
//   Reading --head (and buffered body) complete--> Handling --answer--> Reading | Closing
//                                                     \--hijack--> Gone
// While Handling, a worker owns the writing side (and, for streamed bodies, the reading side);
// in every other state the server's thread owns everything. PushStream hands the connection
// back to the server's thread: state Pushing.
#pragma once

#include <atomic>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <stop_token>
#include <string>

#include "http/core.h"
#include "http/exchange.h"
#include "http/parser.h"

namespace wherry::http {

// What the callers of one PushStream fill and the server's thread empties.
struct Pushed {
  const bool chunked;
  std::mutex mutex{};  // the rest; nothing is called with it held
  std::string bytes{};
  std::shared_ptr<void> kept{};
  bool begun = false;
  bool finished = false;
  bool closed = false;
  bool kicked = false;  // a flush is posted already
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Core& core, sys::Fd fd, Transport transport);

  // ---- the server's thread
  void start();
  // Closes the connection if its deadline has passed.
  void check_deadline(Clock::time_point now);
  [[nodiscard]] bool is_idle() const { return state_ == State::Reading && !parser_; }
  [[nodiscard]] Clock::time_point since() const { return since_; }
  // Ends the connection, and asks its handler to stop.
  void abort();

  // ---- the worker that handles the request (see Exchange)
  [[nodiscard]] const Request& request() const { return request_; }
  [[nodiscard]] std::stop_token stop_token() const { return stop_.get_token(); }
  void respond(Response response);
  Result<> begin(Response head);
  Result<> write(std::string_view bytes);
  void finish();
  Result<Hijacked> hijack(std::string_view head);
  Result<std::size_t> read_body(std::span<char> out);

  // ---- PushStream, any thread. Each names its own answer: the connection may serve the next
  // request when a callback of an earlier one still runs.
  std::shared_ptr<Pushed> detach();
  void push_respond(const std::shared_ptr<Pushed>& pushed, Response response);
  void push_begin(const std::shared_ptr<Pushed>& pushed, Response head);
  bool push(const std::shared_ptr<Pushed>& pushed, std::string_view bytes);
  void push_finish(const std::shared_ptr<Pushed>& pushed);
  void push_finish_after(const std::shared_ptr<Pushed>& pushed, std::chrono::milliseconds span);
  void push_abandon(const std::shared_ptr<Pushed>& pushed);

 private:
  enum class State : std::uint8_t { Reading, Handling, Pushing, Tail, Lingering, Gone };

  void arm_read();
  void on_readable();
  void watch_for_end();
  bool receive();
  void advance();
  void read_head();
  void read_buffered_body();
  void dispatch();
  void fail(const ParseFailure& failure);
  void expect_continue();
  void next_request();
  void answered(std::string tail);
  void flush_tail();
  void arm_write();
  void linger();
  void close();
  void post_answered(std::string tail);
  void kick(const std::shared_ptr<Pushed>& pushed);
  void close_pushing(const std::shared_ptr<Pushed>& pushed);
  void flush_pushed();
  void end_push();
  void set_deadline(std::chrono::milliseconds span);
  // Takes from the front of `bytes` what the socket takes now; an error means the peer is gone.
  Result<> send_now(std::string_view& bytes);
  Result<> send_all(std::string_view bytes);
  // Chunk framing where the answer is chunked.
  [[nodiscard]] static std::string framed(std::string_view bytes, bool chunked);
  std::string stream_head(Response head);
  [[nodiscard]] bool is_head() const { return request_.method == "HEAD"; }

  Core& core_;
  boost::asio::posix::stream_descriptor socket_;
  const Transport transport_;
  State state_ = State::Reading;
  Clock::time_point since_;
  std::optional<Clock::time_point> deadline_;
  bool read_armed_ = false;
  bool write_armed_ = false;
  bool advancing_ = false;
  bool input_waits_ = false;  // bytes arrived while a handler was at work

  std::string pending_;  // received, not yet parsed
  std::optional<RequestParser> parser_;
  bool head_done_ = false;
  bool continue_sent_ = false;
  Request request_;
  Plan plan_;
  std::stop_source stop_{std::nostopstate};
  std::atomic<bool> keep_alive_ = false;  // abort() clears it under a worker
  bool chunked_ = false;                  // of the answer
  std::string tail_;                      // of an answer
  std::size_t drained_ = 0;

  std::shared_ptr<Pushed> pushed_;  // of the answer that is pushed now
};

}  // namespace wherry::http
