// Docker's stream frames: 8 bytes {stream, 0, 0, 0, length big-endian} before each chunk of
// an attached stream or of `logs` without a terminal (Engine API, "Stream format").
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace wherry::io {

enum class Stream : std::uint8_t { Stdin = 0, Stdout = 1, Stderr = 2, SystemError = 3 };

inline constexpr std::size_t kFrameHeaderBytes = 8;
using FrameHeader = std::array<char, kFrameHeaderBytes>;

FrameHeader frame_header(Stream stream, std::uint32_t length);
// Header and bytes appended to `out`.
void append_frame(std::string& out, Stream stream, std::string_view bytes);

// Takes framed bytes apart, in whatever pieces they come. Holds no payload: `sink` gets each
// piece as soon as it is there.
class Deframer {
 public:
  using Sink = std::function<Result<>(Stream stream, std::string_view bytes)>;
  // Fails with InvalidArgument on an unknown stream, or with the error of `sink`.
  Result<> feed(std::string_view bytes, const Sink& sink);
  // False in the middle of a frame: the sender broke off.
  [[nodiscard]] bool at_boundary() const { return header_size_ == 0 && left_ == 0; }

 private:
  Result<> take_header();
  FrameHeader header_{};
  std::size_t header_size_ = 0;
  std::uint32_t left_ = 0;
  Stream stream_ = Stream::Stdout;
};

}  // namespace wherry::io
