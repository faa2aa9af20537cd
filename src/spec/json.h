// JSON <-> struct mapping with the rules of Go's encoding/json, which every client and file
// of docker and OCI relies on: keys match without regard to case, unknown keys are ignored,
// null is the zero value, `omitempty` drops zero values, and <, >, & are escaped on output.
//
// A struct is mapped by a table of its fields:
//
//   template <>
//   struct wherry::json::Describe<Mount> {
//     static constexpr auto fields = std::tuple{field("Source", &Mount::source),
//                                               omit_empty("Mode", &Mount::mode)};
//   };
//
// Types: bool, integers, double, std::string, Raw, std::optional<T> (nullopt is null), std::vector<T>, std::map<std::string, T>, described structs, and any type with
// `to_json(const T&) -> boost::json::value` and `from_json(value, T&) -> Result<>` found by
// argument-dependent look-up. A Go slice or map that is null, not [] or {}, when unset is an
// optional<vector> or optional<map>.
// Digests are always over stored bytes: never write a parsed document back to hash it.
// Thread rule: pure functions.
#pragma once

#include <boost/json/value.hpp>
#include <concepts>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <vector>

#include "base/result.h"
#include "spec/json_fwd.h"

namespace wherry::json {

inline constexpr std::size_t kMaximumDepth = 100;
inline constexpr std::size_t kMaximumBytes = 4U << 20;

// Strict JSON of at most kMaximumBytes and kMaximumDepth levels, nothing after it. A number is an int64, a
// uint64 or the nearest double; one beyond a double's range is refused: what is read can be written.
Result<Value> parse_value(std::string_view text);
// Go's compact form; keys in the order in which they were inserted.
std::string write_value(const Value& value);
// Go's MarshalIndent(value, "", indent) form.
std::string write_indented(const Value& value, std::string_view indent);

// Part of a document that is kept as it came (Go's json.RawMessage).
struct Raw {
  Value value;
  bool operator==(const Raw&) const = default;
};

template <class T>
struct Describe;

template <class T>
concept Described = requires { Describe<T>::fields; };

enum class Empty : std::uint8_t { Write, Omit };

template <class Owner, class T>
struct Field {
  std::string_view name;
  T Owner::*member;
  Empty when_empty;
};

template <class Owner, class T>
constexpr Field<Owner, T> field(std::string_view name, T Owner::*member) {
  return {name, member, Empty::Write};
}
// Go's `omitempty`: false, 0, "", null, and containers without elements are not written.
template <class Owner, class T>
constexpr Field<Owner, T> omit_empty(std::string_view name, T Owner::*member) {
  return {name, member, Empty::Omit};
}

namespace detail {

Error wrong_type(std::string_view wanted, const Value& value);
Result<std::int64_t> to_int64(const Value& value);
Result<std::uint64_t> to_uint64(const Value& value);
Result<double> to_double(const Value& value);
Error out_of_range(const Value& value);
// The member called `name`, by exact spelling first, else without regard to case.
const Value* find_member(const boost::json::object& object, std::string_view name);
std::string element_path(std::size_t index);
std::string member_path(std::string_view name);
// Prefixes the JSON path of an inner error: ".a" + "[3]: wrong" -> ".a[3]: wrong".
Error at_path(Error error, std::string_view path);

template <class T, template <class...> class Template>
struct IsA : std::false_type {};
template <template <class...> class Template, class... Arguments>
struct IsA<Template<Arguments...>, Template> : std::true_type {};
template <class T>
using IsOptional = IsA<T, std::optional>;
template <class T>
using IsVector = IsA<T, std::vector>;
template <class T>
using IsMap = IsA<T, std::map>;

template <class T>
concept Custom = requires(const T& constant, T& target, const Value& value) {
  { to_json(constant) } -> std::convertible_to<Value>;
  { from_json(value, target) } -> std::same_as<Result<>>;
};

template <class T>
bool is_empty(const T& value) {
  if constexpr (std::is_arithmetic_v<T>) return value == T{};
  else if constexpr (std::is_same_v<T, std::string>) return value.empty();
  else if constexpr (IsOptional<T>::value) {
    // Go: a nil or empty slice or map is empty; a set pointer never is.
    if (!value) return true;
    if constexpr (IsVector<typename T::value_type>::value || IsMap<typename T::value_type>::value)
      return value->empty();
    else return false;
  } else if constexpr (IsVector<T>::value || IsMap<T>::value) return value.empty();
  else if constexpr (std::is_same_v<T, Raw>) return value.value.is_null();
  else return false;  // Go never omits a struct
}

}  // namespace detail

// A described struct by its table. A header that many include declares to_json and from_json
// for its structs instead of a table, and one .cc defines them with these two.
template <class T>
Value object_of(const T& source);
template <class T>
Result<> assign_object(const Value& value, T& target);

template <class T>
Value to_value(const T& source) {
  if constexpr (detail::Custom<T>) return to_json(source);
  else if constexpr (std::is_same_v<T, Raw>) return source.value;
  else if constexpr (std::is_same_v<T, bool> || std::is_floating_point_v<T>) return source;
  else if constexpr (std::is_unsigned_v<T>) return static_cast<std::uint64_t>(source);
  else if constexpr (std::is_integral_v<T>) return static_cast<std::int64_t>(source);
  else if constexpr (std::is_convertible_v<const T&, std::string_view>)
    return boost::json::string(std::string_view(source));
  else if constexpr (detail::IsOptional<T>::value) return source ? to_value(*source) : Value();
  else if constexpr (detail::IsVector<T>::value) {
    boost::json::array array;
    array.reserve(source.size());
    for (const auto& element : source) array.push_back(to_value(element));
    return array;
  } else if constexpr (detail::IsMap<T>::value) {
    boost::json::object object;
    for (const auto& [key, element] : source) object.emplace(key, to_value(element));
    return object;
  } else {
    return object_of(source);
  }
}

template <class T>
Value object_of(const T& source) {
  static_assert(Described<T>, "no json::Describe for this type");
  boost::json::object object;
  std::apply(
      [&](const auto&... entries) {
        const auto add = [&](const auto& entry) {
          const auto& member = source.*(entry.member);
          if (entry.when_empty == Empty::Omit && detail::is_empty(member)) return;
          object.emplace(entry.name, to_value(member));
        };
        (add(entries), ...);
      },
      Describe<T>::fields);
  return object;
}

template <class T>
Result<> assign(const Value& value, T& target);

namespace detail {

template <class T>
Result<> assign_number(const Value& value, T& target) {
  if constexpr (std::is_floating_point_v<T>) {
    target = static_cast<T>(TRY(to_double(value)));
  } else if constexpr (std::is_unsigned_v<T>) {
    const std::uint64_t number = TRY(to_uint64(value));
    if (number > std::numeric_limits<T>::max()) return out_of_range(value);
    target = static_cast<T>(number);
  } else {
    const std::int64_t number = TRY(to_int64(value));
    if (number > std::numeric_limits<T>::max() || number < std::numeric_limits<T>::min())
      return out_of_range(value);
    target = static_cast<T>(number);
  }
  return {};
}

template <class T>
Result<> assign_vector(const Value& value, std::vector<T>& target) {
  if (!value.is_array()) return wrong_type("array", value);
  target.clear();
  for (const Value& element : value.get_array()) {
    T parsed{};
    if (auto done = assign(element, parsed); !done)
      return at_path(std::move(done).error(), element_path(target.size()));
    target.push_back(std::move(parsed));
  }
  return {};
}

template <class T>
Result<> assign_map(const Value& value, std::map<std::string, T>& target) {
  if (!value.is_object()) return wrong_type("object", value);
  target.clear();
  for (const auto& entry : value.get_object()) {
    const std::string key(entry.key());
    if (auto done = assign(entry.value(), target[key]); !done)
      return at_path(std::move(done).error(), member_path(key));
  }
  return {};
}

template <class T>
Result<> assign_struct(const Value& value, T& target) {
  if (!value.is_object()) return wrong_type("object", value);
  Result<> outcome;
  const auto read = [&](const auto& entry) {
    const Value* found = find_member(value.get_object(), entry.name);
    if (found == nullptr) return true;
    auto done = assign(*found, target.*(entry.member));
    if (done) return true;
    outcome = at_path(std::move(done).error(), member_path(entry.name));
    return false;
  };
  std::apply([&](const auto&... entries) { static_cast<void>((read(entries) && ...)); },
             Describe<T>::fields);
  return outcome;
}

}  // namespace detail

// Sets `target` from `value`; null leaves the zero value.
template <class T>
Result<> assign(const Value& value, T& target) {
  if constexpr (detail::Custom<T>) {
    return from_json(value, target);
  } else if constexpr (std::is_same_v<T, Raw>) {
    target.value = value;
    return {};
  } else if (value.is_null()) {
    target = T{};
    return {};
  } else if constexpr (std::is_same_v<T, bool>) {
    if (!value.is_bool()) return detail::wrong_type("bool", value);
    target = value.get_bool();
    return {};
  } else if constexpr (std::is_arithmetic_v<T>) {
    return detail::assign_number(value, target);
  } else if constexpr (std::is_same_v<T, std::string>) {
    if (!value.is_string()) return detail::wrong_type("string", value);
    target = std::string(value.get_string());
    return {};
  } else if constexpr (detail::IsOptional<T>::value) {
    target.emplace();
    return assign(value, *target);
  } else if constexpr (detail::IsVector<T>::value) {
    return detail::assign_vector(value, target);
  } else if constexpr (detail::IsMap<T>::value) {
    return detail::assign_map(value, target);
  } else {
    return assign_object(value, target);
  }
}

template <class T>
Result<> assign_object(const Value& value, T& target) {
  static_assert(Described<T>, "no json::Describe for this type");
  return detail::assign_struct(value, target);
}

template <class T>
Result<T> from_value(const Value& value) {
  T target{};
  TRY(assign(value, target));
  return target;
}

// Errors are InvalidArgument, with the JSON path of the wrong member: ".Mounts[2].Type: ...".
template <class T>
Result<T> parse(std::string_view text) {
  return from_value<T>(TRY(parse_value(text)));
}

template <class T>
std::string write(const T& source) {
  return write_value(to_value(source));
}

}  // namespace wherry::json
