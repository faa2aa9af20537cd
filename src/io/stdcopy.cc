#include "io/stdcopy.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"

namespace wherry::io {

FrameHeader frame_header(Stream stream, std::uint32_t length) {
  return {static_cast<char>(stream),       0, 0, 0, static_cast<char>(length >> 24),
          static_cast<char>(length >> 16), static_cast<char>(length >> 8),
          static_cast<char>(length)};
}

void append_frame(std::string& out, Stream stream, std::string_view bytes) {
  CHECK(bytes.size() <= UINT32_MAX);
  const FrameHeader header = frame_header(stream, static_cast<std::uint32_t>(bytes.size()));
  out.append(header.data(), header.size());
  out.append(bytes);
}

Result<> Deframer::take_header() {
  const auto stream = static_cast<unsigned char>(header_[0]);
  if (stream > static_cast<unsigned char>(Stream::SystemError))
    return Error::invalid(fmt::format("unrecognized stream: {}", stream));
  stream_ = static_cast<Stream>(stream);
  for (std::size_t i = 4; i < kFrameHeaderBytes; ++i)
    left_ = left_ << 8 | static_cast<unsigned char>(header_[i]);
  header_size_ = 0;
  return {};
}

Result<> Deframer::feed(std::string_view bytes, const Sink& sink) {
  while (!bytes.empty()) {
    if (left_ > 0) {
      const std::string_view part = bytes.substr(0, left_);
      TRY(sink(stream_, part));
      left_ -= static_cast<std::uint32_t>(part.size());
      bytes.remove_prefix(part.size());
      continue;
    }
    const std::string_view part = bytes.substr(0, kFrameHeaderBytes - header_size_);
    std::ranges::copy(part, header_.begin() + static_cast<std::ptrdiff_t>(header_size_));
    header_size_ += part.size();
    bytes.remove_prefix(part.size());
    if (header_size_ == kFrameHeaderBytes) TRY(take_header());
  }
  return {};
}

}  // namespace wherry::io
