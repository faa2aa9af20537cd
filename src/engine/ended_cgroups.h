// The control groups of ended runs, until they are removed.
//
// Removing one costs the next start more than itself: the kernel ends the group in the background
// under the lock that making a group needs as well, and there walks over lists of every super
// block, of which each container has half a dozen. So groups wait here until the host is quiet.
// What a killed engine leaves is removed by reconcile, as everything below the parent group that
// belongs to no container that runs.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <thread>

#include "sys/cgroup.h"

namespace wherry::engine {

// Thread rule: any thread.
class EndedCgroups {
 public:
  EndedCgroups();
  ~EndedCgroups();  // removes what is left
  EndedCgroups(const EndedCgroups&) = delete;
  EndedCgroups& operator=(const EndedCgroups&) = delete;

  // Returns at once. What cannot be removed is logged.
  void remove_later(sys::Cgroup cgroup);
  // Blocks until no removal of `path` is outstanding: its next user begins with counters of zero.
  void remove_now(const std::string& path);
  // Blocks until nothing is left to remove.
  void drain();

 private:
  void run();
  // Takes one out and removes it without the lock.
  void remove(std::unique_lock<std::mutex>& lock, std::deque<sys::Cgroup>::iterator which);
  [[nodiscard]] bool is_pending(const std::string& path) const;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<sys::Cgroup> pending_;
  std::deque<std::string> in_removal_;  // paths
  bool hurry_ = false;
  bool closing_ = false;
  std::thread thread_;
};

}  // namespace wherry::engine
