// Names of containers: docker's grammar, and names of our own making.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace wherry::engine {

// [a-zA-Z0-9][a-zA-Z0-9_.-]+, one leading slash allowed; gives the name without the slash.
// InvalidArgument with docker's sentence otherwise.
Result<std::string> checked_name(std::string_view name);

// "brisk_lovelace": an adjective and the surname of somebody who made computing or sailing
// what they are; with a random digit behind it once `taken` has refused some.
std::string generated_name(const std::function<bool(const std::string&)>& taken);

}  // namespace wherry::engine
