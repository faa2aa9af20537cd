// Failpoints: places where a test makes the keeper die, as by kill -9. WHERRY_FAILPOINT in
// its environment names one; "name:2" dies at the second passage.
#pragma once

#include <string_view>

namespace wherry::keeperd {

void failpoint(std::string_view name);

// Sleeps where WHERRY_SLOWPOINT=<name>:<milliseconds> names this place: a slow disk for tests.
void slowpoint(std::string_view name);

}  // namespace wherry::keeperd
