// The user's terminal in raw mode, given back whatever happens: by the destructor, and by a
// small watcher process that outlives a killed client.
#pragma once

#include <sys/types.h>
#include <termios.h>

#include "base/result.h"
#include "sys/fd.h"

namespace wherry::cli {

class RawTerminal {
 public:
  // Puts the terminal of `fd` into raw mode.
  static Result<RawTerminal> enter(int fd);
  RawTerminal(RawTerminal&& other) noexcept;
  RawTerminal& operator=(RawTerminal&&) = delete;
  ~RawTerminal() { restore(); }

  // Gives the settings back now; once.
  void restore();

 private:
  RawTerminal(int fd, const termios& saved) : fd_(fd), saved_(saved) {}
  Result<> start_watcher();

  int fd_;
  termios saved_;
  sys::Fd watcher_pipe_;  // closes when we die: the watcher's sign
  pid_t watcher_ = -1;
};

}  // namespace wherry::cli
