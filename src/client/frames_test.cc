#include "client/frames.h"

#include <gtest/gtest.h>

#include <string>

namespace wherry::client {
namespace {

using namespace std::string_literals;

struct Collector {
  std::string out;
  std::string err;
  FrameReader::Sink sink() {
    return [this](StreamKind kind, std::string_view bytes) -> Result<> {
      (kind == StreamKind::Stderr ? err : out) += bytes;
      return {};
    };
  }
};

std::string frame(char stream, const std::string& payload) {
  return std::string{stream,
                     0,
                     0,
                     0,
                     0,
                     0,
                     static_cast<char>(payload.size() >> 8),
                     static_cast<char>(payload.size())} +
         payload;
}

TEST(FrameReader, splits_the_two_streams) {
  FrameReader reader;
  Collector collector;
  ASSERT_TRUE(reader.feed(frame(1, "out") + frame(2, "err") + frame(1, "more"), collector.sink()));
  EXPECT_EQ(collector.out, "outmore");
  EXPECT_EQ(collector.err, "err");
  EXPECT_TRUE(reader.at_boundary());
}

TEST(FrameReader, bytes_may_come_one_by_one) {
  FrameReader reader;
  Collector collector;
  for (const char c : frame(1, "hello") + frame(2, std::string(300, 'x'))) {
    ASSERT_TRUE(reader.feed({&c, 1}, collector.sink()));
  }
  EXPECT_EQ(collector.out, "hello");
  EXPECT_EQ(collector.err.size(), 300U);
}

TEST(FrameReader, payload_is_passed_on_before_its_frame_is_complete) {
  FrameReader reader;
  Collector collector;
  ASSERT_TRUE(reader.feed(frame(1, "hello").substr(0, 10), collector.sink()));
  EXPECT_EQ(collector.out, "he");
  EXPECT_FALSE(reader.at_boundary());
}

TEST(FrameReader, empty_frames_are_nothing) {
  FrameReader reader;
  Collector collector;
  ASSERT_TRUE(reader.feed(frame(1, "") + frame(1, "a"), collector.sink()));
  EXPECT_EQ(collector.out, "a");
}

TEST(FrameReader, a_system_error_is_an_error) {
  FrameReader reader;
  Collector collector;
  const auto fed = reader.feed(frame(3, "engine is gone"), collector.sink());
  ASSERT_FALSE(fed);
  EXPECT_EQ(fed.error().message(), "error from daemon in stream: engine is gone");
}

TEST(FrameReader, an_endless_system_error_is_refused) {
  FrameReader reader;
  Collector collector;
  EXPECT_FALSE(reader.feed("\x03\0\0\0\xff\xff\xff\xff"s, collector.sink()));
}

TEST(FrameReader, an_unknown_stream_is_refused) {
  FrameReader reader;
  Collector collector;
  EXPECT_FALSE(reader.feed("HTTP/1.1 "s, collector.sink()));
}

TEST(FrameReader, the_error_of_the_sink_is_kept) {
  FrameReader reader;
  const auto fed = reader.feed(frame(1, "x"), [](StreamKind, std::string_view) -> Result<> {
    return Error::internal("gone");
  });
  ASSERT_FALSE(fed);
  EXPECT_EQ(fed.error().message(), "gone");
}

}  // namespace
}  // namespace wherry::client
