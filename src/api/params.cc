#include "api/params.h"

#include <fmt/format.h>

#include <array>
#include <boost/json.hpp>

#include "base/strings.h"
#include "spec/json.h"

namespace wherry::api {
namespace {

int base64_value(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+' || c == '-') return 62;
  if (c == '/' || c == '_') return 63;
  return -1;
}

// docker says no more: what is wrong with the JSON is the client's to know.
Error bad_filters() { return Error::invalid("invalid filter"); }

Result<std::vector<std::string>> filter_values(const json::Value& value) {
  std::vector<std::string> values;
  if (value.is_array()) {
    for (const json::Value& entry : value.get_array()) {
      if (!entry.is_string()) return bad_filters();
      values.emplace_back(entry.get_string());
    }
    return values;
  }
  if (!value.is_object()) return bad_filters();
  for (const auto& entry : value.get_object()) {
    if (!entry.value().is_bool()) return bad_filters();
    if (entry.value().get_bool()) values.emplace_back(entry.key());
  }
  return values;
}

}  // namespace

bool boolean(std::string_view text) {
  const std::string value = to_lower(trim(text));
  return !(value.empty() || value == "0" || value == "no" || value == "false" || value == "none");
}

bool boolean_or_true(const http::Query& query, std::string_view name) {
  return !query.has(name) || boolean(query.get(name));
}

Result<std::optional<std::int64_t>> integer(const http::Query& query, std::string_view name) {
  const std::string& text = query.get(name);
  if (text.empty()) return std::nullopt;
  const bool signed_plus = text.starts_with('+') && !text.starts_with("+-");
  const auto number = parse_i64(signed_plus ? std::string_view(text).substr(1) : text);
  if (!number)
    return Error::invalid(fmt::format("strconv.Atoi: parsing {}: invalid syntax", quote(text)));
  return *number;
}

Result<std::optional<Instant>> timestamp(const http::Query& query, std::string_view name) {
  const std::string& text = query.get(name);
  if (text.empty() || text == "0") return std::nullopt;
  const auto instant = parse_unix_time(text);
  if (!instant)
    return Error::invalid(fmt::format("strconv.ParseInt: parsing {}: invalid syntax", quote(text)));
  return instant;
}

Result<std::map<std::string, std::vector<std::string>>> filters(std::string_view text) {
  std::map<std::string, std::vector<std::string>> out;
  if (trim(text).empty()) return out;
  const auto value = json::parse_value(text);
  if (!value) return bad_filters();
  if (value->is_null()) return out;
  if (!value->is_object()) return bad_filters();
  for (const auto& entry : value->get_object()) {
    auto values = TRY(filter_values(entry.value()));
    if (!values.empty()) out[std::string(entry.key())] = std::move(values);
  }
  return out;
}

spec::docker::AuthConfig registry_auth(std::string_view header) {
  if (header.empty()) return {};
  const auto text = decode_base64(header);
  if (!text) return {};
  auto config = json::parse<spec::docker::AuthConfig>(*text);
  if (!config) return {};
  // Old clients send base64("user:password") only.
  if (config->username.empty() && !config->auth.empty()) {
    const auto pair = decode_base64(config->auth);
    const auto halves = pair ? cut(*pair, ':') : std::nullopt;
    if (halves) {
      config->username = std::string(halves->before);
      config->password = std::string(halves->after);
    }
  }
  return std::move(*config);
}

std::optional<std::string> decode_base64(std::string_view text) {
  while (!text.empty() && text.back() == '=') text.remove_suffix(1);
  if (text.size() % 4 == 1) return std::nullopt;
  std::string out;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const int value = base64_value(c);
    if (value < 0) return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out += static_cast<char>(bits >> count & 0xff);
  }
  return out;
}

}  // namespace wherry::api
