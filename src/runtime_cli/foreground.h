// What `run` and `exec` do while the program runs before their eyes: wait, pass signals on,
// copy between our terminal and the container's.
#pragma once

#include <csignal>
#include <string>
#include <string_view>

#include "base/result.h"
#include "sys/fd.h"
#include "sys/pidfd.h"

namespace wherry::runtime_cli {

// Blocks every signal from birth to death, so that none is lost between clone and wait.
class SignalGate {
 public:
  static Result<SignalGate> open();
  [[nodiscard]] const sys::Fd& fd() const { return fd_; }

 private:
  sys::Fd fd_;
};

// Waits for `process`, our child, and reaps it. `terminal`, if any, is the master of its pty.
Result<sys::ExitStatus> attend(const sys::Pidfd& process, const SignalGate& gate,
                               const sys::Fd& terminal);

// Sends `terminal` to whoever listens at `path` (--console-socket).
Result<> send_console(const std::string& path, const sys::Fd& terminal);
// --pidfd-socket: `process` to whoever listens there, with runc's word for what it is ("standard" of create
// and run, "setns" of exec). Nothing where no socket is named.
Result<> send_pidfd(const std::string& path, const sys::Pidfd& process, std::string_view word);

}  // namespace wherry::runtime_cli
