// Signals as bytes in a pipe, so that one poll waits for them and for everything else.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "sys/fd.h"

namespace wherry::cli {

// Docker's name of a signal ("INT", "RTMIN+3"); "" for one that is not forwarded.
std::string_view signal_name(int number);

// Catches signals until it is destroyed. One at a time in a process.
class SignalQueue {
 public:
  static Result<SignalQueue> catch_signals(const std::vector<int>& numbers);
  SignalQueue(SignalQueue&&) noexcept = default;
  SignalQueue& operator=(SignalQueue&&) = delete;
  ~SignalQueue();

  // Becomes readable when a signal came.
  [[nodiscard]] const sys::Fd& fd() const { return pipe_.read_end; }
  // What came since the last call.
  [[nodiscard]] std::vector<int> take() const;

 private:
  SignalQueue() = default;
  sys::Pipe pipe_;
  std::vector<int> numbers_;
};

// Every signal that docker's client forwards: all but SIGCHLD, SIGPIPE, SIGURG and those
// that cannot be caught.
std::vector<int> forwarded_signals();

}  // namespace wherry::cli
