#include "client/frames.h"

#include <fmt/format.h>

#include <algorithm>

namespace wherry::client {
namespace {

constexpr std::size_t kHeaderBytes = 8;
constexpr std::uint32_t kMaximumErrorFrame = 1U << 20;

}  // namespace

Result<> FrameReader::begin() {
  const auto byte = [&](std::size_t i) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(header_[i]));
  };
  if (byte(0) > 3) return Error::internal(fmt::format("Unrecognized input header: {}", byte(0)));
  stream_ = static_cast<StreamKind>(byte(0));
  left_ = byte(4) << 24 | byte(5) << 16 | byte(6) << 8 | byte(7);
  header_.clear();
  error_.clear();
  if (stream_ == StreamKind::SystemError && left_ > kMaximumErrorFrame) {
    return Error::internal("error from daemon in stream: text too long");
  }
  return {};
}

Result<> FrameReader::feed(std::string_view bytes, const Sink& sink) {
  while (!bytes.empty()) {
    if (left_ == 0) {
      const std::size_t missing = std::min(kHeaderBytes - header_.size(), bytes.size());
      header_ += bytes.substr(0, missing);
      bytes.remove_prefix(missing);
      if (header_.size() == kHeaderBytes) TRY(begin());
      continue;
    }
    const std::string_view piece = bytes.substr(0, left_);
    bytes.remove_prefix(piece.size());
    left_ -= static_cast<std::uint32_t>(piece.size());
    if (stream_ == StreamKind::SystemError) {
      error_ += piece;
      if (left_ == 0)
        return Error::internal(fmt::format("error from daemon in stream: {}", error_));
    } else {
      TRY(sink(stream_, piece));
    }
  }
  return {};
}

}  // namespace wherry::client
