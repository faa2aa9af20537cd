#include "engine/workers.h"

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace wherry::engine {

using Clock = std::chrono::steady_clock;

struct Workers::Shared {
  explicit Shared(std::size_t maximum) : maximum_threads(maximum) {}

  std::mutex mutex;
  std::condition_variable work_or_stop;
  std::condition_variable settled;
  std::condition_variable timer_changed;
  std::deque<std::function<void()>> queue;
  std::multimap<Clock::time_point, std::function<void()>> timers;
  std::vector<std::thread> threads;
  std::size_t maximum_threads;
  std::size_t idle = 0;
  std::size_t running = 0;
  bool stopping = false;
  std::thread timer_thread;

  void enqueue(std::function<void()> work) {  // with the mutex held
    queue.push_back(std::move(work));
    if (idle < queue.size() && threads.size() < maximum_threads)
      threads.emplace_back([this] { run_worker(); });
    work_or_stop.notify_one();
  }

  void run_worker() {
    std::unique_lock lock(mutex);
    for (;;) {
      ++idle;
      work_or_stop.wait(lock, [&] { return stopping || !queue.empty(); });
      --idle;
      if (queue.empty()) return;
      std::function<void()> work = std::move(queue.front());
      queue.pop_front();
      ++running;
      lock.unlock();
      work();
      work = nullptr;  // what it holds may take locks when it goes
      lock.lock();
      --running;
      if (running == 0 && queue.empty()) settled.notify_all();
    }
  }

  void run_timers() {
    std::unique_lock lock(mutex);
    while (!stopping) {
      if (timers.empty()) {
        timer_changed.wait(lock);
        continue;
      }
      const auto due = timers.begin()->first;
      if (Clock::now() < due) {
        timer_changed.wait_until(lock, due);
        continue;
      }
      enqueue(std::move(timers.begin()->second));
      timers.erase(timers.begin());
    }
  }
};

Workers::Workers(std::size_t maximum_threads)
    : shared_(std::make_unique<Shared>(maximum_threads)) {
  shared_->timer_thread = std::thread([shared = shared_.get()] { shared->run_timers(); });
}

Workers::~Workers() {
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->stopping = true;
    shared_->timers.clear();
  }
  shared_->timer_changed.notify_all();
  shared_->work_or_stop.notify_all();
  shared_->timer_thread.join();
  // No thread is added any more but by work that posts; each such thread is joined here too.
  for (std::size_t i = 0;; ++i) {
    std::thread thread;
    {
      const std::lock_guard lock(shared_->mutex);
      if (i == shared_->threads.size()) break;
      thread = std::move(shared_->threads[i]);
    }
    thread.join();
  }
}

void Workers::post(std::function<void()> work) {
  const std::lock_guard lock(shared_->mutex);
  shared_->enqueue(std::move(work));
}

void Workers::post_after(std::chrono::milliseconds delay, std::function<void()> work) {
  const std::lock_guard lock(shared_->mutex);
  if (shared_->stopping) return;
  shared_->timers.emplace(Clock::now() + delay, std::move(work));
  shared_->timer_changed.notify_one();
}

void Workers::drain() {
  std::unique_lock lock(shared_->mutex);
  shared_->settled.wait(lock, [&] { return shared_->running == 0 && shared_->queue.empty(); });
}

}  // namespace wherry::engine
