// Workers: the bounded set of threads on which blocking handlers run. Two lanes, so that
// verbs that wait (stop, logs -f, pull) cannot hold up those that are over in milliseconds.
// Threads are made when work finds none idle, and end after ten idle seconds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

namespace wherry::http {

// Quick: over in milliseconds; queued when all threads are busy.
// Long: may wait for minutes; refused when all threads are busy.
enum class Lane : std::uint8_t { Quick, Long };

class Workers {
 public:
  struct Limits {
    std::size_t quick_threads = 32;
    std::size_t quick_queue = 4096;
    std::size_t long_threads = 512;
  };
  explicit Workers(Limits limits);
  // Waits for everything that was submitted.
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  // False if the lane is full; `work` is then untouched. Safe from any thread.
  bool submit(Lane lane, std::function<void()> work);

 private:
  class Pool;
  std::unique_ptr<Pool> quick_;
  std::unique_ptr<Pool> long_;
};

}  // namespace wherry::http
