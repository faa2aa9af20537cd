// What the connections of one Server share. Private to src/http: this header pulls in Asio.
#pragma once

#include <array>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <memory>
#include <stop_token>
#include <unordered_set>

#include "http/exchange.h"
#include "http/server.h"
#include "http/workers.h"

namespace wherry::http {

using Clock = std::chrono::steady_clock;

// Everything here belongs to the server's thread, but `io` (for post), `workers`, `server_stop` and
// the constants, which any thread may use.
struct Core {
  Core(Planner planner_, Limits limits_)
      : planner(std::move(planner_)),
        limits(limits_),
        workers(std::make_unique<Workers>(limits_.workers)) {}

  const Planner planner;
  const Limits limits;
  boost::asio::io_context io{1};
  std::unique_ptr<Workers> workers;
  std::unordered_set<std::shared_ptr<Connection>> connections;
  // Where every read lands first, so that an idle connection owns no buffer.
  std::array<char, 64U << 10> scratch{};
  bool stopping = false;
  std::stop_source server_stop;  // for those who have left `connections`; any thread
};

}  // namespace wherry::http
