#include "metadata/reserve.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/log.h"

namespace wherry::metadata {
namespace {

constexpr blksize_t kStatBlock_bytes = 512;

// For file systems that cannot allocate ahead. Noise, because some compress, and keep no block for
// zeros.
Result<> write_noise(const sys::Fd& file, off_t from, off_t to) {
  std::array<char, 4096> noise{};
  if (::getrandom(noise.data(), noise.size(), 0) != static_cast<ssize_t>(noise.size()))
    return Error::from_errno(errno, "getrandom");
  while (from < to) {
    const auto size = static_cast<std::size_t>(std::min<off_t>(to - from, noise.size()));
    const ssize_t written = ::pwrite(file.get(), noise.data(), size, from);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return Error::from_errno(written < 0 ? errno : ENOSPC, "write");
    from += written;
  }
  return {};
}

bool has_room(const sys::Fd& file, off_t wanted) {
  struct statvfs status {};
  if (::fstatvfs(file.get(), &status) < 0) return false;
  return status.f_bavail >= static_cast<fsblkcnt_t>(wanted) / std::max(status.f_frsize, 1UL) + 1;
}

}  // namespace

Reserve::Reserve(std::string path) : path_(std::move(path)) {
  const std::lock_guard lock(mutex_);
  if (const auto opened = open_file(); !opened)
    log::warning("no space is kept for a full disk: {}", opened.error().message());
}

Result<> Reserve::open_file() {
  if (file_) return {};
  sys::Fd file = TRY(sys::open_at({}, path_.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
  struct stat status {};
  if (::fstat(file.get(), &status) < 0) return Error::from_errno(errno, "stat " + path_);
  if (!S_ISREG(status.st_mode)) return Error::internal(path_ + " is no regular file");
  file_ = std::move(file);
  // A data root that was copied may have holes here.
  bytes_ = std::min<off_t>(status.st_size, status.st_blocks * kStatBlock_bytes);
  return {};
}

Result<> Reserve::allocate() {
  if (::fallocate(file_.get(), 0, 0, kWhole_bytes) == 0) return {};
  if (errno != EOPNOTSUPP && errno != ENOSYS) return Error::from_errno(errno, "allocate " + path_);
  return write_noise(file_, bytes_, kWhole_bytes);
}

bool Reserve::restock() {
  const std::lock_guard lock(mutex_);
  if (is_whole()) return true;
  if (!open_file()) return false;
  const off_t before = bytes_;
  if (!has_room(file_, kWhole_bytes - before + kWhole_bytes)) return false;
  if (!allocate()) {
    // Somebody was faster: what was allocated before the error is theirs as well.
    [[maybe_unused]] const int cut = ::ftruncate(file_.get(), before);
    return false;
  }
  bytes_ = kWhole_bytes;
  return true;
}

bool Reserve::give() {
  const std::lock_guard lock(mutex_);
  if (!file_ || bytes_ <= 0) return false;
  const off_t left = std::max<off_t>(0, bytes_ - kPiece_bytes);
  if (::ftruncate(file_.get(), left) < 0) return false;
  // btrfs frees blocks only with its transaction.
  static_cast<void>(::fsync(file_.get()));
  bytes_ = left;
  log::warning("the disk is full: {} KiB of the reserve {} are left", left >> 10, path_);
  return true;
}

}  // namespace wherry::metadata
