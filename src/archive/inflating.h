// What the decompressing streams share. Private to src/archive.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "archive/stream.h"
#include "base/result.h"

namespace wherry::archive {

inline constexpr std::size_t kInflatedBytes = 256 * 1024;

// Gives back the bytes that sniffing took, then the rest.
class PeekStream : public Stream {
 public:
  explicit PeekStream(Stream& below) : below_(below) {}

  Result<Bytes> peek(std::size_t wanted) {
    while (head_.size() < wanted) {
      const Bytes bytes = TRY(below_.next());
      if (bytes.empty()) break;
      head_.insert(head_.end(), bytes.begin(), bytes.end());
    }
    return Bytes(head_);
  }

  Result<Bytes> next() override {
    if (given_ || head_.empty()) return below_.next();
    given_ = true;
    return Bytes(head_);
  }

 private:
  Stream& below_;
  std::vector<std::uint8_t> head_;
  bool given_ = false;
};

// The part that they share: input is asked for when the last is used up.
class InflatingStream : public Stream {
 public:
  explicit InflatingStream(std::unique_ptr<PeekStream> below)
      : below_(std::move(below)), output_(kInflatedBytes) {}

 protected:
  // False at the end of the input.
  Result<bool> fill() {
    if (input_.empty()) input_ = TRY(below_->next());
    return !input_.empty();
  }
  std::unique_ptr<PeekStream> below_;
  std::vector<std::uint8_t> output_;
  Bytes input_;
};

// bzip2 and xz, several streams behind each other too; a decoder of xz takes 128 MiB at most, as
// the window of zstd.
Result<std::unique_ptr<Stream>> make_bzip2_stream(std::unique_ptr<PeekStream> below);
Result<std::unique_ptr<Stream>> make_xz_stream(std::unique_ptr<PeekStream> below);

}  // namespace wherry::archive
