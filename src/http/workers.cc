#include "http/workers.h"

#include <pthread.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include "base/log.h"

namespace wherry::http {

constexpr auto kIdleLife = std::chrono::seconds(10);

class Workers::Pool {
 public:
  Pool(std::size_t maximum_threads, std::size_t maximum_queue)
      : maximum_threads_(maximum_threads), maximum_queue_(maximum_queue) {}

  ~Pool() {
    std::unique_lock lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
    ended_.wait(lock, [&] { return threads_ == 0; });
  }

  bool submit(std::function<void()> work) {
    const std::lock_guard lock(mutex_);
    const bool has_idle = idle_ > queue_.size();
    if (!has_idle && threads_ == maximum_threads_ && queue_.size() >= maximum_queue_) return false;
    queue_.push_back(std::move(work));
    if (has_idle) {
      changed_.notify_one();
      return true;
    }
    if (threads_ < maximum_threads_ && !spawn() && threads_ == 0) {
      queue_.pop_back();
      return false;
    }
    return true;
  }

 private:
  // With the lock held. A process at its thread limit goes on with the threads it has.
  bool spawn() {
    try {
      std::thread([this] { run(); }).detach();
      ++threads_;
      return true;
    } catch (const std::system_error& error) {
      log::warning("cannot start a worker thread: {}", error.what());
      return false;
    }
  }

  void run() {
    ::pthread_setname_np(::pthread_self(), "worker");
    std::unique_lock lock(mutex_);
    while (true) {
      ++idle_;
      changed_.wait_for(lock, kIdleLife, [&] { return stopping_ || !queue_.empty(); });
      --idle_;
      if (queue_.empty()) break;
      std::function<void()> work = std::move(queue_.front());
      queue_.pop_front();
      lock.unlock();
      work();
      work = nullptr;
      lock.lock();
    }
    --threads_;
    // Under the lock: the pool must not be gone before this thread has let go of it.
    ended_.notify_all();
  }

  const std::size_t maximum_threads_;
  const std::size_t maximum_queue_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::condition_variable ended_;
  std::deque<std::function<void()>> queue_;
  std::size_t threads_ = 0;
  std::size_t idle_ = 0;
  bool stopping_ = false;
};

Workers::Workers(Limits limits)
    : quick_(std::make_unique<Pool>(limits.quick_threads, limits.quick_queue)),
      long_(std::make_unique<Pool>(limits.long_threads, 0)) {}
Workers::~Workers() = default;

bool Workers::submit(Lane lane, std::function<void()> work) {
  return (lane == Lane::Quick ? quick_ : long_)->submit(std::move(work));
}

}  // namespace wherry::http
