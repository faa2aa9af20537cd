// Docker's stream frames: an 8-byte header {stream, 0, 0, 0, length (big endian)} and that many
// bytes, used by attach, exec and logs where there is no terminal.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace wherry::client {

enum class StreamKind : std::uint8_t { Stdin = 0, Stdout = 1, Stderr = 2, SystemError = 3 };

// Takes the bytes in any pieces and hands the payload on as it comes: nothing but a header
// and a SystemError text (at most 1 MiB) is ever held.
class FrameReader {
 public:
  using Sink = std::function<Result<>(StreamKind, std::string_view)>;

  // Errors: an unknown stream; a SystemError frame, as "error from daemon in stream: ...";
  // what the sink returns.
  Result<> feed(std::string_view bytes, const Sink& sink);
  // False in the middle of a frame.
  [[nodiscard]] bool at_boundary() const { return left_ == 0 && header_.empty(); }

 private:
  Result<> begin();

  std::string header_;
  std::string error_;
  StreamKind stream_ = StreamKind::Stdout;
  std::uint32_t left_ = 0;
};

}  // namespace wherry::client
