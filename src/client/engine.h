// The Engine API as the CLI uses it: version negotiation, docker's headers and error texts,
// plain calls, streams and hijacked connections. Speaks to wherryd and to dockerd alike.
// Thread rule: one thread per Engine.
#pragma once

#include <boost/json/value.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "client/endpoint.h"
#include "client/http.h"

namespace wherry::client {

inline constexpr std::string_view kApiVersion = "1.51";
inline constexpr std::string_view kFallbackApiVersion = "1.24";  // of a daemon that names none
inline constexpr std::size_t kMaximumReplyBytes = 256U << 20;
inline constexpr std::size_t kMaximumErrorBytes = 1U << 20;

// Parameters of a query, written in the order of their names as docker's client does.
using Query = std::map<std::string, std::string>;

struct Call {
  std::string method = "GET";
  std::string path;  // without version: "/containers/json"
  Query query;
  std::vector<std::pair<std::string, std::string>> repeated;  // parameters that come several times
  std::string body;
  std::string content_type;
  std::vector<std::pair<std::string, std::string>> headers;
  std::function<Result<std::string>()> body_source;  // chunked body
};

struct Reply {
  int status = 0;
  std::string body;
};

struct Settings {
  Endpoint endpoint;
  std::string api_version;                                   // not empty: no negotiation
  std::vector<std::pair<std::string, std::string>> headers;  // sent with every request
  // Called once when nobody listens; true: an engine was started, try again.
  std::function<Result<bool>()> start_engine;
};

// What `HEAD /_ping` told.
struct Ping {
  std::string api_version;
  std::string os_type;
};

class Engine {
 public:
  explicit Engine(Settings settings) : settings_(std::move(settings)) {}

  // Asks the daemon once; later calls answer from memory.
  Result<Ping> ping();
  // The version of every request: the lower of ours and the daemon's.
  [[nodiscard]] const std::string& api_version() const { return version_; }
  [[nodiscard]] const Endpoint& endpoint() const { return settings_.endpoint; }

  // Another engine of the same settings and negotiated version, for another thread.
  [[nodiscard]] Engine twin() const;

  // A whole exchange. A status of 400 and more is an Error "Error response from daemon: ...",
  // its kind chosen by the status.
  Result<Reply> call(const Call& call);
  // call(), and the body as JSON.
  Result<boost::json::value> call_json(const Call& call);
  // Reads the head only: the body is the caller's to read.
  Result<std::unique_ptr<HttpConnection>> stream(const Call& call);
  // Asks for an upgrade to a raw stream.
  struct Hijacked {
    HttpConnection::Raw raw;
    bool multiplexed = false;
  };
  Result<Hijacked> hijack(Call call);

 private:
  Result<std::unique_ptr<HttpConnection>> take_connection();
  Result<std::unique_ptr<HttpConnection>> open_connection();
  [[nodiscard]] Request request_of(const Call& call) const;
  struct Exchange {
    std::unique_ptr<HttpConnection> connection;
    Head head;
  };
  Result<Exchange> exchange(const Call& call);
  void keep(std::unique_ptr<HttpConnection> connection);

  Settings settings_;
  std::string version_;
  std::optional<Ping> ping_;
  std::unique_ptr<HttpConnection> idle_;
  bool tried_to_start_ = false;
};

// Parses JSON of the engine: at most kMaximumReplyBytes and 100 levels.
Result<boost::json::value> parse_json(std::string_view text);

// The `filters` parameter: {"label":{"a":true,"b=c":true}}; "" for none.
std::string encode_filters(const std::map<std::string, std::vector<std::string>>& filters);

}  // namespace wherry::client
