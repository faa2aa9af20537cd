// Pins: which digests (blobs, layers, configs) running operations need. The collector retires a
// digest before it deletes what it names; pinning one that is being deleted waits for the
// end of that, so "is it there?" asked under a pin stays true. Safe from any thread.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <vector>

#include "base/digest.h"

namespace wherry::image {

class Pins : public std::enable_shared_from_this<Pins> {
 public:
  // Holds its digests until it is destroyed.
  class Hold {
   public:
    Hold(std::shared_ptr<Pins> pins, std::vector<Digest> digests);
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;
    ~Hold();
    // Holds one more. Not for two threads at once.
    void add(const Digest& digest);

   private:
    std::shared_ptr<Pins> pins_;
    std::vector<Digest> digests_;
  };
  using HoldPtr = std::shared_ptr<Hold>;

  HoldPtr hold(std::vector<Digest> digests);

  // The collector's right to delete what `digest` names; false if it is held or being retired.
  bool begin_retire(const Digest& digest);
  void end_retire(const Digest& digest);

 private:
  void take(const Digest& digest);
  void release(const Digest& digest);

  std::mutex mutex_;
  std::condition_variable retired_;
  std::map<Digest, std::size_t> held_;
  std::set<Digest> retiring_;
};

}  // namespace wherry::image
