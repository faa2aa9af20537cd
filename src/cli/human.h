// Sizes and times for people, in the forms of docker's lists.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace wherry::cli {

// "1.23kB": powers of 1000, three significant digits.
std::string human_size(double bytes, int digits = 3);
// "23.55GiB": powers of 1024, four significant digits.
std::string binary_size(double bytes);
// "Less than a second", "5 minutes", "About an hour", "3 weeks".
std::string human_duration(std::chrono::seconds duration);
// Go's Time.String() of local time: "2023-11-14 22:13:20 +0000 UTC".
std::string local_time(std::int64_t unix_seconds);
// At most `length` characters; what is cut ends in an ellipsis.
std::string ellipsis(std::string_view text, std::size_t length);
// The first 12 characters of an id, without "sha256:".
std::string short_id(std::string_view id);

}  // namespace wherry::cli
