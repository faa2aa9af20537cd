// URL pieces with the rules of Go's net/url, whose decoding every docker client was made for.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace wherry::http {

// %XX decoding; an incomplete escape or a NUL byte is InvalidArgument.
Result<std::string> decode_path(std::string_view text);
// %XX and '+' as a blank.
Result<std::string> decode_component(std::string_view text);
// Escapes everything but letters, digits and "-_.~".
std::string encode_component(std::string_view text);

// The decoded query of a request.
class Query {
 public:
  static Result<Query> parse(std::string_view text);

  // The first value of `name`, "" if absent.
  [[nodiscard]] const std::string& get(std::string_view name) const;
  [[nodiscard]] bool has(std::string_view name) const;
  [[nodiscard]] std::vector<std::string> all(std::string_view name) const;

 private:
  std::map<std::string, std::vector<std::string>, std::less<>> values_;
};

}  // namespace wherry::http
