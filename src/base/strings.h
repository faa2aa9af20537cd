// Small string functions that the standard library of g++ 12 lacks.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace wherry {

// Splits at every `separator`; empty pieces are kept ("a,,b" -> "a","","b"; "" -> "").
std::vector<std::string_view> split(std::string_view text, char separator);
std::string join(std::span<const std::string> pieces, std::string_view separator);
std::string_view trim(std::string_view text);
std::string to_lower(std::string_view text);
std::string to_upper(std::string_view text);
bool equals_ignore_case(std::string_view a, std::string_view b);

// Splits once: "a=b=c" at '=' -> {"a", "b=c"}; nothing if the separator is absent.
struct Cut {
  std::string_view before;
  std::string_view after;
};
std::optional<Cut> cut(std::string_view text, char separator);

// Whole-string decimal conversion: no sign, no blanks, no overflow.
std::optional<std::uint64_t> parse_u64(std::string_view text);
std::optional<std::int64_t> parse_i64(std::string_view text);

// Double quotes around `text`, as Go's %q does: \n, \t, \", \\ and \xNN for control bytes.
std::string quote(std::string_view text);

std::string to_hex(std::span<const std::uint8_t> bytes);
// `count` bytes of the kernel's randomness as lower-case hex (2 * count characters).
std::string random_hex(std::size_t count);

// Levenshtein distance, for "did you mean"; both sides are cut at 64 characters.
std::size_t edit_distance(std::string_view a, std::string_view b);

}  // namespace wherry
