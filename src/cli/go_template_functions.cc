#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <span>

#include "base/strings.h"
#include "cli/go_template_nodes.h"
#include "spec/json.h"

namespace wherry::cli {

namespace bj = boost::json;

std::string go_json(const bj::value& value) {
  const std::string escaped = json::write_value(value);
  std::string text;
  for (std::size_t i = 0; i < escaped.size(); ++i) {
    if (escaped[i] != '\\') {
      text += escaped[i];
      continue;
    }
    const std::string_view rest = std::string_view(escaped).substr(i, 6);
    const bool html = rest == "\\u003c" || rest == "\\u003e" || rest == "\\u0026";
    if (html) {
      text += rest == "\\u003c" ? '<' : (rest == "\\u003e" ? '>' : '&');
      i += 5;
    } else {
      text += escaped[i++];
      text += escaped[i];
    }
  }
  return text;
}

std::string go_print(const bj::value& value) {
  switch (value.kind()) {
    case bj::kind::null: return "<no value>";
    case bj::kind::bool_: return value.as_bool() ? "true" : "false";
    case bj::kind::int64: return fmt::format("{}", value.as_int64());
    case bj::kind::uint64: return fmt::format("{}", value.as_uint64());
    case bj::kind::double_: return fmt::format("{}", value.as_double());
    case bj::kind::string: return std::string(value.as_string());
    case bj::kind::array: {
      std::string text;
      for (const bj::value& element : value.as_array())
        text += (text.empty() ? "" : " ") + go_print(element);
      return "[" + text + "]";
    }
    case bj::kind::object: break;
  }
  std::vector<std::string> pairs;
  for (const auto& pair : value.as_object()) {
    const std::string text = pair.value().is_null() ? "<nil>" : go_print(pair.value());
    pairs.push_back(fmt::format("{}:{}", std::string_view(pair.key()), text));
  }
  std::ranges::sort(pairs);
  return fmt::format("map[{}]", join(pairs, " "));
}

namespace detail {
namespace {

using Arguments = std::span<const bj::value>;
using Function = Result<bj::value> (*)(Arguments);

Result<std::string> text_of(const bj::value& value) {
  if (!value.is_string()) return Error::invalid("wrong type for value; expected string");
  return std::string(value.as_string());
}

Result<std::int64_t> integer_of(const bj::value& value) {
  if (value.is_int64()) return value.as_int64();
  if (value.is_uint64()) return static_cast<std::int64_t>(value.as_uint64());
  return Error::invalid("expected integer");
}

std::optional<double> number_of(const bj::value& value) {
  if (value.is_int64()) return static_cast<double>(value.as_int64());
  if (value.is_uint64()) return static_cast<double>(value.as_uint64());
  if (value.is_double()) return value.as_double();
  return std::nullopt;
}

template <class Change>
Result<bj::value> each_letter(Arguments a, Change change) {
  std::string text = TRY(text_of(a[0]));
  char before = ' ';
  for (char& c : text) {
    const char old = c;
    c = change(c, before);
    before = old;
  }
  return bj::value(text);
}

char upper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
}

Result<bj::value> do_upper(Arguments a) {
  return each_letter(a, [](char c, char) { return upper(c); });
}
Result<bj::value> do_title(Arguments a) {
  return each_letter(a, [](char c, char before) {
    return before == ' ' || before == '\t' || before == '\n' ? upper(c) : c;
  });
}
Result<bj::value> do_lower(Arguments a) {
  return bj::value(to_lower(TRY(text_of(a[0]))));
}
Result<bj::value> do_json(Arguments a) {
  return bj::value(go_json(a[0]));
}

Result<bj::value> do_join(Arguments a) {
  if (a[0].is_null()) return bj::value("");
  if (!a[0].is_array()) return Error::invalid("wrong type for value; expected []string");
  const std::string separator = TRY(text_of(a[1]));
  std::vector<std::string> pieces;
  for (const bj::value& element : a[0].as_array()) pieces.push_back(TRY(text_of(element)));
  return bj::value(join(pieces, separator));
}

Result<bj::value> do_split(Arguments a) {
  const std::string text = TRY(text_of(a[0]));
  const std::string separator = TRY(text_of(a[1]));
  bj::array pieces;
  std::size_t at = 0;
  while (!separator.empty()) {
    const std::size_t end = text.find(separator, at);
    pieces.emplace_back(text.substr(at, end == std::string::npos ? end : end - at));
    if (end == std::string::npos) return pieces;
    at = end + separator.size();
  }
  for (const char c : text) pieces.emplace_back(std::string(1, c));
  return pieces;
}

Result<bj::value> do_pad(Arguments a) {
  const std::string text = TRY(text_of(a[0]));
  const auto before = std::clamp<std::int64_t>(TRY(integer_of(a[1])), 0, 4096);
  const auto after = std::clamp<std::int64_t>(TRY(integer_of(a[2])), 0, 4096);
  if (text.empty()) return bj::value("");
  return bj::value(std::string(static_cast<std::size_t>(before), ' ') + text +
                   std::string(static_cast<std::size_t>(after), ' '));
}

Result<bj::value> do_truncate(Arguments a) {
  const std::string text = TRY(text_of(a[0]));
  const std::int64_t length = TRY(integer_of(a[1]));
  return bj::value(length < 0 ? text : text.substr(0, static_cast<std::size_t>(length)));
}

Result<bj::value> do_len(Arguments a) {
  if (a[0].is_string()) return bj::value(a[0].as_string().size());
  if (a[0].is_array()) return bj::value(a[0].as_array().size());
  if (a[0].is_object()) return bj::value(a[0].as_object().size());
  if (a[0].is_null()) return bj::value(0);
  return Error::invalid("len of type int");
}

Result<bj::value> index_once(const bj::value& value, const bj::value& key) {
  if (value.is_object()) {
    const bj::value* found = value.as_object().if_contains(TRY(text_of(key)));
    return found == nullptr ? bj::value("") : *found;
  }
  const std::int64_t index = TRY(integer_of(key));
  const std::size_t size = value.is_array() ? value.as_array().size()
                                            : (value.is_string() ? value.as_string().size() : 0);
  if (value.is_null()) return Error::invalid("index of untyped nil");
  if (index < 0 || static_cast<std::size_t>(index) >= size) {
    return Error::invalid(fmt::format("reflect: slice index out of range"));
  }
  const auto at = static_cast<std::size_t>(index);
  if (value.is_string()) return bj::value(static_cast<unsigned char>(value.as_string()[at]));
  return value.as_array()[at];
}

Result<bj::value> do_index(Arguments a) {
  bj::value value = a[0];
  for (const bj::value& key : a.subspan(1)) value = TRY(index_once(value, key));
  return value;
}

Result<bj::value> do_slice(Arguments a) {
  const std::size_t size =
      a[0].is_string() ? a[0].as_string().size() : (a[0].is_array() ? a[0].as_array().size() : 0);
  std::int64_t from = 0;
  auto to = static_cast<std::int64_t>(size);
  if (a.size() > 1) from = TRY(integer_of(a[1]));
  if (a.size() > 2) to = TRY(integer_of(a[2]));
  for (const std::int64_t index : {from, to}) {
    if (index < 0 || index > static_cast<std::int64_t>(size))
      return Error::invalid(fmt::format("index out of range: {}", index));
  }
  if (from > to) return Error::invalid(fmt::format("invalid slice index: {} > {}", from, to));
  const auto first = static_cast<std::size_t>(from);
  const auto count = static_cast<std::size_t>(to - from);
  if (a[0].is_string()) return bj::value(std::string(a[0].as_string()).substr(first, count));
  if (!a[0].is_array()) return Error::invalid("can't slice item of type int");
  bj::array part;
  for (std::size_t i = 0; i < count; ++i) part.push_back(a[0].as_array()[first + i]);
  return part;
}

// One verb of printf: "%-10s", "%5d", "%q", "%.2f", "%v".
std::string format_verb(std::string_view flags, char verb, const bj::value& value) {
  std::string text;
  const std::size_t point = flags.find('.');
  const auto precision =
      point == std::string_view::npos ? std::nullopt : parse_u64(flags.substr(point + 1));
  if (verb == 'q') {
    text = quote(go_print(value));
  } else if (verb == 'x') {
    text = value.is_int64() ? fmt::format("{:x}", value.as_int64()) : go_print(value);
  } else if (verb == 'f') {
    text = fmt::format("{:.{}f}", number_of(value).value_or(0),
                       std::min<std::uint64_t>(precision.value_or(6), 100));
  } else {
    text = go_print(value);
    if (verb == 's' && precision) text = text.substr(0, *precision);
  }
  std::string_view width_text = flags.substr(0, point);
  const bool left = width_text.starts_with('-');
  if (left) width_text.remove_prefix(1);
  const bool zeros = !left && width_text.starts_with('0');
  const std::size_t width = std::min<std::uint64_t>(parse_u64(width_text).value_or(0), 4096);
  if (text.size() >= width) return text;
  const std::string fill(width - text.size(), zeros ? '0' : ' ');
  return left ? text + fill : fill + text;
}

Result<bj::value> do_printf(Arguments a) {
  const std::string format = TRY(text_of(a[0]));
  std::string text;
  std::size_t next = 1;
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%') {
      text += format[i];
      continue;
    }
    const std::size_t start = ++i;
    while (i < format.size() &&
           std::string_view("-+# 0123456789.").find(format[i]) != std::string_view::npos)
      ++i;
    if (i == format.size()) {
      text += "%!(NOVERB)";
    } else if (format[i] == '%') {
      text += '%';
    } else if (next >= a.size()) {
      text += fmt::format("%!{}(MISSING)", format[i]);
    } else {
      text += format_verb(std::string_view(format).substr(start, i - start), format[i], a[next++]);
    }
  }
  return bj::value(text);
}

std::string print_all(Arguments a, bool always_space) {
  std::string text;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const bool space = i > 0 && (always_space || (!a[i].is_string() && !a[i - 1].is_string()));
    text += (space ? " " : "") + go_print(a[i]);
  }
  return text;
}
Result<bj::value> do_print(Arguments a) {
  return bj::value(print_all(a, false));
}
Result<bj::value> do_println(Arguments a) {
  return bj::value(print_all(a, true) + "\n");
}

Result<int> compare(const bj::value& a, const bj::value& b) {
  if (a.is_string() && b.is_string()) return a.as_string().compare(b.as_string());
  const auto left = number_of(a);
  const auto right = number_of(b);
  if (!left || !right) return Error::invalid("incompatible types for comparison");
  return *left < *right ? -1 : (*left > *right ? 1 : 0);
}

Result<bool> equal(const bj::value& a, const bj::value& b) {
  if (a.is_bool() && b.is_bool()) return a.as_bool() == b.as_bool();
  if (a.is_null() || b.is_null()) return a.is_null() && b.is_null();
  return TRY(compare(a, b)) == 0;
}

Result<bj::value> do_eq(Arguments a) {
  for (const bj::value& other : a.subspan(1)) {
    if (TRY(equal(a[0], other))) return bj::value(true);
  }
  return bj::value(false);
}
Result<bj::value> do_ne(Arguments a) {
  return bj::value(!TRY(equal(a[0], a[1])));
}
Result<bj::value> do_lt(Arguments a) {
  return bj::value(TRY(compare(a[0], a[1])) < 0);
}
Result<bj::value> do_le(Arguments a) {
  return bj::value(TRY(compare(a[0], a[1])) <= 0);
}
Result<bj::value> do_gt(Arguments a) {
  return bj::value(TRY(compare(a[0], a[1])) > 0);
}
Result<bj::value> do_ge(Arguments a) {
  return bj::value(TRY(compare(a[0], a[1])) >= 0);
}
Result<bj::value> do_not(Arguments a) {
  return bj::value(!is_true(a[0]));
}
Result<bj::value> do_and(Arguments a) {
  for (const bj::value& value : a) {
    if (!is_true(value)) return value;
  }
  return a.back();
}
Result<bj::value> do_or(Arguments a) {
  for (const bj::value& value : a) {
    if (is_true(value)) return value;
  }
  return a.back();
}

constexpr std::size_t kAny = SIZE_MAX;
struct Entry {
  std::string_view name;
  std::size_t least;
  std::size_t most;
  Function function;
};
constexpr std::array<Entry, 23> kFunctions = {{
    {"json", 1, 1, do_json},      {"join", 2, 2, do_join},
    {"split", 2, 2, do_split},    {"title", 1, 1, do_title},
    {"lower", 1, 1, do_lower},    {"upper", 1, 1, do_upper},
    {"pad", 3, 3, do_pad},        {"truncate", 2, 2, do_truncate},
    {"len", 1, 1, do_len},        {"index", 1, kAny, do_index},
    {"slice", 1, 3, do_slice},    {"printf", 1, kAny, do_printf},
    {"print", 0, kAny, do_print}, {"println", 0, kAny, do_println},
    {"eq", 2, kAny, do_eq},       {"ne", 2, 2, do_ne},
    {"lt", 2, 2, do_lt},          {"le", 2, 2, do_le},
    {"gt", 2, 2, do_gt},          {"ge", 2, 2, do_ge},
    {"not", 1, 1, do_not},        {"and", 1, kAny, do_and},
    {"or", 1, kAny, do_or},
}};

}  // namespace

bool is_function(std::string_view name) {
  return std::ranges::find(kFunctions, name, &Entry::name) != kFunctions.end();
}

FunctionResult call_function(std::string_view name, const std::vector<bj::value>& arguments) {
  const auto found = std::ranges::find(kFunctions, name, &Entry::name);
  if (found == kFunctions.end()) return {.defined = false, .value = bj::value()};
  if (arguments.size() < found->least || arguments.size() > found->most) {
    const std::string want = found->most == kAny ? fmt::format("at least {}", found->least)
                                                 : fmt::format("{}", found->least);
    return {.value = Error::invalid(fmt::format("wrong number of args for {}: want {} got {}", name,
                                                want, arguments.size()))};
  }
  auto value = found->function(arguments);
  if (!value)
    return {.value =
                Error::invalid(fmt::format("error calling {}: {}", name, value.error().message()))};
  return {.value = std::move(value)};
}

bool is_true(const bj::value& value) {
  switch (value.kind()) {
    case bj::kind::null: return false;
    case bj::kind::bool_: return value.as_bool();
    case bj::kind::string: return !value.as_string().empty();
    case bj::kind::array: return !value.as_array().empty();
    case bj::kind::object: return !value.as_object().empty();
    default: return number_of(value).value_or(0) != 0;
  }
}

}  // namespace detail
}  // namespace wherry::cli
