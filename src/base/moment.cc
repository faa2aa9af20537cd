#include "base/moment.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "base/strings.h"

namespace wherry {
namespace {

using std::chrono::nanoseconds;

constexpr double kLongest_ns = 9.2e18;

std::optional<double> nanoseconds_of(std::string_view unit) {
  struct Unit {
    std::string_view name;
    double ns;
  };
  static constexpr std::array<Unit, 8> kUnits = {{{"ns", 1},
                                                  {"us", 1e3},
                                                  {"µs", 1e3},
                                                  {"μs", 1e3},
                                                  {"ms", 1e6},
                                                  {"s", 1e9},
                                                  {"m", 60e9},
                                                  {"h", 3600e9}}};
  const auto found = std::ranges::find(kUnits, unit, &Unit::name);
  if (found == kUnits.end()) return std::nullopt;
  return found->ns;
}

// The digits and points at the front of `rest`, taken off it.
std::optional<double> take_number(std::string_view& rest) {
  const std::size_t size = std::min(rest.find_first_not_of("0123456789."), rest.size());
  double number = 0;
  const auto parsed = std::from_chars(rest.data(), rest.data() + size, number);
  if (size == 0 || parsed.ec != std::errc{} || parsed.ptr != rest.data() + size) return std::nullopt;
  rest.remove_prefix(size);
  return number;
}

}  // namespace

Result<nanoseconds> parse_duration(std::string_view text) {
  const auto invalid = [&] {
    return Error::invalid(fmt::format("time: invalid duration {}", quote(text)));
  };
  std::string_view rest = text;
  const bool negative = rest.starts_with('-');
  if (negative || rest.starts_with('+')) rest.remove_prefix(1);
  if (rest == "0") return nanoseconds(0);
  if (rest.empty()) return invalid();
  double total = 0;
  while (!rest.empty()) {
    const auto number = take_number(rest);
    if (!number) return invalid();
    const std::size_t unit_end = std::min(rest.find_first_of("0123456789."), rest.size());
    if (unit_end == 0)
      return Error::invalid(fmt::format("time: missing unit in duration {}", quote(text)));
    const auto unit = nanoseconds_of(rest.substr(0, unit_end));
    if (!unit)
      return Error::invalid(fmt::format("time: unknown unit {} in duration {}",
                                        quote(rest.substr(0, unit_end)), quote(text)));
    total += *number * *unit;
    rest.remove_prefix(unit_end);
  }
  if (total >= kLongest_ns) return invalid();
  return nanoseconds(static_cast<std::int64_t>(negative ? -total : total));
}

std::optional<Instant> parse_moment(std::string_view text, Instant now) {
  if (const auto age = parse_duration(text); age && text != "0") {
    std::int64_t ns = 0;
    if (__builtin_sub_overflow(to_unix_nanos(now), age->count(), &ns)) return std::nullopt;
    return Instant(nanoseconds(ns));
  }
  if (const auto date = parse_calendar_time(text))
    return parse_unix_time(fmt::format("{}.{:09}", date->unix_s, date->nanos));
  return parse_unix_time(text);
}

}  // namespace wherry
