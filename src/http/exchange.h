// Exchange: one request being answered. A handler gets it on a worker thread (or, for routes
// on Lane::Inline, on the server's own thread, where it must not block) and ends it in exactly
// one way: respond(), begin() + write() + finish(), hijack() or detach(). One that is dropped
// without an answer is answered with 500.
//
// Thread rule: one thread at a time, except read_body() beside write(); PushStream as it says.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/result.h"
#include "http/message.h"
#include "http/workers.h"
#include "sys/fd.h"

namespace wherry::http {

class Connection;
struct Pushed;

// A connection that has left HTTP. The descriptor is non-blocking.
struct Hijacked {
  sys::Fd fd;
  std::string already_read;  // what the client sent behind its request
  std::stop_token stop;      // requested when the server stops: a handler that still writes ends
};

// An answer that grows by itself (events, wait): bytes are queued, never waited for.
// All members may be called from any thread. The stream ends when finish() was written, when
// the client goes, or when more than 1 MiB is queued for a client that does not read.
class PushStream {
 public:
  PushStream(std::shared_ptr<Connection> connection, std::shared_ptr<Pushed> pushed);
  ~PushStream();
  PushStream(const PushStream&) = delete;
  PushStream& operator=(const PushStream&) = delete;

  // Ends the exchange with an ordinary answer instead of a stream.
  void respond(Response response);
  // Writes the head at once; bytes pushed earlier follow it.
  void begin(Response head);
  // False once the stream has ended.
  bool push(std::string_view bytes);
  void finish();
  // finish(), once `span` has passed (to the second).
  void finish_after(std::chrono::milliseconds span);
  // Bytes pushed that are not written yet.
  [[nodiscard]] std::size_t queued() const;
  // Holds `object` (a subscription) until the stream ends; drops it at once if it has.
  void keep(std::shared_ptr<void> object);

 private:
  std::shared_ptr<Connection> connection_;
  std::shared_ptr<Pushed> pushed_;
};

class Exchange {
 public:
  explicit Exchange(std::shared_ptr<Connection> connection);
  ~Exchange();
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  [[nodiscard]] const Request& request() const;
  // Requested when the client goes or the server stops.
  [[nodiscard]] std::stop_token stop() const;
  // Whether an answer has begun.
  [[nodiscard]] bool answered() const { return answered_; }

  // A whole answer. Never blocks: what the socket does not take is written in the background.
  void respond(Response response);

  // An answer in pieces: begin() writes the head, write() blocks while the client does not
  // read; both fail once the client has gone. finish() ends the answer.
  Result<> begin(Response head);
  Result<> write(std::string_view bytes);
  void finish();

  // Writes `head` verbatim and gives the connection away.
  Result<Hijacked> hijack(std::string_view head);

  std::shared_ptr<PushStream> detach();

  // Routes that stream their body: the next bytes, 0 at its end. Blocks.
  Result<std::size_t> read_body(std::span<char> out);

 private:
  std::shared_ptr<Connection> connection_;
  bool answered_ = false;
  bool streaming_ = false;
};
using ExchangePtr = std::shared_ptr<Exchange>;

// What the server does with a request once its head is known.
struct Plan {
  enum class Body : std::uint8_t { Buffered, Streamed };
  enum class Where : std::uint8_t { Inline, Quick, Long };
  Where where = Where::Quick;
  Body body = Body::Buffered;
  std::size_t body_limit_bytes = 4U << 20;  // for buffered bodies
  // Off for routes that hijack: nothing may look at the socket meanwhile.
  bool watch_client = true;
  std::function<void(const ExchangePtr&)> run;
};

// Called on the server's thread with a request whose body is still missing: must not block.
using Planner = std::function<Plan(const Request&)>;

}  // namespace wherry::http
