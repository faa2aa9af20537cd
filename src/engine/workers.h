// Workers: threads for what nobody waits for (the handling of ends, clean-up, restarts). Grows
// with the load up to a limit, and runs work at a later time too.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

namespace wherry::engine {

class Workers {
 public:
  explicit Workers(std::size_t maximum_threads = 32);
  // Drops what is not due yet, waits for what runs or was posted.
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  void post(std::function<void()> work);
  void post_after(std::chrono::milliseconds delay, std::function<void()> work);
  // Blocks until nothing runs and nothing is queued but for a later time.
  void drain();

 private:
  struct Shared;
  std::unique_ptr<Shared> shared_;
};

}  // namespace wherry::engine
