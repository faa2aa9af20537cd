// Bytes of a container -> docker's json-file lines. A line that is longer than 16 KiB is
// logged in parts without a line feed in "log", as docker does; unlike docker, a part never
// ends inside a UTF-8 character.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "io/stdcopy.h"
#include "keeper/protocol.h"
#include "keeperd/log_file.h"
#include "keeperd/log_writer.h"

namespace wherry::keeperd {

inline constexpr std::size_t kPartialLine = 16 * 1024;

// Room for encoded lines, one for all logs of the pump: it is empty between two calls.
class LineBuffer {
 public:
  static constexpr std::size_t kCapacity = 512 * 1024;
  LineBuffer() : bytes_(std::make_unique_for_overwrite<char[]>(kCapacity)) {}
  char* end() { return bytes_.get() + size_; }
  void set_end(const char* end) { size_ = static_cast<std::size_t>(end - bytes_.get()); }
  [[nodiscard]] std::size_t room() const { return kCapacity - size_; }
  [[nodiscard]] std::string_view view() const { return {bytes_.get(), size_}; }
  void clear() { size_ = 0; }

 private:
  std::unique_ptr<char[]> bytes_;
  std::size_t size_ = 0;
};

class JsonLog {
 public:
  // `buffer` and `writer` outlive the log. Without a writer everything is written at once.
  JsonLog(LogFile file, const keeper::LogOptions& options, LineBuffer& buffer, LogWriter* writer = nullptr);
  ~JsonLog();
  JsonLog(const JsonLog&) = delete;
  JsonLog& operator=(const JsonLog&) = delete;

  // Logs whole lines and full parts; the rest of the last line is kept for the next call.
  // Never blocks on anything but the file, and on a slow disk not on that.
  void write(io::Stream stream, std::string_view bytes, Instant at);
  // The writer has something of this log. What is written meanwhile waits, in memory: in blocking mode
  // the caller reads no more before `written`, which runs from the loop and may destroy the log.
  [[nodiscard]] bool is_busy() const { return job_ != nullptr; }
  [[nodiscard]] bool must_hold_back() const { return is_busy() && mode_ == keeper::LogMode::Blocking; }
  void when_written(std::function<void()> written) { written_ = std::move(written); }
  // Non-blocking mode: puts what is waiting into the file, as far as its share of time goes.
  void flush_waiting(Instant at);
  // As flush_waiting(), whatever it takes: afterwards position() is where we are.
  void settle(Instant at);
  [[nodiscard]] bool has_waiting() const { return !waiting_.empty(); }
  // The stream has ended: what is left is logged as a part, and all that waits is written, when
  // is_busy() is false.
  void finish(Instant at);

  // The unfinished line of a stream, which is in no file yet.
  [[nodiscard]] std::string_view unfinished(io::Stream stream) const;
  // After settle().
  [[nodiscard]] keeper::LogPosition position() const { return file_->position(); }
  [[nodiscard]] const sys::Fd& directory() const { return file_->directory(); }
  [[nodiscard]] std::uint64_t lost_lines() const { return lost_lines_; }
  [[nodiscard]] const std::string& last_error() const { return last_error_; }

 private:
  struct Suffixes {
    std::string whole;  // after the text of a line: \n","stream":"stdout","time":"..."}
    std::string part;
  };
  void encode(io::Stream stream, std::string_view bytes, Instant at);
  void encode_line(std::string_view text, const std::string& suffix);
  void keep(std::string& unfinished, std::string_view bytes, const Suffixes& suffixes);
  Suffixes suffixes(io::Stream stream, Instant at) const;
  std::string& unfinished_of(io::Stream stream) {
    return unfinished_[stream == io::Stream::Stderr ? 1 : 0];
  }
  void flush();
  void rotate_if_full();
  void hold_back(io::Stream stream, std::string_view bytes, Instant at);
  void encode_waiting();
  void encode_rest(Instant at);
  void begin_batch();
  void submit_batch();
  struct Batch;
  void on_written(const Batch& batch);

  std::shared_ptr<LogFile> file_;  // shared with the batch that is being written
  LineBuffer& buffer_;
  LogWriter* writer_;
  std::function<void()> written_;
  std::shared_ptr<LogWriter::Job> job_;
  std::unique_ptr<Batch> batch_;   // being gathered; null: written at once
  std::optional<Instant> finish_;  // finish() came while busy
  keeper::LogMode mode_;
  std::size_t waiting_limit_;
  std::string attributes_;  // `,"attrs":{...}` or empty
  std::array<std::string, 2> unfinished_;
  struct Waiting {
    io::Stream stream;
    std::string bytes;
    Instant at;
  };
  std::vector<Waiting> waiting_;
  std::size_t waiting_bytes_ = 0;
  Instant not_before_{};
  std::uint64_t lost_lines_ = 0;
  std::string last_error_;
};

}  // namespace wherry::keeperd
