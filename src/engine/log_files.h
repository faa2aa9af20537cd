// The files of one json-file log, oldest first: <name>.N ... <name>.1, <name>. The writer
// rotates by rename, at any moment; an open file stays what it is.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "sys/fd.h"

namespace wherry::engine {

struct LogFile {
  sys::Fd fd;
  dev_t device = 0;
  ino_t inode = 0;
  [[nodiscard]] bool same_as(const LogFile& other) const {
    return device == other.device && inode == other.inode;
  }
};

// All files there are now; an absent log is an empty list.
Result<std::vector<LogFile>> open_log_files(const std::string& path);

// Where the last `lines` lines begin: index into `files` and byte offset.
struct LogPosition {
  std::size_t file = 0;
  std::int64_t offset = 0;
};
Result<LogPosition> find_tail(const std::vector<LogFile>& files, std::int64_t lines);

// Whole lines out of one file, from an offset on; a line without its newline stays unread
// until the rest is there.
class LineReader {
 public:
  // Bytes from `end` on are not read.
  LineReader(const sys::Fd& fd, std::int64_t offset,
             std::int64_t end = std::numeric_limits<std::int64_t>::max())
      : fd_(&fd), offset_(offset), end_(end) {}
  // The next line without its newline, valid until the next call; nullopt at the end of what
  // is written so far. Lines above 1 MiB are skipped: no writer of ours makes them.
  Result<std::optional<std::string_view>> next();

 private:
  Result<bool> fill();

  const sys::Fd* fd_;
  std::int64_t offset_;       // of the first byte not yet in buffer_
  std::int64_t end_;
  std::string buffer_;
  std::size_t start_ = 0;     // of the first byte not yet given out
  bool skipping_ = false;
};

}  // namespace wherry::engine
