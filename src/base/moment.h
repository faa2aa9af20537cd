// What users type for a point in time or a length of it: Go's durations and docker's timestamps.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "base/time.h"

namespace wherry {

// Go's durations, "1h2m3.5s", "-1.5ms"; at most 292 years. InvalidArgument in Go's words:
// `time: unknown unit "x" in duration "3x"`.
Result<std::chrono::nanoseconds> parse_duration(std::string_view text);

// A duration is so long before `now`; else parse_calendar_time(), or parse_unix_time() with its
// bounds. "0" is the epoch, as with docker. nullopt: none of them.
std::optional<Instant> parse_moment(std::string_view text, Instant now);

}  // namespace wherry
