// The values that docker's flags accept: each parser fails with the words of Go's library,
// for that is what scripts and people know. Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "cli/table.h"

namespace wherry::cli {

Result<bool> parse_bool(std::string_view text);           // strconv.ParseBool
Result<std::int64_t> parse_int(std::string_view text);    // strconv.ParseInt(text, 0, 64)
Result<std::uint64_t> parse_uint(std::string_view text);  // strconv.ParseUint(text, 0, 64)
// "64m", "1.5 GiB": powers of 1024. Errors: "invalid size: 'x'", "invalid suffix: 'q'".
Result<std::int64_t> parse_memory(std::string_view text);
// parse_memory, and "-1" for no limit.
Result<std::int64_t> parse_swap(std::string_view text);
// "1.5" or "3/2" cores as billionths.
Result<std::int64_t> parse_cpus(std::string_view text);

struct Ulimit {
  std::string name;
  std::int64_t soft = 0;
  std::int64_t hard = 0;
};
Result<Ulimit> parse_ulimit(std::string_view text);

// The value of --since and --until as the API wants it ("unix.nanos"): RFC 3339 with parts
// left out, unix seconds ("0": all), or an age that is taken off `now`. nullopt: neither.
std::optional<std::string> parse_timestamp(std::string_view text, Instant now);

// What a flag makes of one value when it is read; the message of pflag's
// `invalid argument "x" for "--y" flag: <message>`.
Result<> check_value(const FlagSpec& flag, std::string_view value);

}  // namespace wherry::cli
