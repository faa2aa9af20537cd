// Fd: the owner of one file descriptor, and the plain calls on it. Every descriptor is
// close-on-exec from birth and closed once. Thread rule: as for int.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace wherry::sys {

class Fd {
 public:
  Fd() = default;
  explicit Fd(int raw) : raw_(raw) {}
  Fd(Fd&& other) noexcept : raw_(std::exchange(other.raw_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) {
      reset();
      raw_ = std::exchange(other.raw_, -1);
    }
    return *this;
  }
  ~Fd() { reset(); }

  [[nodiscard]] int get() const { return raw_; }
  explicit operator bool() const { return raw_ >= 0; }
  // Gives up ownership.
  [[nodiscard]] int release() { return std::exchange(raw_, -1); }
  void reset();
  // A second, close-on-exec descriptor of the same open file.
  [[nodiscard]] Result<Fd> duplicate() const;

 private:
  int raw_ = -1;
};

// openat(2), O_CLOEXEC added. An empty `directory` means the process' own root or cwd:
// for trusted paths only; below an untrusted root use sys/path.h.
Result<Fd> open_at(const Fd& directory, const char* path, int flags, unsigned mode = 0);

// Reads to end of file; fails with InvalidArgument past `limit` bytes.
Result<std::string> read_all(const Fd& fd, std::size_t limit);
// Reads a whole trusted file, as procfs and our own state.
Result<std::string> read_file(const char* path, std::size_t limit = 1 << 20);
// Writes all of `bytes`, over short writes and EINTR.
Result<> write_all(const Fd& fd, std::string_view bytes);
// open(O_WRONLY) + one write(2), as procfs, sysfs and cgroupfs want it.
Result<> write_file_at(const Fd& directory, const char* path, std::string_view bytes);
Result<> write_file(const char* path, std::string_view bytes);
// Atomic replacement: temp file, write, optional fsync of file and directory, rename.
enum class Durable : bool { No, Yes };
Result<> replace_file_at(const Fd& directory, const std::string& name, std::string_view bytes,
                         unsigned mode, Durable durable);

struct Pipe {
  Fd read_end;
  Fd write_end;
};
Result<Pipe> make_pipe(int extra_flags = 0);

// A memfd holding `bytes`, sealed against every change.
Result<Fd> sealed_memfd(const char* name, std::string_view bytes);
// The whole of a sealed memfd; refuses one that is unsealed or larger than `limit`, so that
// the sender cannot change what was checked.
Result<std::string> read_sealed_memfd(const Fd& fd, std::size_t limit);

// mkdir for trusted paths; an existing directory is success.
Result<> make_directories(const std::string& path, unsigned mode);
// Asks ext4 to put each new directory in here into a block group of its own choice, as it does
// for those at the top of the file system (FS_TOPDIR_FL, chattr(1) +T). For a directory whose
// children come and go: ext4 does not use an inode again within five seconds of its deletion, and
// looks at every such inode of the group whenever it needs a new one, which was up to 6 ms of each
// `run --rm` in a row. Other file systems have no such flag, and nothing happens.
void spread_new_directories(const Fd& directory) noexcept;

}  // namespace wherry::sys
