#include "engine/log_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace wherry::engine {
namespace {

constexpr std::size_t kReadBytes = 64 << 10;
constexpr std::size_t kLongestLineBytes = 1 << 20;
constexpr int kMostRotatedFiles = 1000;  // stops at the first gap anyway

Result<std::optional<LogFile>> open_log_file(const std::string& path) {
  auto opened = sys::open_at({}, path.c_str(), O_RDONLY | O_NOFOLLOW);
  if (!opened && opened.error().errno_value() == ENOENT) return std::nullopt;
  LogFile file{.fd = TRY(std::move(opened))};
  struct stat status {};
  if (::fstat(file.fd.get(), &status) < 0) return Error::from_errno(errno, "stat " + path);
  file.device = status.st_dev;
  file.inode = status.st_ino;
  return file;
}

// Counts newlines backwards; gives the offset behind the `wanted`-th one from the end, or the
// number that is still wanted.
struct BackwardsCount {
  std::int64_t found = 0;
  std::optional<std::int64_t> offset;
};
Result<BackwardsCount> count_backwards(const sys::Fd& fd, std::int64_t wanted) {
  std::int64_t end = ::lseek(fd.get(), 0, SEEK_END);
  if (end < 0) return Error::from_errno(errno, "seek log");
  BackwardsCount count;
  std::string block(kReadBytes, '\0');
  while (end > 0) {
    const std::int64_t begin = std::max<std::int64_t>(0, end - static_cast<std::int64_t>(kReadBytes));
    const ssize_t got = ::pread(fd.get(), block.data(), static_cast<std::size_t>(end - begin), begin);
    if (got < 0) return Error::from_errno(errno, "read log");
    for (ssize_t i = got - 1; i >= 0; --i) {
      if (block[static_cast<std::size_t>(i)] != '\n') continue;
      if (count.found == wanted) {
        count.offset = begin + i + 1;
        return count;
      }
      ++count.found;
    }
    end = begin;
  }
  return count;
}

}  // namespace

Result<std::vector<LogFile>> open_log_files(const std::string& path) {
  std::vector<LogFile> files;
  for (int number = 0; number < kMostRotatedFiles; ++number) {
    const std::string name = number == 0 ? path : fmt::format("{}.{}", path, number);
    auto file = TRY(open_log_file(name));
    if (!file) {
      // Between rename and re-creation the newest name is absent for an instant.
      if (number == 0) continue;
      break;
    }
    // A rotation while we look moves a file that we hold to the next number.
    const bool seen = std::ranges::any_of(files, [&](const auto& f) { return f.same_as(*file); });
    if (!seen) files.push_back(std::move(*file));
  }
  std::ranges::reverse(files);
  return files;
}

Result<LogPosition> find_tail(const std::vector<LogFile>& files, std::int64_t lines) {
  std::int64_t wanted = lines;
  for (std::size_t index = files.size(); index-- > 0;) {
    const BackwardsCount count = TRY(count_backwards(files[index].fd, wanted));
    if (count.offset) return LogPosition{index, *count.offset};
    wanted -= count.found;
  }
  return LogPosition{};
}

Result<bool> LineReader::fill() {
  buffer_.erase(0, start_);
  start_ = 0;
  const std::size_t kept = buffer_.size();
  const auto wanted = static_cast<std::size_t>(
      std::clamp<std::int64_t>(end_ - offset_, 0, static_cast<std::int64_t>(kReadBytes)));
  buffer_.resize(kept + wanted);
  const ssize_t got = ::pread(fd_->get(), buffer_.data() + kept, wanted, offset_);
  if (got < 0) {
    buffer_.resize(kept);
    return Error::from_errno(errno, "read log");
  }
  buffer_.resize(kept + static_cast<std::size_t>(got));
  offset_ += got;
  return got > 0;
}

Result<std::optional<std::string_view>> LineReader::next() {
  std::size_t searched = start_;
  for (;;) {
    const std::size_t end = buffer_.find('\n', searched);
    if (end != std::string::npos) {
      const std::string_view line(buffer_.data() + start_, end - start_);
      start_ = end + 1;
      searched = start_;
      if (!std::exchange(skipping_, false)) return line;
      continue;
    }
    if (buffer_.size() - start_ > kLongestLineBytes) {
      skipping_ = true;
      start_ = buffer_.size();
    }
    const std::size_t pending = buffer_.size() - start_;
    if (!TRY(fill())) return std::nullopt;
    searched = pending;
  }
}

}  // namespace wherry::engine
