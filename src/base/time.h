// Wall-clock instants in the forms that docker's API speaks.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace wherry {

// Nanoseconds since the epoch, UTC.
using Instant = std::chrono::sys_time<std::chrono::nanoseconds>;

Instant now();
// "2026-11-23T21:17:05.123456789Z"; trailing zeros of the fraction are dropped, as Go's
// RFC3339Nano does. Go's zero time "0001-01-01T00:00:00Z" stands for nullopt.
std::string format_rfc3339_nano(Instant instant);
std::string format_rfc3339_nano(std::optional<Instant> instant);
// Always nine digits after the point: what docker's `logs -t` prints.
std::string format_rfc3339_fixed(Instant instant);
// Accepts offsets ("+02:00") and any fraction up to nine digits. Years that an Instant cannot hold,
// as Go's zero time, are nullopt.
std::optional<Instant> parse_rfc3339(std::string_view text);
// Unix seconds with an optional fraction: "1700000000.000000001". Farther than 9e9 s from the epoch
// (1684 and 2255) counts as so far.
std::optional<Instant> parse_unix_time(std::string_view text);

struct CalendarTime {
  std::int64_t unix_s = 0;  // years 0 to 9999
  std::int64_t nanos = 0;
};
// "2006-01-02", and with "T15", "T15:04", "T15:04:05" and a fraction behind it; then a zone ("Z",
// "+02:00"), or none for the process' own: what docker's clients take.
std::optional<CalendarTime> parse_calendar_time(std::string_view text);

inline std::int64_t to_unix_seconds(Instant instant) {
  return std::chrono::floor<std::chrono::seconds>(instant).time_since_epoch().count();
}
inline std::int64_t to_unix_nanos(Instant instant) { return instant.time_since_epoch().count(); }

}  // namespace wherry
