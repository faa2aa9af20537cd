// Reaps what a dead keeper had cloned. The engine is a child subreaper, so such processes become
// its children; nobody else can read their exit codes before they are reaped.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

#include "base/result.h"
#include "sys/fd.h"
#include "sys/pidfd.h"

namespace wherry::engine {

class OrphanReaper {
 public:
  using Reaped = std::function<void(pid_t pid, sys::ExitStatus status)>;
  // `reaped` runs on the reaper's own thread.
  static Result<std::unique_ptr<OrphanReaper>> create(Reaped reaped);
  ~OrphanReaper();
  OrphanReaper(const OrphanReaper&) = delete;
  OrphanReaper& operator=(const OrphanReaper&) = delete;

  // Watches until the process ends; a process that is not a child of ours is let go then.
  void watch(pid_t pid, sys::Pidfd pidfd);

 private:
  OrphanReaper() = default;
  void run();
  void handle(pid_t pid);

  Reaped reaped_;
  sys::Fd poll_;
  sys::Fd stop_;
  std::mutex mutex_;
  std::map<pid_t, sys::Pidfd> watched_;
  std::thread thread_;
};

}  // namespace wherry::engine
