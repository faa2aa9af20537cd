// A question before something is removed.
#pragma once

#include <string_view>

namespace wherry::cli {

// Prints "<question> [y/N] " and reads a line: true for y and Y, as docker has it.
bool confirm(std::string_view question);

}  // namespace wherry::cli
