// Deletes what was renamed into trash/, in a thread of its own: removal of a container or an
// image costs its caller one rename. What a killed engine left there goes at the next start.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "base/result.h"
#include "sys/fd.h"

namespace wherry::snapshot {

class Reaper {
 public:
  // Starts at once on what is in `trash`.
  explicit Reaper(sys::Fd trash);
  // Ends after the entry it is at; the rest stays for the next start.
  ~Reaper();
  Reaper(const Reaper&) = delete;
  Reaper& operator=(const Reaper&) = delete;

  // Renames `name` out of `parent` and returns; a missing name is success.
  Result<> discard(const sys::Fd& parent, const std::string& name);
  // Blocks until everything discarded so far is deleted, or could not be.
  void wait_idle();

 private:
  void run();
  void empty_trash();

  sys::Fd trash_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool pending_ = true;
  bool busy_ = false;
  bool closing_ = false;
  std::thread thread_;
};

}  // namespace wherry::snapshot
