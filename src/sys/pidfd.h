// Pidfd: a process that cannot be mistaken for a later one with the same number.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "sys/fd.h"

namespace wherry::sys {

// What wait says of an ended process: code, or 128 + signal.
struct ExitStatus {
  int code = 0;
  bool by_signal = false;
};
ExitStatus exit_status_of(int wait_status);

class Pidfd {
 public:
  Pidfd() = default;
  explicit Pidfd(Fd fd) : fd_(std::move(fd)) {}
  static Result<Pidfd> open(pid_t pid);

  [[nodiscard]] const Fd& fd() const { return fd_; }
  explicit operator bool() const { return static_cast<bool>(fd_); }
  // NotFound (ESRCH) once the process is reaped.
  Result<> signal(int number) const;
  // Reaps a child of ours that has ended; nullopt while it runs.
  [[nodiscard]] Result<std::optional<ExitStatus>> reap() const;
  // Blocks until the process ends or `timeout_ms` is over (-1: for ever): true if it ended.
  [[nodiscard]] Result<bool> wait_ended(int timeout_ms) const;
  // The exit code from PIDFD_GET_INFO (Linux >= 6.15), readable by a non-parent after the
  // reap; nullopt where the kernel does not tell.
  [[nodiscard]] std::optional<ExitStatus> exit_info() const;

 private:
  Fd fd_;
};

// Field 22 of /proc/<pid>/stat: start time in clock ticks since boot. With the boot id it
// names a process for ever.
Result<std::uint64_t> process_start_time(pid_t pid);
// /proc/sys/kernel/random/boot_id
Result<std::string> boot_id();

}  // namespace wherry::sys
