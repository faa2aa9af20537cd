// Finds a client's detach keys in what it types. Bytes that may begin the sequence are held
// back, and passed on when they turn out not to. Unlike docker's proxy, a byte that breaks
// one match may begin the next: ctrl-p ctrl-p ctrl-q detaches.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace wherry::keeperd {

class DetachKeys {
 public:
  // No keys: nothing is ever found or held back.
  explicit DetachKeys(std::string keys);

  // Appends to `forward` what the container may read; true once the sequence is complete,
  // and then nothing after it is looked at.
  bool scan(std::string_view typed, std::string& forward);
  // What is held back; the client is at its end, so it was no sequence.
  std::string take_held();

 private:
  std::string keys_;
  std::vector<std::size_t> fallback_;  // longest proper border of each prefix
  std::size_t matched_ = 0;
};

}  // namespace wherry::keeperd
