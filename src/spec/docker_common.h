// Pieces that several bodies of docker's Engine API share, with the null-or-[] behaviour of
// the Go types that docker 28 serves: a slice or map that Go leaves nil is null in JSON, an
// empty one is [] or {}, and a client's own choice of the two comes back in inspect.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "spec/json_fwd.h"

namespace wherry::spec::docker {

// Go's []string and map[string]string: nullopt is nil.
using Strings = std::optional<std::vector<std::string>>;
using StringMap = std::optional<std::map<std::string, std::string>>;

// The elements, none for nil. The reference lives as long as `strings`.
inline const std::vector<std::string>& items(const Strings& strings) {
  static const std::vector<std::string> none;
  return strings ? *strings : none;
}
inline const std::map<std::string, std::string>& items(const StringMap& map) {
  static const std::map<std::string, std::string> none;
  return map ? *map : none;
}

// Go's struct{}: the value type of docker's sets ("ExposedPorts": {"80/tcp": {}}).
struct Nothing {
  bool operator==(const Nothing&) const = default;
};
json::Value to_json(const Nothing& nothing);
Result<> from_json(const json::Value& value, Nothing& nothing);
using StringSet = std::optional<std::map<std::string, Nothing>>;

// docker's StrSlice: a list that clients may also send as one string.
struct Command : Strings {
  using Strings::Strings;
  Command() = default;
  Command(Strings list) : Strings(std::move(list)) {}  // NOLINT(google-explicit-constructor)
  [[nodiscard]] const std::vector<std::string>& list() const { return items(*this); }
};
json::Value to_json(const Command& command);
Result<> from_json(const json::Value& value, Command& command);

// [height, width] in characters.
struct ConsoleSize {
  std::uint32_t height = 0;
  std::uint32_t width = 0;
  bool operator==(const ConsoleSize&) const = default;
};
json::Value to_json(const ConsoleSize& size);
Result<> from_json(const json::Value& value, ConsoleSize& size);

// The body of every error answer.
struct ErrorResponse {
  std::string message;
};

// The body of answers that give only an id (exec create, commit).
struct IdResponse {
  std::string id;
};

// Bodies in docker_common_json.cc.
json::Value to_json(const ErrorResponse& source);
Result<> from_json(const json::Value& value, ErrorResponse& target);
json::Value to_json(const IdResponse& source);
Result<> from_json(const json::Value& value, IdResponse& target);

}  // namespace wherry::spec::docker
