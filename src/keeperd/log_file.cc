#include "keeperd/log_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/strings.h"
#include "keeperd/failpoint.h"

namespace wherry::keeperd {
namespace {

constexpr unsigned kLogMode = 0640;  // docker's
// Longer than any line of ours: 16 KiB of text, each byte six, and its attributes.
constexpr std::uint64_t kLongestLine = 256 * 1024;
constexpr std::uint32_t kMostFiles = 1000;

bool is_plain_name(const std::string& name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos;
}

}  // namespace

LogFile::LogFile(sys::Fd directory, const keeper::LogOptions& options)
    : directory_(std::move(directory)),
      name_(options.file_name),
      max_size_(options.max_size),
      max_files_(std::clamp(options.max_files, 1U, kMostFiles)) {}

Result<LogFile> LogFile::open(sys::Fd directory, const keeper::LogOptions& options) {
  if (!is_plain_name(options.file_name))
    return Error::invalid("bad name of a log file: " + quote(options.file_name));
  LogFile log(std::move(directory), options);
  TRY(log.reopen(O_APPEND));
  TRY(log.cut_torn_line());
  return log;
}

Result<> LogFile::reopen(int flags) {
  // Readable as well, for the torn line. Never through a symlink: the directory is ours.
  file_ = TRY(sys::open_at(directory_, name_.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_APPEND | flags,
                           kLogMode));
  struct stat status {};
  if (::fstat(file_.get(), &status) < 0) return Error::from_errno(errno, "stat " + name_);
  if (!S_ISREG(status.st_mode)) return Error::invalid("log file is not a regular file: " + name_);
  size_ = static_cast<std::uint64_t>(status.st_size);
  disk_ = status.st_dev;
  return {};
}

Result<> LogFile::cut_torn_line() {
  const std::uint64_t from = size_ - std::min(size_, kLongestLine);
  std::string tail(size_ - from, '\0');
  const ssize_t count = ::pread(file_.get(), tail.data(), tail.size(), static_cast<off_t>(from));
  if (count < 0) return Error::from_errno(errno, "read " + name_);
  tail.resize(static_cast<std::size_t>(count));
  if (tail.empty() || tail.back() == '\n') return {};
  const auto last = tail.rfind('\n');
  const std::uint64_t whole = last == std::string::npos ? from : from + last + 1;
  if (::ftruncate(file_.get(), static_cast<off_t>(whole)) < 0)
    return Error::from_errno(errno, "truncate " + name_);
  size_ = whole;
  return {};
}

Result<> LogFile::append(std::string_view lines) {
  slowpoint("pump.log_write");
  auto written = sys::write_all(file_, lines);
  if (written) {
    size_ += lines.size();
    return {};
  }
  // Part of it may be there: no half line may stay.
  if (::ftruncate(file_.get(), static_cast<off_t>(size_)) < 0)
    return Error::from_errno(errno, "truncate " + name_);
  return written;
}

std::string LogFile::old_name(std::uint32_t number) const {
  return name_ + '.' + std::to_string(number);
}

Result<> LogFile::rotate() {
  for (std::uint32_t number = max_files_ - 1; number > 0; --number) {
    const std::string from = number == 1 ? name_ : old_name(number - 1);
    const int moved = ::renameat(directory_.get(), from.c_str(), directory_.get(),
                                 old_name(number).c_str());
    if (moved < 0 && errno != ENOENT) return Error::from_errno(errno, "rotate " + name_);
  }
  // With max-file=1 nothing was renamed. A new file instead of a truncated one, so that a
  // follower finishes the old one.
  if (::unlinkat(directory_.get(), name_.c_str(), 0) < 0 && errno != ENOENT)
    return Error::from_errno(errno, "remove " + name_);
  TRY(reopen(O_EXCL));
  ++generation_;
  return {};
}

}  // namespace wherry::keeperd
