#include "spec/json.h"

#include <fmt/format.h>

#include <array>
#include <boost/json.hpp>
#include <boost/json/basic_parser_impl.hpp>
#include <charconv>
#include <cmath>

#include "base/check.h"
#include "base/strings.h"

namespace wherry::json {
namespace {

std::string_view type_name(const Value& value) {
  switch (value.kind()) {
    case boost::json::kind::null: return "null";
    case boost::json::kind::bool_: return "bool";
    case boost::json::kind::string: return "string";
    case boost::json::kind::array: return "array";
    case boost::json::kind::object: return "object";
    default: return "number";
  }
}

// Length of the UTF-8 sequence at the front of `text`, 0 where it is not valid.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  const std::size_t length = first < 0x80 ? 1 : first >= 0xc2 && first < 0xe0 ? 2
                             : first >= 0xe0 && first < 0xf0 ? 3 : first >= 0xf0 && first < 0xf5 ? 4 : 0;
  if (length == 0 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  if (first == 0xe0 && byte(1) < 0xa0) return 0;
  if (first == 0xed && byte(1) > 0x9f) return 0;
  if (first == 0xf0 && byte(1) < 0x90) return 0;
  if (first == 0xf4 && byte(1) > 0x8f) return 0;
  return length;
}

void append_escape(std::string& out, char c) {
  switch (c) {
    case '"': out += "\\\""; return;
    case '\\': out += "\\\\"; return;
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
    case '\b': out += "\\b"; return;
    case '\f': out += "\\f"; return;
    default: out += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
  }
}

bool is_plain(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x20 && byte < 0x80 && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&';
}

void append_string(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    std::size_t plain = 0;
    while (plain < text.size() && is_plain(text[plain])) ++plain;
    out += text.substr(0, plain);
    text.remove_prefix(plain);
    if (text.empty()) break;
    const std::size_t length = utf8_length(text);
    const std::string_view piece = text.substr(0, std::max<std::size_t>(length, 1));
    if (length == 0) out += "\\ufffd";
    else if (length == 1) append_escape(out, text[0]);
    else if (piece == "\u2028") out += "\\u2028";
    else if (piece == "\u2029") out += "\\u2029";
    else out += piece;
    text.remove_prefix(piece.size());
  }
  out += '"';
}

// "1.25e+18" -> "1250000000000000000": the shortest digits, then zeros, as Go writes it.
std::string without_exponent(std::string_view text) {
  const auto mark = text.find("e+");
  std::size_t places = 0;
  std::from_chars(text.data() + mark + 2, text.data() + text.size(), places);
  std::string out(text.substr(0, mark));
  if (const auto point = out.find('.'); point != std::string::npos) {
    places -= out.size() - point - 1;
    out.erase(point, 1);
  }
  return out.append(places, '0');
}

// Go writes the shortest form, with an exponent outside [1e-6, 1e21).
void append_double(std::string& out, double number) {
  const double size = std::fabs(number);
  CHECK(std::isfinite(number));  // JSON has no word for the others; parse_value makes none
  std::string text = fmt::format("{}", number);
  if (size != 0 && (size < 1e-6 || size >= 1e21)) {
    // fmt writes at least two exponent digits, Go as few as it needs.
    if (const auto zero = text.find("e-0"); zero != std::string::npos) text.erase(zero + 2, 1);
  } else if (text.find("e+") != std::string::npos) {
    text = without_exponent(text);
  } else if (text.find('e') != std::string::npos) {
    std::array<char, 64> buffer;
    const auto end = std::to_chars(buffer.begin(), buffer.end(), number, std::chars_format::fixed);
    text.assign(buffer.data(), end.ptr);
  }
  out += text;
}

class Writer {
 public:
  Writer(std::string& out, std::string_view indent) : out_(out), indent_(indent) {}

  void write(const Value& value) {  // NOLINT(misc-no-recursion): depth is bounded by the parser
    switch (value.kind()) {
      case boost::json::kind::null: out_ += "null"; break;
      case boost::json::kind::bool_: out_ += value.get_bool() ? "true" : "false"; break;
      case boost::json::kind::int64: out_ += std::to_string(value.get_int64()); break;
      case boost::json::kind::uint64: out_ += std::to_string(value.get_uint64()); break;
      case boost::json::kind::double_: append_double(out_, value.get_double()); break;
      case boost::json::kind::string: append_string(out_, value.get_string()); break;
      case boost::json::kind::array: write_array(value.get_array()); break;
      case boost::json::kind::object: write_object(value.get_object()); break;
    }
  }

 private:
  void write_array(const boost::json::array& array) {  // NOLINT(misc-no-recursion)
    out_ += '[';
    open();
    bool first = true;
    for (const Value& element : array) {
      separate(first);
      write(element);
    }
    close(first);
    out_ += ']';
  }

  void write_object(const boost::json::object& object) {  // NOLINT(misc-no-recursion)
    out_ += '{';
    open();
    bool first = true;
    for (const auto& entry : object) {
      separate(first);
      append_string(out_, entry.key());
      out_ += indent_.empty() ? ":" : ": ";
      write(entry.value());
    }
    close(first);
    out_ += '}';
  }

  void open() { ++depth_; }
  void separate(bool& first) {
    if (!first) out_ += ',';
    first = false;
    new_line();
  }
  void close(bool empty) {
    --depth_;
    if (!empty) new_line();
  }
  void new_line() {
    if (indent_.empty()) return;
    out_ += '\n';
    for (int i = 0; i < depth_; ++i) out_ += indent_;
  }

  std::string& out_;
  std::string_view indent_;
  int depth_ = 0;
};

// Builds the value as boost::json::parser does, but for numbers: that one's doubles may be off by
// one in their last place, are infinite where a double's range ends, and -0 is 0.
class ValueBuilder {
 public:
  static constexpr std::size_t max_object_size = boost::json::object::max_size();
  static constexpr std::size_t max_array_size = boost::json::array::max_size();
  static constexpr std::size_t max_key_size = boost::json::string::max_size();
  static constexpr std::size_t max_string_size = boost::json::string::max_size();
  using Text = boost::json::string_view;
  using Code = boost::json::error_code;

  bool on_document_begin(Code&) { return true; }
  bool on_document_end(Code&) { return true; }
  bool on_object_begin(Code&) { return true; }
  bool on_object_end(std::size_t size, Code&) { return stack_.push_object(size), true; }
  bool on_array_begin(Code&) { return true; }
  bool on_array_end(std::size_t size, Code&) { return stack_.push_array(size), true; }
  bool on_key_part(Text text, std::size_t, Code&) { return stack_.push_chars(text), true; }
  bool on_key(Text text, std::size_t, Code&) { return stack_.push_key(text), true; }
  bool on_string_part(Text text, std::size_t, Code&) { return stack_.push_chars(text), true; }
  bool on_string(Text text, std::size_t, Code&) { return stack_.push_string(text), true; }
  bool on_bool(bool value, Code&) { return stack_.push_bool(value), true; }
  bool on_null(Code&) { return stack_.push_null(), true; }
  bool on_comment_part(Text, Code&) { return true; }
  bool on_comment(Text, Code&) { return true; }

  bool on_number_part(Text text, Code&) { return number_.append(text.data(), text.size()), true; }
  bool on_int64(std::int64_t value, Text rest, Code&) {
    const std::string text = take_number(rest);
    if (value == 0 && text.front() == '-') stack_.push_double(-0.0);
    else stack_.push_int64(value);
    return true;
  }
  bool on_uint64(std::uint64_t value, Text rest, Code&) {
    take_number(rest);
    return stack_.push_uint64(value), true;
  }
  bool on_double(double value, Text rest, Code& code) {
    const std::string text = take_number(rest);
    double exact = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), exact);
    if (read.ec == std::errc::result_out_of_range && std::fabs(value) < 1) exact = 0;
    else if (read.ec != std::errc{}) return code = boost::json::error::exponent_overflow, false;
    return stack_.push_double(exact), true;
  }

  void start() { stack_.reset(); }
  Value release() { return stack_.release(); }

 private:
  std::string take_number(Text rest) {
    std::string text = std::exchange(number_, {});
    text.append(rest.data(), rest.size());
    return text;
  }

  boost::json::value_stack stack_;
  std::string number_;  // what came before the last part
};

}  // namespace

Result<Value> parse_value(std::string_view text) {
  if (text.size() > kMaximumBytes)
    return Error::invalid(fmt::format("JSON document is larger than {} bytes", kMaximumBytes));
  boost::json::parse_options options;
  options.max_depth = kMaximumDepth;
  boost::json::error_code error;
  boost::json::basic_parser<ValueBuilder> parser(options);
  parser.handler().start();
  const std::size_t read = parser.write_some(false, text.data(), text.size(), error);
  if (error == boost::json::error::incomplete) return Error::invalid("invalid JSON: unexpected EOF");
  if (error) return Error::invalid(fmt::format("invalid JSON: {}", error.message()));
  if (read < text.size()) return Error::invalid("unexpected content after JSON");
  return parser.handler().release();
}

std::string write_value(const Value& value) { return write_indented(value, ""); }

std::string write_indented(const Value& value, std::string_view indent) {
  std::string out;
  Writer(out, indent).write(value);
  return out;
}

namespace detail {

Error wrong_type(std::string_view wanted, const Value& value) {
  return Error::invalid(fmt::format("expected {}, got {}", wanted, type_name(value)));
}

Error out_of_range(const Value& value) {
  return Error::invalid(fmt::format("number {} is out of range", write_value(value)));
}

Result<std::int64_t> to_int64(const Value& value) {
  if (!value.is_number()) return wrong_type("number", value);
  if (value.is_int64()) return value.get_int64();
  if (value.is_uint64()) {
    if (value.get_uint64() > std::uint64_t{INT64_MAX}) return out_of_range(value);
    return static_cast<std::int64_t>(value.get_uint64());
  }
  const double number = value.get_double();
  if (number != std::floor(number) || std::fabs(number) > 9e15) return out_of_range(value);
  return static_cast<std::int64_t>(number);
}

Result<std::uint64_t> to_uint64(const Value& value) {
  if (value.is_uint64()) return value.get_uint64();
  const std::int64_t number = TRY(to_int64(value));
  if (number < 0) return out_of_range(value);
  return static_cast<std::uint64_t>(number);
}

Result<double> to_double(const Value& value) {
  if (value.is_double()) return value.get_double();
  if (value.is_uint64()) return static_cast<double>(value.get_uint64());
  return static_cast<double>(TRY(to_int64(value)));
}

const Value* find_member(const boost::json::object& object, std::string_view name) {
  if (const Value* exact = object.if_contains(name)) return exact;
  for (const auto& entry : object)
    if (equals_ignore_case(entry.key(), name)) return &entry.value();
  return nullptr;
}

std::string element_path(std::size_t index) { return fmt::format("[{}]", index); }
std::string member_path(std::string_view name) { return fmt::format(".{}", name); }

Error at_path(Error error, std::string_view path) {
  // An inner path follows directly; a plain message follows after ": ".
  const bool nested = error.message().starts_with('.') || error.message().starts_with('[');
  return {error.kind(), fmt::format("{}{}{}", path, nested ? "" : ": ", error.message())};
}

}  // namespace detail
}  // namespace wherry::json
