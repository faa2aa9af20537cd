#include "io/stdcopy.h"

#include <gtest/gtest.h>

#include <vector>

namespace wherry::io {
namespace {

using Pieces = std::vector<std::pair<Stream, std::string>>;

Deframer::Sink into(Pieces& pieces) {
  return [&pieces](Stream stream, std::string_view bytes) -> Result<> {
    if (!pieces.empty() && pieces.back().first == stream) pieces.back().second += bytes;
    else pieces.emplace_back(stream, bytes);
    return {};
  };
}

TEST(Stdcopy, header_is_stream_zeros_and_big_endian_length) {
  const FrameHeader header = frame_header(Stream::Stderr, 0x01020304);
  EXPECT_EQ(std::string(header.data(), header.size()), std::string("\2\0\0\0\1\2\3\4", 8));
}

TEST(Stdcopy, frames_come_apart_as_they_were_put_together) {
  std::string bytes;
  append_frame(bytes, Stream::Stdout, "out");
  append_frame(bytes, Stream::Stderr, "err");
  append_frame(bytes, Stream::Stdout, "");
  append_frame(bytes, Stream::Stdout, "more");
  Pieces pieces;
  Deframer deframer;
  ASSERT_TRUE(deframer.feed(bytes, into(pieces)).has_value());
  EXPECT_EQ(pieces, (Pieces{{Stream::Stdout, "out"}, {Stream::Stderr, "err"}, {Stream::Stdout, "more"}}));
  EXPECT_TRUE(deframer.at_boundary());
}

TEST(Stdcopy, every_way_to_cut_the_bytes_gives_the_same) {
  std::string bytes;
  append_frame(bytes, Stream::Stdout, "hello");
  append_frame(bytes, Stream::Stderr, "world");
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    Pieces pieces;
    Deframer deframer;
    const std::string_view all(bytes);
    ASSERT_TRUE(deframer.feed(all.substr(0, cut), into(pieces)).has_value());
    ASSERT_TRUE(deframer.feed(all.substr(cut), into(pieces)).has_value());
    EXPECT_EQ(pieces, (Pieces{{Stream::Stdout, "hello"}, {Stream::Stderr, "world"}})) << cut;
  }
}

TEST(Stdcopy, an_unknown_stream_is_refused) {
  Pieces pieces;
  Deframer deframer;
  const auto fed = deframer.feed(std::string_view("\7\0\0\0\0\0\0\1x", 9), into(pieces));
  ASSERT_FALSE(fed.has_value());
  EXPECT_EQ(fed.error().kind(), ErrorKind::InvalidArgument);
}

TEST(Stdcopy, a_sender_that_breaks_off_is_noticed) {
  Pieces pieces;
  Deframer deframer;
  ASSERT_TRUE(deframer.feed(std::string_view("\1\0\0\0\0\0\0\2x", 9), into(pieces)).has_value());
  EXPECT_FALSE(deframer.at_boundary());
}

TEST(Stdcopy, the_error_of_the_sink_comes_back) {
  Deframer deframer;
  std::string bytes;
  append_frame(bytes, Stream::Stdout, "x");
  const auto fed = deframer.feed(bytes, [](Stream, std::string_view) -> Result<> {
    return Error::internal("full");
  });
  ASSERT_FALSE(fed.has_value());
  EXPECT_EQ(fed.error().message(), "full");
}

}  // namespace
}  // namespace wherry::io
