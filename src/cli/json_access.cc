#include "cli/json_access.h"

namespace wherry::cli {

namespace bj = boost::json;

const bj::value& at(const bj::value& value, std::string_view name) {
  static const bj::value kNull;
  const bj::value* found = value.is_object() ? value.as_object().if_contains(name) : nullptr;
  return found == nullptr ? kNull : *found;
}

std::string string_of(const bj::value& value) {
  return value.is_string() ? std::string(value.as_string()) : std::string();
}

std::string text_at(const bj::value& value, std::string_view name) {
  return string_of(at(value, name));
}

std::int64_t number_at(const bj::value& value, std::string_view name) {
  const bj::value& number = at(value, name);
  if (number.is_int64()) return number.as_int64();
  if (number.is_uint64()) return static_cast<std::int64_t>(number.as_uint64());
  return 0;
}

bool bool_at(const bj::value& value, std::string_view name) {
  const bj::value& flag = at(value, name);
  return flag.is_bool() && flag.as_bool();
}

const bj::array& elements(const bj::value& value) {
  static const bj::array kNone;
  return value.is_array() ? value.as_array() : kNone;
}

const bj::object& members(const bj::value& value) {
  static const bj::object kNone;
  return value.is_object() ? value.as_object() : kNone;
}

}  // namespace wherry::cli
