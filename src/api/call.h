// Call: one request of the API being handled; what a route's function gets. Shapes answers as
// docker does: JSON with a newline, {"message": ...} for errors, docker's headers on all.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/params.h"
#include "api/version.h"
#include "base/result.h"
#include "engine/engine.h"
#include "http/exchange.h"
#include "http/query.h"
#include "spec/json.h"

namespace wherry::api {

// The HTTP status that stands for an error's kind.
int status_of(ErrorKind kind);
// Api-Version, Docker-Experimental, Ostype and Server: on every answer.
std::vector<http::Header> docker_headers();
http::Response json_response(int status, const json::Value& value);
// {"message": ...}; without a body where HTTP forbids one.
http::Response error_response(const Error& error);

class Call {
 public:
  Call(http::ExchangePtr exchange_, engine::Engine& engine_, ApiVersion version_,
       std::map<std::string, std::string> variables, http::Query query_)
      : exchange(std::move(exchange_)),
        engine(engine_),
        version(version_),
        query(std::move(query_)),
        variables_(std::move(variables)) {}

  http::ExchangePtr exchange;
  engine::Engine& engine;
  const ApiVersion version;
  const http::Query query;

  // A part of the path: "id", "name".
  [[nodiscard]] const std::string& variable(std::string_view name) const;
  [[nodiscard]] bool flag(std::string_view name) const { return boolean(query.get(name)); }
  [[nodiscard]] std::stop_token stop() const { return exchange->stop(); }

  // The JSON body. Another Content-Type than application/json, bytes after the value and an
  // unreadable value are InvalidArgument in docker's words; without a body: T{}.
  template <class T>
  Result<T> body() const {
    const std::string_view text = TRY(body_text());
    if (text.empty()) return T{};
    auto parsed = json::parse<T>(text);
    if (!parsed) return Error::invalid(parsed.error().message());
    return std::move(*parsed);
  }
  [[nodiscard]] bool has_body() const { return !exchange->request().body.empty(); }

  template <class T>
  void json(int status, const T& value) const {
    exchange->respond(json_response(status, json::to_value(value)));
  }
  void empty(int status) const;

 private:
  [[nodiscard]] Result<std::string_view> body_text() const;

  std::map<std::string, std::string> variables_;
};

}  // namespace wherry::api
