#include "engine/log_reader.h"

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <thread>

#include "engine/log_files.h"
#include "engine/log_record.h"

namespace wherry::engine {
namespace {

class LogReader : public testing::Test {
 protected:
  LogReader() {
    std::string pattern = testing::TempDir() + "wherry-log-XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
    path_ = directory_ + "/x-json.log";
  }
  ~LogReader() override { std::filesystem::remove_all(directory_); }

  static std::string line(const std::string& text, int second, const char* stream = "stdout") {
    return R"({"log":")" + text + R"(\n","stream":")" + stream + R"(","time":"2026-01-02T03:04:)" +
           (second < 10 ? "0" : "") + std::to_string(second) + R"(.5Z"})" + "\n";
  }
  void append(const std::string& text, const std::string& suffix = "") {
    std::ofstream(path_ + suffix, std::ios::app) << text;
  }
  // Rotates as the writer does: rename, then a new file.
  void rotate() {
    if (std::filesystem::exists(path_ + ".1")) std::filesystem::rename(path_ + ".1", path_ + ".2");
    std::filesystem::rename(path_, path_ + ".1");
    append("");
  }
  std::string read(LogsOptions options) {
    std::string text;
    const auto done = read_logs({.path = path_, .ended = {}}, options,
                                [&](LogStream, std::string_view bytes) -> Result<> {
                                  text += bytes;
                                  return {};
                                },
                                {});
    EXPECT_TRUE(done);
    return text;
  }

  std::string directory_;
  std::string path_;
};

constexpr LogsOptions kBoth{.stdout_ = true, .stderr_ = true};

TEST_F(LogReader, an_absent_log_is_empty) { EXPECT_EQ(read(kBoth), ""); }

TEST_F(LogReader, rotated_files_come_first_oldest_first) {
  append(line("three", 3));
  append(line("two", 2), ".1");
  append(line("one", 1), ".2");
  EXPECT_EQ(read(kBoth), "one\ntwo\nthree\n");
}

TEST_F(LogReader, tail_counts_over_files) {
  append(line("three", 3));
  append(line("one", 1) + line("two", 2), ".1");
  LogsOptions options = kBoth;
  options.tail = 2;
  EXPECT_EQ(read(options), "two\nthree\n");
  options.tail = 0;
  EXPECT_EQ(read(options), "");
  options.tail = 99;
  EXPECT_EQ(read(options), "one\ntwo\nthree\n");
}

TEST_F(LogReader, streams_are_chosen) {
  append(line("out", 1) + line("err", 2, "stderr"));
  EXPECT_EQ(read({.stderr_ = true}), "err\n");
}

TEST_F(LogReader, since_and_until_bound_the_time) {
  append(line("one", 1) + line("two", 2) + line("three", 3));
  LogsOptions options = kBoth;
  options.since = parse_rfc3339("2026-01-02T03:04:02Z");
  EXPECT_EQ(read(options), "two\nthree\n");
  options.until = parse_rfc3339("2026-01-02T03:04:03Z");
  EXPECT_EQ(read(options), "two\n");
}

TEST_F(LogReader, timestamps_have_nine_digits_and_details_are_escaped) {
  append(R"({"log":"x\n","stream":"stdout","attrs":{"b":"2 3","a":"="},"time":"2026-01-02T03:04:05.5Z"})" "\n");
  LogsOptions options = kBoth;
  options.timestamps = options.details = true;
  EXPECT_EQ(read(options), "2026-01-02T03:04:05.500000000Z a=%3D,b=2+3 x\n");
}

TEST_F(LogReader, a_torn_line_is_passed_over) {
  append(R"({"log":"to)" "\n" + line("whole", 2) + R"({"log":"ta)");
  EXPECT_EQ(read(kBoth), "whole\n");
}

TEST_F(LogReader, a_line_larger_than_the_read_buffer_is_whole) {
  const std::string big(200'000, 'x');
  append(line(big, 1));
  EXPECT_EQ(read(kBoth), big + "\n");
}

TEST_F(LogReader, a_line_beyond_the_limit_is_skipped_and_the_next_one_read) {
  append(std::string(3 << 20, 'x') + "\n" + line("after", 1));
  EXPECT_EQ(read(kBoth), "after\n");
}

TEST_F(LogReader, the_end_of_the_newest_file_can_be_bounded) {
  append(line("one", 1));
  const auto end = static_cast<std::int64_t>(std::filesystem::file_size(path_));
  append(line("two", 2));
  std::string text;
  const auto sink = [&](LogStream, std::string_view bytes) -> Result<> {
    text += bytes;
    return {};
  };
  ASSERT_TRUE(read_logs({.path = path_, .ended = {}, .newest_end = end}, kBoth, sink, {}));
  EXPECT_EQ(text, "one\n");
}

// A follower in a thread, and a way to wait for what it has read.
class Following {
 public:
  explicit Following(const std::string& path) : ended_(::eventfd(0, EFD_CLOEXEC)) {
    thread_ = std::thread([this, path] {
      LogsOptions options = kBoth;
      options.follow = true;
      result_ = read_logs({.path = path, .ended = sys::Fd(::dup(ended_.get()))}, options,
                          [this](LogStream, std::string_view bytes) -> Result<> {
                            const std::lock_guard lock(mutex_);
                            text_ += bytes;
                            changed_.notify_all();
                            return {};
                          },
                          stop_.get_token());
    });
  }
  ~Following() {
    stop_.request_stop();
    if (thread_.joinable()) thread_.join();
  }
  bool reads(const std::string& wanted) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(5), [&] { return text_ == wanted; });
  }
  void end() {
    ::eventfd_write(ended_.get(), 1);
    thread_.join();
  }
  Result<> stop() {
    stop_.request_stop();
    thread_.join();
    return result_;
  }
  Result<> result() const { return result_; }

 private:
  sys::Fd ended_;
  std::stop_source stop_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string text_;
  Result<> result_;
  std::thread thread_;
};

TEST_F(LogReader, a_follower_gets_what_is_appended) {
  append(line("one", 1));
  Following following(path_);
  ASSERT_TRUE(following.reads("one\n"));
  append(line("two", 2));
  EXPECT_TRUE(following.reads("one\ntwo\n"));
}

TEST_F(LogReader, a_follower_goes_over_rotations) {
  append(line("one", 1));
  Following following(path_);
  ASSERT_TRUE(following.reads("one\n"));
  append(line("two", 2));
  rotate();
  append(line("three", 3));
  rotate();
  append(line("four", 4));
  EXPECT_TRUE(following.reads("one\ntwo\nthree\nfour\n"));
}

TEST_F(LogReader, a_follower_reads_the_rest_when_the_container_has_ended) {
  Following following(path_);
  append(line("last", 1));
  following.end();
  EXPECT_TRUE(following.result());
  EXPECT_TRUE(following.reads("last\n"));
}

TEST_F(LogReader, a_follower_ends_when_it_is_told_to) {
  append(line("one", 1));
  Following following(path_);
  ASSERT_TRUE(following.reads("one\n"));
  const auto result = following.stop();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind(), ErrorKind::Cancelled);
}

TEST_F(LogReader, a_sink_that_fails_ends_the_reading) {
  append(line("one", 1) + line("two", 2));
  int calls = 0;
  const auto done = read_logs({.path = path_, .ended = {}}, kBoth,
                              [&](LogStream, std::string_view) -> Result<> {
                                ++calls;
                                return Error(ErrorKind::Cancelled, "client gone");
                              },
                              {});
  EXPECT_FALSE(done);
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace wherry::engine
