// Router: method and path -> route. Patterns are literal segments, "{id}" for one segment and
// "{name...}" for one or more (image names have slashes). Every route is served with and
// without "/v<version>"; without it in the newest version.
#pragma once

#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "api/call.h"
#include "api/version.h"
#include "base/result.h"
#include "http/exchange.h"

namespace wherry::api {

// Answers through the call, or returns the Error that becomes the answer.
using Handler = Result<> (*)(Call&);

struct RouteOptions {
  http::Plan::Where where = http::Plan::Where::Quick;
  http::Plan::Body body = http::Plan::Body::Buffered;
  bool hijacks = false;
  // A query parameter with which the handler waits for its client: then it is Long.
  std::string_view long_with = {};
};

struct Route {
  std::string_view method;
  std::string_view pattern;
  Handler handler = nullptr;
  RouteOptions options = {};
};

struct Match {
  const Route* route = nullptr;
  ApiVersion version = kNewest;
  std::map<std::string, std::string> variables;
};

class Router {
 public:
  // Earlier routes win. The tables must outlive the router.
  explicit Router(std::span<const std::span<const Route>> tables);

  // NotFound "page not found" for an unknown path or method (docker never says 405).
  [[nodiscard]] Result<Match> match(std::string_view method, std::string_view path) const;

 private:
  struct Entry {
    const Route* route;
    std::vector<std::string_view> segments;
  };
  // By first segment of the pattern.
  std::unordered_map<std::string_view, std::vector<Entry>> entries_;
};

}  // namespace wherry::api
