#include "base/time.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>

#include "base/strings.h"

namespace wherry {
namespace {

// Whole years that 64 bits of nanoseconds hold, with any offset.
constexpr int kFirstYear = 1678;
constexpr int kLastYear = 2261;
constexpr std::int64_t kFarthest_s = 9'000'000'000;

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

// "2006-01-02"
std::optional<std::chrono::year_month_day> take_date(std::string_view& text) {
  const auto year = take_digits(text, 4);
  if (!year || !take_char(text, '-')) return std::nullopt;
  const auto month = take_digits(text, 2);
  if (!month || !take_char(text, '-')) return std::nullopt;
  const auto day = take_digits(text, 2);
  if (!day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  return date;
}

struct Clock {
  seconds since_midnight{0};
  std::int64_t nanos = 0;
  int parts = 0;  // of hours, minutes, seconds
};

// "", "T15", "T15:04", "T15:04:05", "T15:04:05.999"
std::optional<Clock> take_clock(std::string_view& text) {
  constexpr std::array kSeconds = {3600, 60, 1};
  constexpr std::array kMost = {23, 59, 60};  // a leap second
  Clock clock;
  if (!take_char(text, 'T') && !take_char(text, 't')) return clock;
  do {
    const auto part = static_cast<std::size_t>(clock.parts);
    const auto number = take_digits(text, 2);
    if (!number || *number > kMost[part]) return std::nullopt;
    clock.since_midnight += seconds(*number * kSeconds[part]);
  } while (++clock.parts < 3 && take_char(text, ':'));
  if (clock.parts < 3) return clock;
  const auto nanos = take_fraction(text);
  if (!nanos) return std::nullopt;
  clock.nanos = *nanos;
  return clock;
}

// What a clock on the wall of this process' zone shows, as unix seconds.
std::int64_t in_local_zone(seconds shown) {
  const std::time_t as_utc = shown.count();
  std::tm parts{};
  ::gmtime_r(&as_utc, &parts);
  parts.tm_isdst = -1;
  return ::mktime(&parts);
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
  const auto date = take_date(text);
  if (!date || int(date->year()) < kFirstYear || int(date->year()) > kLastYear) return std::nullopt;
  const auto clock = take_clock(text);
  if (!clock || clock->parts != 3) return std::nullopt;
  const auto offset = take_offset(text);
  if (!offset || !text.empty()) return std::nullopt;
  return Instant(std::chrono::sys_days(*date)) + clock->since_midnight - *offset + nanoseconds(clock->nanos);
}

std::optional<CalendarTime> parse_calendar_time(std::string_view text) {
  const auto date = take_date(text);
  if (!date) return std::nullopt;
  const auto clock = take_clock(text);
  if (!clock) return std::nullopt;
  const auto midnight = std::chrono::time_point_cast<seconds>(std::chrono::sys_days(*date));
  const seconds zoneless = midnight.time_since_epoch() + clock->since_midnight;
  if (text.empty()) return CalendarTime{in_local_zone(zoneless), clock->nanos};
  const auto offset = take_offset(text);
  if (!offset || !text.empty()) return std::nullopt;
  return CalendarTime{(zoneless - *offset).count(), clock->nanos};
}

std::optional<Instant> parse_unix_time(std::string_view text) {
  const auto parts = cut(text, '.');
  const auto whole = parse_i64(parts ? parts->before : text);
  if (!whole) return std::nullopt;
  Instant instant{seconds(std::clamp(*whole, -kFarthest_s, kFarthest_s))};
  if (!parts) return instant;
  std::string_view fraction = text.substr(parts->before.size());
  const auto nanos = take_fraction(fraction);
  if (!nanos || !fraction.empty()) return std::nullopt;
  return instant + nanoseconds(*nanos);
}

}  // namespace wherry
