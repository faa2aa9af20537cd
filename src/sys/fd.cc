#include "sys/fd.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fs.h>
#include <linux/memfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/strings.h"

namespace wherry::sys {
namespace {

constexpr int kAllSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

int raw_directory(const Fd& directory) { return directory ? directory.get() : AT_FDCWD; }

}  // namespace

void Fd::reset() {
  // On Linux close never leaves the descriptor open, not even with EINTR.
  if (raw_ >= 0) ::close(std::exchange(raw_, -1));
}

Result<Fd> Fd::duplicate() const {
  const int raw = ::fcntl(raw_, F_DUPFD_CLOEXEC, 0);
  if (raw < 0) return Error::from_errno(errno, "duplicate descriptor");
  return Fd(raw);
}

Result<Fd> open_at(const Fd& directory, const char* path, int flags, unsigned mode) {
  const int raw = ::openat(raw_directory(directory), path, flags | O_CLOEXEC, mode);
  if (raw < 0) return Error::from_errno(errno, fmt::format("open {}", path));
  return Fd(raw);
}

Result<std::string> read_all(const Fd& fd, std::size_t limit) {
  std::string bytes;
  char buffer[16384];
  for (;;) {
    const ssize_t count = ::read(fd.get(), buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Error::from_errno(errno, "read");
    if (count == 0) return bytes;
    if (bytes.size() + static_cast<std::size_t>(count) > limit)
      return Error::invalid(fmt::format("more than {} bytes", limit));
    bytes.append(buffer, static_cast<std::size_t>(count));
  }
}

Result<std::string> read_file(const char* path, std::size_t limit) {
  const Fd fd = TRY(open_at({}, path, O_RDONLY));
  return TRY_AS(path, read_all(fd, limit));
}

Result<> write_all(const Fd& fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd.get(), bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Error::from_errno(errno, "write");
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return {};
}

Result<> write_file_at(const Fd& directory, const char* path, std::string_view bytes) {
  const Fd fd = TRY(open_at(directory, path, O_WRONLY));
  if (::write(fd.get(), bytes.data(), bytes.size()) < 0)
    return Error::from_errno(errno, fmt::format("write {} to {}", quote(bytes), path));
  return {};
}

Result<> write_file(const char* path, std::string_view bytes) {
  return write_file_at({}, path, bytes);
}

Result<> replace_file_at(const Fd& directory, const std::string& name, std::string_view bytes,
                         unsigned mode, Durable durable) {
  const std::string temporary = fmt::format(".{}.{}", name, random_hex(4));
  const int parent = raw_directory(directory);
  const auto write_temporary = [&]() -> Result<> {
    const Fd fd = TRY(open_at(directory, temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL, mode));
    TRY_AS(name, write_all(fd, bytes));
    if (durable == Durable::Yes && ::fsync(fd.get()) < 0)
      return Error::from_errno(errno, fmt::format("fsync {}", name));
    if (::renameat(parent, temporary.c_str(), parent, name.c_str()) < 0)
      return Error::from_errno(errno, fmt::format("rename to {}", name));
    return {};
  };
  if (auto written = write_temporary(); !written) {
    ::unlinkat(parent, temporary.c_str(), 0);
    return written;
  }
  if (durable == Durable::Yes && directory && ::fsync(directory.get()) < 0)
    return Error::from_errno(errno, "fsync directory");
  return {};
}

Result<Pipe> make_pipe(int extra_flags) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | extra_flags) < 0) return Error::from_errno(errno, "pipe");
  return Pipe{Fd(ends[0]), Fd(ends[1])};
}

Result<Fd> sealed_memfd(const char* name, std::string_view bytes) {
  Fd fd(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd) return Error::from_errno(errno, "memfd_create");
  TRY(write_all(fd, bytes));
  if (::fcntl(fd.get(), F_ADD_SEALS, kAllSeals) < 0) return Error::from_errno(errno, "seal memfd");
  return fd;
}

Result<std::string> read_sealed_memfd(const Fd& fd, std::size_t limit) {
  if (const int seals = ::fcntl(fd.get(), F_GET_SEALS);
      seals < 0 || (seals & kAllSeals) != kAllSeals)
    return Error::invalid("descriptor is not a sealed memfd");
  struct stat status{};
  if (::fstat(fd.get(), &status) < 0) return Error::from_errno(errno, "fstat memfd");
  if (static_cast<std::size_t>(status.st_size) > limit)
    return Error::invalid(fmt::format("more than {} bytes", limit));
  std::string bytes(static_cast<std::size_t>(status.st_size), '\0');
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t count =
        ::pread(fd.get(), bytes.data() + done, bytes.size() - done, static_cast<off_t>(done));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return Error::from_errno(count < 0 ? errno : EIO, "read memfd");
    done += static_cast<std::size_t>(count);
  }
  return bytes;
}

Result<> make_directories(const std::string& path, unsigned mode) {
  for (std::size_t at = path.find('/', 1);; at = path.find('/', at + 1)) {
    const std::string prefix = path.substr(0, at);
    if (::mkdir(prefix.c_str(), mode) < 0 && errno != EEXIST)
      return Error::from_errno(errno, fmt::format("mkdir {}", prefix));
    if (at == std::string::npos) return {};
  }
}

void spread_new_directories(const Fd& directory) noexcept {
  int flags = 0;
  if (::ioctl(directory.get(), FS_IOC_GETFLAGS, &flags) < 0 || (flags & FS_TOPDIR_FL) != 0) return;
  flags |= FS_TOPDIR_FL;
  static_cast<void>(::ioctl(directory.get(), FS_IOC_SETFLAGS, &flags));
}

}  // namespace wherry::sys
