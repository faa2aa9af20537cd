// The file behind docker's json-file driver: <id>-json.log, rotated to .1, .2 ... by
// max-size and max-file. Written by the pump alone; one write(2) per buffer.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "keeper/protocol.h"
#include "sys/fd.h"

namespace wherry::keeperd {

class LogFile {
 public:
  // Opens or makes the file in `directory`; a torn last line of a crash is cut off.
  static Result<LogFile> open(sys::Fd directory, const keeper::LogOptions& options);

  // Appends whole lines. On failure (no space) the file ends where it ended before.
  Result<> append(std::string_view lines);
  // Docker's rule: a file that has reached max-size is rotated before the next line.
  [[nodiscard]] bool is_full(std::uint64_t size) const {
    return max_size_ > 0 && size >= static_cast<std::uint64_t>(max_size_);
  }
  // Renames the files one further and starts a new one: the next generation.
  Result<> rotate();
  [[nodiscard]] keeper::LogPosition position() const { return {generation_, size_}; }
  [[nodiscard]] const sys::Fd& directory() const { return directory_; }
  [[nodiscard]] dev_t disk() const { return disk_; }

 private:
  LogFile(sys::Fd directory, const keeper::LogOptions& options);
  Result<> reopen(int flags);
  Result<> cut_torn_line();
  [[nodiscard]] std::string old_name(std::uint32_t number) const;

  sys::Fd directory_;
  sys::Fd file_;
  dev_t disk_ = 0;
  std::string name_;
  std::int64_t max_size_;
  std::uint32_t max_files_;
  std::uint64_t size_ = 0;
  std::uint64_t generation_ = 0;
};

}  // namespace wherry::keeperd
