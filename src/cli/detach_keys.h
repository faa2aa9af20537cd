// The keys that leave a terminal session ("ctrl-p,ctrl-q"), found in what the user types.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace wherry::cli {

// "ctrl-a,x" as the bytes that a terminal sends. "" is docker's default.
// Error: `Unknown character: 'foo'`.
Result<std::string> parse_detach_keys(std::string_view text);

// Passes bytes on, holding back what may be the beginning of the keys.
class DetachScanner {
 public:
  explicit DetachScanner(std::string keys) : keys_(std::move(keys)) {}

  struct Scan {
    std::string pass;       // what goes to the container
    bool detached = false;  // the keys were complete
  };
  Scan scan(std::string_view typed);

 private:
  std::string keys_;
  std::size_t matched_ = 0;
};

}  // namespace wherry::cli
