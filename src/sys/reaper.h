// Deletes what was renamed into a trash directory, in a thread of its own and at low priority:
// removal costs its caller one rename. What a killed process left there goes at the next start.
//
// A deleted directory may live on as a spare: emptied, filled as its user wants new ones, and
// put on a shelf, from where it is taken by another rename. A directory's birth is what costs on
// ext4: a search over all block groups, and a walk over the inodes that were deleted lately.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "sys/fd.h"

namespace wherry::sys {

struct Spares {
  // On the file system of the trash; what lies on it at the start is discarded.
  Fd shelf;
  std::size_t keep = 0;  // kept ready
  unsigned mode = 0700;
  // Fills a new, empty directory; runs on the reaper's thread. Empty: nothing is to be done.
  std::function<Result<>(const Fd& directory)> prepare;
};

class Reaper {
 public:
  // Starts at once on what is in `trash`.
  explicit Reaper(Fd trash, Spares spares = {});
  // Ends after the entry it is at; the rest stays for the next start.
  ~Reaper();
  Reaper(const Reaper&) = delete;
  Reaper& operator=(const Reaper&) = delete;

  // Renames `name` out of `parent` and returns; a missing name is success.
  Result<> discard(const Fd& parent, const std::string& name);
  // Renames a spare to `name` below `parent`; a new one is made where none is ready.
  // AlreadyExists where the name is taken.
  Result<> place(const Fd& parent, const std::string& name);
  // Blocks until everything discarded so far is deleted, or could not be.
  void wait_idle();

 private:
  void run();
  void empty_trash();
  void remove(const std::string& name);
  Result<> recycle(const std::string& name);
  Result<> make_spare();
  void fill_shelf();
  [[nodiscard]] bool wants_spares() const;  // with the lock
  Result<> prepare(const Fd& directory) const;

  Fd trash_;
  Spares spares_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> ready_;  // names on the shelf
  bool shelf_failed_ = false;       // until the next place()
  bool pending_ = true;
  bool busy_ = false;
  bool closing_ = false;
  std::thread thread_;
};

}  // namespace wherry::sys
