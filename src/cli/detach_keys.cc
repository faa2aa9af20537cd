#include "cli/detach_keys.h"

#include <fmt/format.h>

#include "base/strings.h"

namespace wherry::cli {
namespace {

constexpr std::string_view kDefaultKeys = "\x10\x11";  // ctrl-p,ctrl-q

}  // namespace

Result<std::string> parse_detach_keys(std::string_view text) {
  if (text.empty()) return std::string(kDefaultKeys);
  std::string keys;
  for (const std::string_view key : split(text, ',')) {
    constexpr std::string_view kControl = "ctrl-";
    if (key.size() == 1) {
      keys += key;
      continue;
    }
    const char letter =
        key.size() == kControl.size() + 1 && key.starts_with(kControl) ? key.back() : '\0';
    if (letter >= 'a' && letter <= 'z') {
      keys += static_cast<char>(letter - 'a' + 1);
    } else if (letter == '@' || (letter >= '[' && letter <= '_')) {
      keys += static_cast<char>(letter - '@');
    } else {
      return Error::invalid(fmt::format("Unknown character: '{}'", key));
    }
  }
  return keys;
}

DetachScanner::Scan DetachScanner::scan(std::string_view typed) {
  Scan result;
  for (const char c : typed) {
    if (!keys_.empty() && c == keys_[matched_]) {
      if (++matched_ < keys_.size()) continue;
      result.detached = true;
      return result;
    }
    result.pass += keys_.substr(0, matched_);
    matched_ = !keys_.empty() && c == keys_[0] ? 1 : 0;
    if (matched_ == 0) result.pass += c;
  }
  return result;
}

}  // namespace wherry::cli
