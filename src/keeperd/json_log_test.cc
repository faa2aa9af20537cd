#include "keeperd/json_log.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

namespace wherry::keeperd {
namespace {

using io::Stream;

class JsonLogTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/wherry-log-test.XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    root_ = name;
    options_.driver = keeper::LogDriver::JsonFile;
    options_.file_name = "x.log";
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  JsonLog open() {
    auto file = LogFile::open(*sys::open_at({}, root_.c_str(), O_RDONLY | O_DIRECTORY), options_);
    EXPECT_TRUE(file.has_value()) << (file ? "" : file.error().message());
    return {std::move(*file), options_, buffer_};
  }
  std::string text(const std::string& name = "x.log") const {
    return sys::read_file((root_ + '/' + name).c_str(), 1 << 26).value_or("(none)");
  }
  static std::string line(const std::string& log, const std::string& stream = "stdout") {
    return R"({"log":")" + log + R"(","stream":")" + stream + R"(","time":"1970-01-01T00:00:01.5Z"})" + "\n";
  }

  static constexpr Instant kAt{std::chrono::milliseconds(1500)};
  std::string root_;
  keeper::LogOptions options_;
  LineBuffer buffer_;
};

TEST_F(JsonLogTest, lines_are_dockers) {
  JsonLog log = open();
  log.write(Stream::Stdout, "one\ntwo \"2\"\n", kAt);
  log.write(Stream::Stderr, "three\n", kAt);
  EXPECT_EQ(text(), line("one\\n") + line("two \\\"2\\\"\\n") + line("three\\n", "stderr"));
  EXPECT_EQ(log.position().offset, text().size());
}

TEST_F(JsonLogTest, attributes_stand_before_the_time) {
  options_.attributes = R"({"tag":"t"})";
  JsonLog log = open();
  log.write(Stream::Stdout, "a\n", kAt);
  EXPECT_EQ(text(), R"({"log":"a\n","stream":"stdout","attrs":{"tag":"t"},"time":"1970-01-01T00:00:01.5Z"})"
                    "\n");
}

TEST_F(JsonLogTest, an_unfinished_line_waits_for_its_end) {
  JsonLog log = open();
  log.write(Stream::Stdout, "par", kAt);
  log.write(Stream::Stderr, "other\n", kAt);
  EXPECT_EQ(text(), line("other\\n", "stderr"));
  EXPECT_EQ(log.unfinished(Stream::Stdout), "par");
  log.write(Stream::Stdout, "t\n", kAt);
  EXPECT_EQ(text(), line("other\\n", "stderr") + line("part\\n"));
}

TEST_F(JsonLogTest, what_is_left_at_the_end_is_logged_without_a_line_feed) {
  JsonLog log = open();
  log.write(Stream::Stdout, "rest", kAt);
  log.finish(kAt);
  EXPECT_EQ(text(), line("rest"));
}

TEST_F(JsonLogTest, long_lines_are_cut_at_16_kib) {
  JsonLog log = open();
  log.write(Stream::Stdout, std::string(40'000, 'x') + "\n", kAt);
  EXPECT_EQ(text(), line(std::string(16384, 'x')) + line(std::string(16384, 'x')) +
                        line(std::string(40'000 - 2 * 16384, 'x') + "\\n"));
}

TEST_F(JsonLogTest, a_line_of_exactly_16_kib_has_its_line_feed_in_a_line_of_its_own) {
  JsonLog log = open();
  log.write(Stream::Stdout, std::string(16384, 'x') + "\n", kAt);
  EXPECT_EQ(text(), line(std::string(16384, 'x')) + line("\\n"));
}

TEST_F(JsonLogTest, pieces_of_any_size_give_the_same_lines) {
  std::string bytes;
  for (int i = 0; i < 20; ++i) bytes += std::string(static_cast<std::size_t>(i) * 7, 'a') + "\n";
  bytes += std::string(50'000, 'b') + "\nend";
  JsonLog log = open();
  log.write(Stream::Stdout, bytes, kAt);
  log.finish(kAt);
  const std::string whole = text();
  for (const std::size_t size : {31UL, 4096UL, 16384UL, 16385UL}) {
    std::filesystem::remove(root_ + "/x.log");
    JsonLog again = open();
    for (std::size_t at = 0; at < bytes.size(); at += size)
      again.write(Stream::Stdout, std::string_view(bytes).substr(at, size), kAt);
    again.finish(kAt);
    EXPECT_EQ(text(), whole) << size;
  }
}

TEST_F(JsonLogTest, a_part_does_not_end_inside_a_character) {
  JsonLog log = open();
  log.write(Stream::Stdout, std::string(16383, 'x') + "\xc3\xbc\n", kAt);
  EXPECT_EQ(text(), line(std::string(16383, 'x')) + line("\xc3\xbc\\n"));
}

TEST_F(JsonLogTest, the_worst_bytes_fit_the_buffer) {
  JsonLog log = open();
  log.write(Stream::Stdout, std::string(1 << 20, '\0'), kAt);
  log.finish(kAt);
  EXPECT_EQ(log.lost_lines(), 0U);
  EXPECT_GT(text().size(), std::size_t{6} << 20);
}

TEST_F(JsonLogTest, files_rotate_at_max_size_and_max_file) {
  options_.max_size = 200;
  options_.max_files = 3;
  JsonLog log = open();
  const std::size_t length = line("0000\\n").size();
  for (int i = 0; i < 20; ++i) log.write(Stream::Stdout, fmt::format("{:04}\n", i), kAt);
  // Docker's rule: a new file once the old one has reached the size.
  const std::size_t per_file = (200 + length - 1) / length;
  EXPECT_EQ(text("x.log.1").size(), per_file * length);
  EXPECT_EQ(text("x.log.2").size(), per_file * length);
  EXPECT_EQ(text("x.log.3"), "(none)");
  EXPECT_NE(text().find("0019"), std::string::npos);
  EXPECT_EQ(log.position().generation, (20 - 1) / per_file);
}

TEST_F(JsonLogTest, one_buffer_rotates_as_often_as_many) {
  options_.max_size = 200;
  options_.max_files = 100;
  JsonLog log = open();
  std::string bytes;
  for (int i = 0; i < 20; ++i) bytes += fmt::format("{:04}\n", i);
  log.write(Stream::Stdout, bytes, kAt);
  const std::size_t per_file = (200 + line("0000\\n").size() - 1) / line("0000\\n").size();
  EXPECT_EQ(log.position().generation, (20 - 1) / per_file);
}

TEST_F(JsonLogTest, with_one_file_a_follower_can_finish_the_old_one) {
  options_.max_size = 10;
  JsonLog log = open();
  log.write(Stream::Stdout, "old\n", kAt);
  const sys::Fd follower = *sys::open_at({}, (root_ + "/x.log").c_str(), O_RDONLY);
  log.write(Stream::Stdout, "new\n", kAt);
  EXPECT_EQ(text(), line("new\\n"));
  EXPECT_EQ(*sys::read_all(follower, 1000), line("old\\n"));
}

TEST_F(JsonLogTest, a_torn_last_line_is_cut_off) {
  {
    JsonLog log = open();
    log.write(Stream::Stdout, "whole\n", kAt);
  }
  const sys::Fd file = *sys::open_at({}, (root_ + "/x.log").c_str(), O_WRONLY | O_APPEND);
  ASSERT_TRUE(sys::write_all(file, R"({"log":"to)").has_value());
  JsonLog log = open();
  log.write(Stream::Stdout, "next\n", kAt);
  EXPECT_EQ(text(), line("whole\\n") + line("next\\n"));
}

TEST_F(JsonLogTest, a_symlink_in_place_of_the_log_is_refused) {
  std::filesystem::create_symlink("/etc/passwd", root_ + "/x.log");
  EXPECT_FALSE(LogFile::open(*sys::open_at({}, root_.c_str(), O_RDONLY | O_DIRECTORY), options_).has_value());
  for (const std::string bad : {"", "..", "a/b"}) {
    options_.file_name = bad;
    EXPECT_FALSE(LogFile::open(*sys::open_at({}, root_.c_str(), O_RDONLY | O_DIRECTORY), options_).has_value());
  }
}

TEST_F(JsonLogTest, non_blocking_mode_drops_and_counts_past_its_buffer) {
  options_.mode = keeper::LogMode::NonBlocking;
  options_.max_buffer = kPartialLine;
  JsonLog log = open();
  log.write(Stream::Stdout, std::string(kPartialLine - 6, 'x') + "\nkept\n", kAt);
  EXPECT_TRUE(log.has_waiting());
  EXPECT_EQ(text(), "");
  log.write(Stream::Stdout, "lost\nlost\n", kAt);
  EXPECT_EQ(log.lost_lines(), 2U);
  log.settle(kAt);
  EXPECT_FALSE(log.has_waiting());
  EXPECT_NE(text().find("kept"), std::string::npos);
  EXPECT_EQ(text().find("lost"), std::string::npos);
}

TEST_F(JsonLogTest, a_full_disk_loses_whole_lines_and_counts_them) {
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  ::signal(SIGXFSZ, SIG_IGN);
  JsonLog log = open();
  log.write(Stream::Stdout, "fits\n", kAt);
  const rlimit small{line("fits\\n").size() + 10, before.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &small);
  log.write(Stream::Stdout, "does\nnot\n", kAt);
  ::setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_EQ(log.lost_lines(), 2U);
  log.write(Stream::Stdout, "again\n", kAt);
  EXPECT_EQ(text(), line("fits\\n") + line("again\\n"));
}

// A disk that was slow: everything goes through the writer's threads.
class SlowLogTest : public JsonLogTest {
 protected:
  void SetUp() override {
    JsonLogTest::SetUp();
    loop_ = std::move(*io::Loop::create());
    writer_ = std::move(*LogWriter::create(*loop_, [] {}));
    struct stat status {};
    ASSERT_EQ(::stat(root_.c_str(), &status), 0);
    writer_->note(status.st_dev, std::chrono::seconds(1));
  }

  std::unique_ptr<JsonLog> open_slow() {
    auto file = LogFile::open(*sys::open_at({}, root_.c_str(), O_RDONLY | O_DIRECTORY), options_);
    EXPECT_TRUE(file.has_value());
    auto log = std::make_unique<JsonLog>(std::move(*file), options_, buffer_, writer_.get());
    log->when_written([this] { ++written_; });
    return log;
  }
  void await(const JsonLog& log) {
    for (int i = 0; i < 3000 && log.is_busy(); ++i)
      ASSERT_TRUE(loop_->run_once(std::chrono::milliseconds(10)).has_value());
    ASSERT_FALSE(log.is_busy());
  }

  std::unique_ptr<io::Loop> loop_;
  std::unique_ptr<LogWriter> writer_;
  int written_ = 0;
};

TEST_F(SlowLogTest, lines_come_in_order_and_the_caller_is_held_back_meanwhile) {
  const auto log = open_slow();
  log->write(Stream::Stdout, "one\n", kAt);
  EXPECT_TRUE(log->is_busy());
  EXPECT_TRUE(log->must_hold_back());
  // What was read before the reader stopped is not lost.
  log->write(Stream::Stderr, "two\nrest", kAt);
  log->write(Stream::Stdout, "three\n", kAt);
  await(*log);
  EXPECT_EQ(text(), line("one\\n") + line("two\\n", "stderr") + line("three\\n"));
  EXPECT_EQ(written_, 1);
  EXPECT_EQ(log->unfinished(Stream::Stderr), "rest");
}

TEST_F(SlowLogTest, a_part_of_a_line_alone_asks_for_nothing) {
  const auto log = open_slow();
  log->write(Stream::Stdout, "part", kAt);
  EXPECT_FALSE(log->is_busy());
  EXPECT_EQ(text(), "");
}

TEST_F(SlowLogTest, rotation_is_as_on_a_fast_disk) {
  options_.max_size = 300;
  options_.max_files = 3;
  std::string lines;
  for (int i = 0; i < 20; ++i) lines += "line " + std::to_string(i) + "\n";
  {
    JsonLog fast = open();
    fast.write(Stream::Stdout, lines, kAt);
  }
  const std::string expected[] = {text(), text("x.log.1"), text("x.log.2")};
  for (const char* name : {"/x.log", "/x.log.1", "/x.log.2"}) std::filesystem::remove(root_ + name);
  const auto log = open_slow();
  log->write(Stream::Stdout, lines, kAt);
  await(*log);
  EXPECT_EQ(text(), expected[0]);
  EXPECT_EQ(text("x.log.1"), expected[1]);
  EXPECT_EQ(text("x.log.2"), expected[2]);
  EXPECT_EQ(log->position().offset, text().size());
}

TEST_F(SlowLogTest, finish_writes_what_waits_and_what_is_unfinished) {
  const auto log = open_slow();
  log->write(Stream::Stdout, "one\n", kAt);
  log->write(Stream::Stdout, "two", kAt);
  log->finish(kAt);
  await(*log);
  const std::string part = R"({"log":"two","stream":"stdout","time":"1970-01-01T00:00:01.5Z"})" "\n";
  EXPECT_EQ(text(), line("one\\n") + part);
  EXPECT_EQ(written_, 1);
}

TEST_F(SlowLogTest, settle_waits_for_the_disk) {
  const auto log = open_slow();
  log->write(Stream::Stdout, "one\n", kAt);
  log->write(Stream::Stdout, "two\n", kAt);
  log->settle(kAt);
  EXPECT_FALSE(log->is_busy());
  EXPECT_EQ(text(), line("one\\n") + line("two\\n"));
  EXPECT_EQ(log->position().offset, text().size());
}

TEST_F(SlowLogTest, non_blocking_mode_drops_and_counts) {
  options_.mode = keeper::LogMode::NonBlocking;
  options_.max_buffer = kPartialLine;
  const auto log = open_slow();
  log->write(Stream::Stdout, "first\n", kAt);
  log->flush_waiting(kAt);
  EXPECT_TRUE(log->is_busy());
  EXPECT_FALSE(log->must_hold_back());
  log->write(Stream::Stdout, std::string(kPartialLine - 1, 'x') + "\n", kAt);
  log->write(Stream::Stdout, "lost\n", kAt);
  EXPECT_EQ(log->lost_lines(), 1U);
  log->finish(kAt);
  await(*log);
  EXPECT_NE(text().find("first"), std::string::npos);
  EXPECT_NE(text().find("xxxx"), std::string::npos);
  EXPECT_EQ(text().find("lost"), std::string::npos);
}

TEST_F(SlowLogTest, lines_that_the_disk_refuses_are_counted) {
  const auto log = open_slow();
  log->write(Stream::Stdout, "kept\n", kAt);
  await(*log);
  ::signal(SIGXFSZ, SIG_IGN);
  const rlimit old = [] { rlimit limit{}; ::getrlimit(RLIMIT_FSIZE, &limit); return limit; }();
  const rlimit small{text().size(), old.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  log->write(Stream::Stdout, "a\nb\n", kAt);
  await(*log);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &old), 0);
  EXPECT_EQ(log->lost_lines(), 2U);
  EXPECT_FALSE(log->last_error().empty());
  EXPECT_EQ(text(), line("kept\\n"));
}

TEST_F(SlowLogTest, a_log_that_goes_away_is_written_and_not_called) {
  auto log = open_slow();
  log->write(Stream::Stdout, "one\n", kAt);
  log.reset();
  writer_.reset();  // waits
  EXPECT_EQ(text(), line("one\\n"));
  EXPECT_EQ(written_, 0);
}

TEST_F(SlowLogTest, only_the_disk_that_was_slow_is) {
  EXPECT_FALSE(writer_->is_slow(12345));
  writer_->note(12345, std::chrono::milliseconds(1));
  EXPECT_FALSE(writer_->is_slow(12345));
  writer_->note(12345, std::chrono::milliseconds(200));
  EXPECT_TRUE(writer_->is_slow(12345));
}

}  // namespace
}  // namespace wherry::keeperd
