// Server: HTTP/1.1 on any number of listening sockets. One thread accepts, reads requests and
// writes what is left of answers; handlers run on Workers. Everything that a client can grow
// is limited (Limits).
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <vector>

#include "base/result.h"
#include "http/exchange.h"
#include "http/message.h"
#include "http/workers.h"
#include "sys/fd.h"

namespace wherry::http {

struct Limits {
  std::size_t head_bytes = 64U << 10;
  // At this number the connection that has been idle longest is closed for a new one.
  std::size_t connections = 12'000;
  std::chrono::milliseconds idle = std::chrono::minutes(5);   // between requests
  std::chrono::milliseconds head = std::chrono::seconds(10);  // from its first byte
  std::chrono::milliseconds body = std::chrono::seconds(60);  // of a buffered body, no progress
  std::chrono::milliseconds sweep = std::chrono::seconds(1);  // how often deadlines are looked at
  std::chrono::milliseconds tail = std::chrono::seconds(60);  // a rest of an answer, no progress
  Workers::Limits workers;
};

struct Listener {
  sys::Fd socket;  // listening
  Transport transport = Transport::Unix;
};

class Server {
 public:
  // Serves until stop().
  static Result<std::unique_ptr<Server>> start(std::vector<Listener> listeners, Planner planner,
                                               Limits limits);
  // As stop().
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Closes the listeners, tells handlers to stop, waits for them, closes every connection.
  void stop();

 private:
  struct Parts;
  explicit Server(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace wherry::http
