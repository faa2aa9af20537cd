// The order of names in docker's lists: numbers inside them count as numbers.
#pragma once

#include <string_view>

namespace wherry::cli {

// "a2" < "a10"; equal numbers with other digits ("a01", "a1") are ordered as text.
bool natural_less(std::string_view a, std::string_view b);

}  // namespace wherry::cli
