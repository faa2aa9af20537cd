#include "http/query.h"

#include <fmt/format.h>

#include "base/strings.h"

namespace wherry::http {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

Error bad_escape(std::string_view text) {
  return Error::invalid(fmt::format("invalid URL escape {}", quote(text.substr(0, 3))));
}

enum class Plus : bool { Literal, Blank };

Result<std::string> decode(std::string_view text, Plus plus) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      const bool complete = text.size() - i > 2;
      const int high = complete ? hex_digit(text[i + 1]) : -1;
      const int low = complete ? hex_digit(text[i + 2]) : -1;
      if (high < 0 || low < 0) return bad_escape(text.substr(i));
      c = static_cast<char>(high * 16 + low);
      if (c == '\0') return bad_escape(text.substr(i));
      i += 2;
    } else if (c == '+' && plus == Plus::Blank) {
      c = ' ';
    }
    out += c;
  }
  return out;
}

bool is_unreserved(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
         c == '_' || c == '.' || c == '~';
}

}  // namespace

Result<std::string> decode_path(std::string_view text) {
  return decode(text, Plus::Literal);
}
Result<std::string> decode_component(std::string_view text) {
  return decode(text, Plus::Blank);
}

std::string encode_component(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (is_unreserved(c))
      out += c;
    else
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

Result<Query> Query::parse(std::string_view text) {
  Query query;
  for (const std::string_view pair : split(text, '&')) {
    if (pair.empty()) continue;
    // Go refuses ';', which proxies and servers read differently.
    if (pair.find(';') != std::string_view::npos)
      return Error::invalid("invalid semicolon separator in query");
    const auto halves = cut(pair, '=');
    const std::string name = TRY(decode_component(halves ? halves->before : pair));
    query.values_[name].push_back(TRY(decode_component(halves ? halves->after : "")));
  }
  return query;
}

const std::string& Query::get(std::string_view name) const {
  static const std::string none;
  const auto found = values_.find(name);
  return found == values_.end() ? none : found->second.front();
}

bool Query::has(std::string_view name) const {
  return values_.find(name) != values_.end();
}

std::vector<std::string> Query::all(std::string_view name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? std::vector<std::string>{} : found->second;
}

}  // namespace wherry::http
