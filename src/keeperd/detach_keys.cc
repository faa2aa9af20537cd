#include "keeperd/detach_keys.h"

#include <utility>

namespace wherry::keeperd {

DetachKeys::DetachKeys(std::string keys) : keys_(std::move(keys)), fallback_(keys_.size() + 1, 0) {
  for (std::size_t i = 1, border = 0; i < keys_.size(); ++i) {
    while (border > 0 && keys_[i] != keys_[border]) border = fallback_[border];
    if (keys_[i] == keys_[border]) ++border;
    fallback_[i + 1] = border;
  }
}

bool DetachKeys::scan(std::string_view typed, std::string& forward) {
  if (keys_.empty()) {
    forward.append(typed);
    return false;
  }
  for (const char byte : typed) {
    while (matched_ > 0 && byte != keys_[matched_]) {
      // The front of what was held cannot begin the sequence: it was meant for the container.
      const std::size_t shorter = fallback_[matched_];
      forward.append(keys_, 0, matched_ - shorter);
      matched_ = shorter;
    }
    if (byte != keys_[matched_]) {
      forward.push_back(byte);
    } else if (++matched_ == keys_.size()) {
      matched_ = 0;
      return true;
    }
  }
  return false;
}

std::string DetachKeys::take_held() {
  return keys_.substr(0, std::exchange(matched_, 0));
}

}  // namespace wherry::keeperd
