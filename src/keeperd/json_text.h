// The escaping of docker's json-file lines, byte for byte: \n \r \" \\ short, other control
// bytes and < > & as \u00xx, U+2028 and U+2029 as \u202x, each byte that is no valid UTF-8
// as \ufffd (as Go's decoder counts them).
#pragma once

#include <cstddef>
#include <cstring>
#include <string_view>

namespace wherry::keeperd {

inline constexpr std::size_t kMaximumEscape = 6;  // bytes written per byte read

// Copies `text` to `out` and returns the end.
inline char* append(char* out, std::string_view text) {
  std::memcpy(out, text.data(), text.size());
  return out + text.size();
}

// Writes to `out`, which has room for kMaximumEscape * text.size() bytes; returns the end.
char* escape_json(char* out, std::string_view text);

// Length of the longest prefix of `text` that does not end inside a UTF-8 character. Text
// whose last bytes are no beginning of one counts whole.
std::size_t whole_characters(std::string_view text);

}  // namespace wherry::keeperd
