// Space that is kept for a full disk: a file of allocated blocks beside the database, given back to
// the file system piece by piece when something that frees space, or records what has happened
// already, finds none. Its bytes mean nothing: a crash at any moment leaves a shorter file, and the
// next start makes it whole. Safe from any thread.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <mutex>
#include <string>

#include "base/result.h"
#include "sys/fd.h"

namespace wherry::metadata {

class Reserve {
 public:
  static constexpr off_t kWhole_bytes = 2 << 20;
  // A container that fills the disk may win a race for one piece; then the next one is tried.
  static constexpr off_t kPiece_bytes = 256 << 10;

  // `path` must be on the file system that it is for. Takes over what is there, allocates nothing.
  explicit Reserve(std::string path);

  // Makes it whole where as much again stays free behind it. False: there is no space for it now.
  bool restock();
  // Gives one piece to the file system; when it returns true, others can allocate it. False: none
  // is left.
  bool give();
  [[nodiscard]] bool is_whole() const { return bytes_ >= kWhole_bytes; }

 private:
  Result<> open_file();
  Result<> allocate();

  const std::string path_;
  std::mutex mutex_;  // held over the file's system calls: who waits wants their outcome
  sys::Fd file_;
  std::atomic<off_t> bytes_ = 0;  // allocated, as far as we know
};

}  // namespace wherry::metadata
