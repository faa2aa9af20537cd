// Go's path.Match, which docker's reference filter uses: "*" and "?" stop at "/", "[a-z]" and
// "[^a-z]" are classes, "\" quotes.
#pragma once

#include <string_view>

namespace wherry::image {

// Time is linear in |pattern| * |text|.
bool matches_glob(std::string_view pattern, std::string_view text);
// False for an open bracket without its end, an empty class, a trailing backslash.
bool is_valid_glob(std::string_view pattern);

}  // namespace wherry::image
