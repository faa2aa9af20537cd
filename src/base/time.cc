#include "base/time.h"

#include <fmt/format.h>

#include "base/strings.h"

namespace wherry {
namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;

struct Civil {
  int year;
  unsigned month, day;
  int hour, minute, second;
  std::int64_t nanos;
};

Civil to_civil(Instant instant) {
  const auto day = std::chrono::floor<std::chrono::days>(instant);
  const std::chrono::year_month_day date(day);
  const std::int64_t rest = (instant - day).count();
  const auto in_day = static_cast<int>(rest / 1'000'000'000);
  return {int(date.year()), unsigned(date.month()), unsigned(date.day()), in_day / 3600,
          in_day / 60 % 60, in_day % 60, rest % 1'000'000'000};
}

std::string date_and_time(const Civil& c) {
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", c.year, c.month, c.day, c.hour, c.minute,
                     c.second);
}

// Takes `count` digits off the front of `text`.
std::optional<int> take_digits(std::string_view& text, std::size_t count) {
  if (text.size() < count) return std::nullopt;
  const auto value = parse_u64(text.substr(0, count));
  if (!value) return std::nullopt;
  text.remove_prefix(count);
  return static_cast<int>(*value);
}

bool take_char(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<std::int64_t> take_fraction(std::string_view& text) {
  if (!take_char(text, '.')) return 0;
  std::int64_t nanos = 0;
  int digits = 0;
  while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
    if (digits++ < 9) nanos = nanos * 10 + (text.front() - '0');
    text.remove_prefix(1);
  }
  if (digits == 0) return std::nullopt;
  for (; digits < 9; ++digits) nanos *= 10;
  return nanos;
}

std::optional<seconds> take_offset(std::string_view& text) {
  if (take_char(text, 'Z') || take_char(text, 'z')) return seconds(0);
  const bool west = !text.empty() && text.front() == '-';
  if (!take_char(text, '-') && !take_char(text, '+')) return std::nullopt;
  const auto hours = take_digits(text, 2);
  if (!hours || !take_char(text, ':')) return std::nullopt;
  const auto minutes = take_digits(text, 2);
  if (!minutes) return std::nullopt;
  const seconds offset(*hours * 3600 + *minutes * 60);
  return west ? -offset : offset;
}

}  // namespace

Instant now() {
  return std::chrono::time_point_cast<nanoseconds>(std::chrono::system_clock::now());
}

std::string format_rfc3339_nano(Instant instant) {
  const Civil c = to_civil(instant);
  std::string text = date_and_time(c);
  if (c.nanos != 0) {
    text += fmt::format(".{:09}", c.nanos);
    text.erase(text.find_last_not_of('0') + 1);
  }
  return text + 'Z';
}

std::string format_rfc3339_nano(std::optional<Instant> instant) {
  return instant ? format_rfc3339_nano(*instant) : "0001-01-01T00:00:00Z";
}

std::string format_rfc3339_fixed(Instant instant) {
  const Civil c = to_civil(instant);
  return fmt::format("{}.{:09}Z", date_and_time(c), c.nanos);
}

std::optional<Instant> parse_rfc3339(std::string_view text) {
  const auto year = take_digits(text, 4);
  if (!year || !take_char(text, '-')) return std::nullopt;
  const auto month = take_digits(text, 2);
  if (!month || !take_char(text, '-')) return std::nullopt;
  const auto day = take_digits(text, 2);
  if (!day || !(take_char(text, 'T') || take_char(text, 't'))) return std::nullopt;
  const auto hour = take_digits(text, 2);
  if (!hour || !take_char(text, ':')) return std::nullopt;
  const auto minute = take_digits(text, 2);
  if (!minute || !take_char(text, ':')) return std::nullopt;
  const auto second = take_digits(text, 2);
  if (!second) return std::nullopt;
  const auto nanos = take_fraction(text);
  if (!nanos) return std::nullopt;
  const auto offset = take_offset(text);
  if (!offset || !text.empty()) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok() || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  return Instant(std::chrono::sys_days(date)) + seconds(*hour * 3600 + *minute * 60 + *second) -
         *offset + nanoseconds(*nanos);
}

std::optional<Instant> parse_unix_time(std::string_view text) {
  const auto parts = cut(text, '.');
  const auto whole = parse_i64(parts ? parts->before : text);
  if (!whole || *whole > 9'000'000'000 || *whole < -9'000'000'000) return std::nullopt;
  Instant instant{seconds(*whole)};
  if (!parts) return instant;
  std::string_view fraction = text.substr(parts->before.size());
  const auto nanos = take_fraction(fraction);
  if (!nanos || !fraction.empty()) return std::nullopt;
  return instant + nanoseconds(*nanos);
}

}  // namespace wherry
