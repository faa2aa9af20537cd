// The thread that clones. A child begins with a copy of its cloner's descriptor table, and a
// keeper holds about five descriptors per container: with 300 of them, copying and closing cost
// every start half a millisecond. This thread has a table of its own (unshare(2), CLONE_FILES)
// with little in it, and gets what a start needs as messages of a socket.
//
// The children are the keeper's like any other: every thread of a process may reap them.
// Thread rule: one caller at a time, who waits for the clone.
#pragma once

#include <memory>
#include <thread>
#include <vector>

#include "base/result.h"
#include "runtime/launch.h"
#include "sys/fd.h"

namespace wherry::keeperd {

class Launcher {
 public:
  // While few descriptors are open: the thread begins with all of them.
  static Result<std::unique_ptr<Launcher>> create();
  ~Launcher();
  Launcher(const Launcher&) = delete;
  Launcher& operator=(const Launcher&) = delete;

  // As runtime::launch().
  Result<runtime::Launch> launch(const runtime::Plan& plan, const std::vector<sys::Fd>& fds,
                                 const runtime::Stdio& stdio);

 private:
  Launcher() = default;

  sys::Fd socket_;
  std::thread thread_;
};

}  // namespace wherry::keeperd
