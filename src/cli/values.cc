#include "cli/values.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "base/moment.h"
#include "base/strings.h"
#include "cli/dns_flags.h"
#include "cli/mounts.h"

namespace wherry::cli {
namespace {

Error syntax(std::string_view function, std::string_view text) {
  return Error::invalid(
      fmt::format("strconv.{}: parsing {}: invalid syntax", function, quote(text)));
}

Error out_of_range(std::string_view function, std::string_view text) {
  return Error::invalid(
      fmt::format("strconv.{}: parsing {}: value out of range", function, quote(text)));
}

struct Digits {
  std::string_view text;
  int base;
};

// Go's base 0: 0x, 0o, 0b and a leading 0 choose the base.
Digits digits_of(std::string_view text) {
  if (text.size() < 2 || text[0] != '0') return {text, 10};
  const char mark = static_cast<char>(text[1] | 0x20);
  if (mark == 'x') return {text.substr(2), 16};
  if (mark == 'o') return {text.substr(2), 8};
  if (mark == 'b') return {text.substr(2), 2};
  return {text.substr(1), 8};
}

Result<std::uint64_t> parse_unsigned(std::string_view function, std::string_view text,
                                     std::string_view whole) {
  const Digits digits = digits_of(text);
  std::uint64_t number = 0;
  const char* const end = digits.text.data() + digits.text.size();
  const auto parsed = std::from_chars(digits.text.data(), end, number, digits.base);
  if (digits.text.empty() || parsed.ptr != end) return syntax(function, whole);
  if (parsed.ec == std::errc::result_out_of_range) return out_of_range(function, whole);
  if (parsed.ec != std::errc{}) return syntax(function, whole);
  return number;
}

Result<double> parse_float(std::string_view text) {
  double number = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number);
  if (parsed.ec != std::errc{} || parsed.ptr != end) return syntax("ParseFloat", text);
  return number;
}

// "12", "12.5" or "3/2" as numerator and denominator.
struct Rational {
  __int128 numerator;
  __int128 denominator;
};

std::optional<Rational> parse_rational(std::string_view text) {
  if (const auto fraction = cut(text, '/')) {
    const auto above = parse_i64(fraction->before);
    const auto below = parse_u64(fraction->after);
    if (!above || !below || *below == 0) return std::nullopt;
    return Rational{*above, *below};
  }
  std::int64_t exponent = 0;
  if (const std::size_t mark = text.find_first_of("eE"); mark != std::string_view::npos) {
    const auto power = parse_i64(text.substr(mark + 1));
    if (!power || *power < -9 || *power > 9) return std::nullopt;
    exponent = *power;
    text = text.substr(0, mark);
  }
  const std::size_t point = text.find('.');
  const std::string digits =
      std::string(text.substr(0, point)) +
      (point == std::string_view::npos ? "" : std::string(text.substr(point + 1)));
  const auto number = parse_i64(digits);
  if (!number || digits.size() > 18) return std::nullopt;
  Rational rational{*number, 1};
  for (std::size_t i = point; i != std::string_view::npos && i + 1 < text.size(); ++i) {
    rational.denominator *= 10;
  }
  for (; exponent > 0; --exponent) rational.numerator *= 10;
  for (; exponent < 0; ++exponent) rational.denominator *= 10;
  return rational;
}

constexpr std::array<std::string_view, 15> kUlimits = {
    "core",   "cpu",   "data", "fsize",  "locks",  "memlock",    "msgqueue", "nice",
    "nofile", "nproc", "rss",  "rtprio", "rttime", "sigpending", "stack"};

constexpr std::array<std::string_view, 8> kKernelSysctls = {
    "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem",
    "kernel.shmall", "kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced"};

Result<> check_sysctl(std::string_view value) {
  const auto pair = cut(value, '=');
  const bool allowed =
      pair && (std::ranges::find(kKernelSysctls, pair->before) != kKernelSysctls.end() ||
               pair->before.starts_with("net.") || pair->before.starts_with("fs.mqueue."));
  if (!allowed) return Error::invalid(fmt::format("sysctl '{}' is not allowed", value));
  return {};
}

// NAME or NAME:ALIAS.
Result<> check_link(std::string_view value) {
  if (value.empty()) return Error::invalid("empty string specified for links");
  if (std::ranges::count(value, ':') > 1)
    return Error::invalid(fmt::format("bad format for links: {}", value));
  return {};
}

bool is_device_number(std::string_view text) {
  return text == "*" ||
         (!text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos);
}

// "c 7:* rwm"; the engine judges the numbers.
Result<> check_device_rule(std::string_view value) {
  const auto words = split(value, ' ');
  const auto numbers = words.size() == 3 ? cut(words[1], ':') : std::nullopt;
  const bool valid = numbers && (words[0] == "a" || words[0] == "b" || words[0] == "c") &&
                     is_device_number(numbers->before) && is_device_number(numbers->after) &&
                     !words[2].empty() && words[2].size() <= 3 &&
                     words[2].find_first_not_of("rwm") == std::string_view::npos;
  if (!valid) return Error::invalid(fmt::format("invalid device cgroup format '{}'", value));
  return {};
}

Result<> check_list(std::string_view name, std::string_view value) {
  if (name == "env" && (value.empty() || value[0] == '=')) {
    return Error::invalid(fmt::format("invalid environment variable: {}", value));
  }
  if (name == "attach") {
    const std::string stream = to_lower(value);
    if (stream != "stdin" && stream != "stdout" && stream != "stderr") {
      return Error::invalid("valid streams are STDIN, STDOUT and STDERR");
    }
  }
  if (name == "dns") TRY(parse_dns_server(value));
  if (name == "dns-search") TRY(parse_dns_search(value));
  if (name == "add-host") TRY(parse_extra_host(value));
  if (name == "link") TRY(check_link(value));
  if (name == "device-cgroup-rule") TRY(check_device_rule(value));
  return {};
}

Result<> check_filter(std::string_view value) {
  if (!value.empty() && value.find('=') == std::string_view::npos) {
    return Error::invalid("bad format of filter (expected name=value)");
  }
  return {};
}

template <class T>
Result<> checked(Result<T> result) {
  if (!result) return std::unexpected(std::move(result).error());
  return {};
}

Result<> check_uint16(std::string_view value) {
  if (TRY(parse_uint(value)) > 0xffff) return out_of_range("ParseUint", value);
  return {};
}

}  // namespace

Result<bool> parse_bool(std::string_view text) {
  static constexpr std::array<std::string_view, 6> kTrue = {"1", "t", "T", "true", "TRUE", "True"};
  static constexpr std::array<std::string_view, 6> kFalse = {"0",     "f",     "F",
                                                             "false", "FALSE", "False"};
  if (std::ranges::find(kTrue, text) != kTrue.end()) return true;
  if (std::ranges::find(kFalse, text) != kFalse.end()) return false;
  return syntax("ParseBool", text);
}

Result<std::int64_t> parse_int(std::string_view text) {
  const bool negative = text.starts_with('-');
  const std::string_view digits = negative || text.starts_with('+') ? text.substr(1) : text;
  const std::uint64_t number = TRY(parse_unsigned("ParseInt", digits, text));
  constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (number > kMost + (negative ? 1 : 0)) return out_of_range("ParseInt", text);
  return static_cast<std::int64_t>(negative ? ~number + 1 : number);
}

Result<std::uint64_t> parse_uint(std::string_view text) {
  return parse_unsigned("ParseUint", text, text);
}

Result<std::int64_t> parse_memory(std::string_view text) {
  const std::size_t last = text.find_last_of("0123456789. ");
  if (last == std::string_view::npos)
    return Error::invalid(fmt::format("invalid size: '{}'", text));
  const std::string_view number = text.substr(0, text[last] == ' ' ? last : last + 1);
  double size = TRY(parse_float(number));
  if (size < 0) return Error::invalid(fmt::format("invalid size: '{}'", text));
  const std::string suffix = to_lower(text.substr(last + 1));
  const std::size_t power = suffix.empty() ? 0 : std::string_view("bkmgtp").find(suffix[0]);
  const std::string rest = suffix.empty() ? "" : suffix.substr(1);
  const bool known = power != std::string_view::npos &&
                     (rest.empty() || (power > 0 && (rest == "b" || rest == "ib")));
  if (!known) return Error::invalid(fmt::format("invalid suffix: '{}'", suffix));
  size = std::ldexp(size, static_cast<int>(10 * power));
  if (size >= 9.2e18) return Error::invalid(fmt::format("invalid size: '{}'", text));
  return static_cast<std::int64_t>(size);
}

Result<std::int64_t> parse_swap(std::string_view text) {
  if (text == "-1") return -1;
  return parse_memory(text);
}

Result<std::int64_t> parse_cpus(std::string_view text) {
  const auto rational = parse_rational(text);
  if (!rational)
    return Error::invalid(fmt::format("failed to parse {} as a rational number", text));
  const __int128 nano = rational->numerator * 1'000'000'000;
  if (nano % rational->denominator != 0) return Error::invalid("value is too precise");
  return static_cast<std::int64_t>(nano / rational->denominator);
}

Result<Ulimit> parse_ulimit(std::string_view text) {
  const auto pair = cut(text, '=');
  if (!pair) return Error::invalid(fmt::format("invalid ulimit argument: {}", text));
  if (std::ranges::find(kUlimits, pair->before) == kUlimits.end()) {
    return Error::invalid(fmt::format("invalid ulimit type: {}", pair->before));
  }
  const auto limits = split(pair->after, ':');
  if (limits.size() > 2 || limits[0].empty()) {
    return Error::invalid(
        fmt::format("too many limit value arguments - {}, can only have up to two, `soft[:hard]`",
                    pair->after));
  }
  Ulimit ulimit{.name = std::string(pair->before)};
  ulimit.soft = TRY(parse_int(limits[0]));
  ulimit.hard = limits.size() == 2 ? TRY(parse_int(limits[1])) : ulimit.soft;
  constexpr std::string_view kMessage =
      "ulimit soft limit must be less than or equal to hard limit: ";
  if (ulimit.hard != -1 && ulimit.soft == -1) {
    return Error::invalid(fmt::format("{}soft: -1 (unlimited), hard: {}", kMessage, ulimit.hard));
  }
  if (ulimit.hard != -1 && ulimit.soft > ulimit.hard) {
    return Error::invalid(fmt::format("{}{} > {}", kMessage, ulimit.soft, ulimit.hard));
  }
  return ulimit;
}

std::optional<std::string> parse_timestamp(std::string_view text, Instant now) {
  if (text != "0" && parse_duration(text)) {
    const auto then = parse_moment(text, now);
    if (!then) return std::nullopt;
    return fmt::format("{}", to_unix_seconds(*then));
  }
  if (const auto date = parse_calendar_time(text)) return fmt::format("{}.{:09}", date->unix_s, date->nanos);
  if (parse_unix_time(text)) return std::string(text);
  return std::nullopt;
}

Result<> check_value(const FlagSpec& flag, std::string_view value) {
  switch (flag.type) {
    case FlagType::Bool: return checked(parse_bool(value));
    case FlagType::Int: return checked(parse_int(value));
    case FlagType::Uint: return checked(parse_uint(value));
    case FlagType::Uint16: return check_uint16(value);
    case FlagType::Float: return checked(parse_float(value));
    case FlagType::Duration: return checked(parse_duration(value));
    case FlagType::Bytes:
      return checked(flag.name == "memory-swap" ? parse_swap(value) : parse_memory(value));
    case FlagType::Decimal: return checked(parse_cpus(value));
    case FlagType::Ulimit: return checked(parse_ulimit(value));
    case FlagType::Mount: return checked(parse_mount(value));
    case FlagType::Filter: return check_filter(value);
    case FlagType::Map: return flag.name == "sysctl" ? check_sysctl(value) : Result<>{};
    case FlagType::List: return check_list(flag.name, value);
    case FlagType::String:
    case FlagType::Other: return {};
  }
  return {};
}

}  // namespace wherry::cli
