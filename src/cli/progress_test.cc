#include "cli/progress.h"

#include <gtest/gtest.h>

#include "client/engine.h"

namespace wherry::cli {
namespace {

using Clock = ProgressPrinter::Clock;

Layer downloading() {
  return {.id = "a1b2c3d4e5f6",
          .status = "Downloading",
          .current = 12'300'000,
          .total = 45'600'000,
          .bytes_per_second = 8'100'000};
}

TEST(LayerLine, never_reaches_the_last_column) {
  for (std::size_t columns = 1; columns <= 250; ++columns)
    EXPECT_LT(text_width(layer_line(downloading(), columns)), std::max<std::size_t>(columns, 2))
        << columns;
}

TEST(LayerLine, at_40_columns_keeps_what_matters) {
  EXPECT_EQ(layer_line(downloading(), 40), "a1b2c3d4e5f6: Downloading 12.3MB/45.6MB");
}

TEST(LayerLine, at_80_columns_has_bar_rate_and_time_left) {
  const std::string line = layer_line(downloading(), 80);
  EXPECT_EQ(line,
            "a1b2c3d4e5f6: Downloading [=====>                ] 12.3MB/45.6MB  8.1MB/s  0:04");
}

TEST(LayerLine, at_200_columns_the_bar_does_not_grow_without_end) {
  const std::string line = layer_line(downloading(), 200);
  EXPECT_NE(line.find("[============>"), std::string::npos) << line;
  EXPECT_LT(line.size(), 120U);
}

TEST(LayerLine, a_finished_layer_is_its_status) {
  EXPECT_EQ(layer_line({.id = "x", .status = "Pull complete"}, 80), "x: Pull complete");
}

TEST(LayerLine, a_full_bar_has_no_arrow) {
  const std::string line =
      layer_line({.id = "x", .status = "Extracting", .current = 10, .total = 10}, 80);
  EXPECT_NE(line.find("=]"), std::string::npos) << line;
}

TEST(LayerLine, more_than_the_whole_is_no_reason_to_break) {
  EXPECT_FALSE(
      layer_line(
          {.id = "x", .status = "Extracting", .current = 99, .total = 10, .bytes_per_second = 5},
          80)
          .empty());
}

class Printer : public testing::Test {
 protected:
  Result<> say(const char* json, int milliseconds = 0) {
    return printer_->message(*client::parse_json(json),
                             start_ + std::chrono::milliseconds(milliseconds));
  }
  void use(TerminalSize size) {
    printer_.emplace(
        [this](std::string_view text) {
          out_ += text;
          ++writes_;
        },
        [size] { return size; });
  }
  Clock::time_point start_ = Clock::now();
  std::string out_;
  int writes_ = 0;
  std::optional<ProgressPrinter> printer_;
};

constexpr const char* kMoving =
    R"({"status":"Downloading","progressDetail":{"current":1,"total":2},"id":"a"})";
constexpr const char* kDone = R"({"status":"Pull complete","progressDetail":{},"id":"a"})";

TEST_F(Printer, without_a_terminal_prints_dockers_plain_lines) {
  use({});
  ASSERT_TRUE(say(R"({"status":"Pulling from library/alpine","id":"latest"})"));
  ASSERT_TRUE(say(kMoving));
  ASSERT_TRUE(say(kDone));
  ASSERT_TRUE(say(R"({"status":"Digest: sha256:a"})"));
  ASSERT_TRUE(say(R"({"stream":"Loaded image: x\n"})"));
  EXPECT_EQ(
      out_,
      "latest: Pulling from library/alpine\na: Pull complete\nDigest: sha256:a\nLoaded image: x\n");
}

TEST_F(Printer, on_a_terminal_redraws_at_most_ten_times_a_second) {
  use({.rows = 24, .columns = 80});
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(say(kMoving, i));
  EXPECT_LE(writes_, 11);
  EXPECT_TRUE(printer_->dirty());
  printer_->flush(start_ + std::chrono::seconds(2));
  EXPECT_FALSE(printer_->dirty());
}

TEST_F(Printer, moves_up_over_its_own_lines_only) {
  use({.rows = 24, .columns = 80});
  ASSERT_TRUE(say(R"({"status":"Waiting","id":"a"})", 0));
  ASSERT_TRUE(say(R"({"status":"Waiting","id":"b"})", 200));
  EXPECT_NE(out_.find("\x1b[1A"), std::string::npos);
  out_.clear();
  ASSERT_TRUE(say(kDone, 400));
  EXPECT_EQ(out_, "\x1b[2A\r\x1b[2Ka: Pull complete\n\r\x1b[2Kb: Waiting\n");
}

TEST_F(Printer, draws_no_more_lines_than_the_terminal_has) {
  use({.rows = 6, .columns = 80});
  for (int i = 0; i < 40; ++i) {
    ASSERT_TRUE(
        say(("{\"status\":\"Waiting\",\"id\":\"" + std::to_string(i) + "\"}").c_str(), i * 200));
  }
  EXPECT_EQ(out_.find("\x1b[5A"), std::string::npos);
  EXPECT_NE(out_.find("\x1b[4A"), std::string::npos);
}

TEST_F(Printer, a_line_of_no_layer_ends_the_block) {
  use({.rows = 24, .columns = 80});
  ASSERT_TRUE(say(kDone, 0));
  ASSERT_TRUE(say(R"({"status":"Status: done"})", 10));
  out_.clear();
  ASSERT_TRUE(say(kDone, 500));
  EXPECT_EQ(out_.find("\x1b[1A"), std::string::npos);
}

TEST_F(Printer, the_message_of_an_error_is_the_error) {
  use({});
  EXPECT_EQ(say(R"({"errorDetail":{"message":"no space"},"error":"other"})").error().message(),
            "no space");
  EXPECT_EQ(say(R"({"error":"only text"})").error().message(), "only text");
}

}  // namespace
}  // namespace wherry::cli
