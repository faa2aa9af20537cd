// Threads for logs whose disk is slow. The pump has one thread for all containers: a disk that takes
// 200 ms for a write would make everybody's output wait. So a write that took long marks its disk, and
// for a while logs on that disk are written here. On a fast disk the hand-over would cost more than
// the write, and nothing is handed over.
//
// Thread rule: the loop's thread alone; `work` runs on another.
#pragma once

#include <sys/types.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "io/loop.h"

namespace wherry::keeperd {

class LogWriter {
 public:
  using Action = std::function<void()>;
  struct Job;

  // `confine` runs first on each thread; a thread that cannot be confined serves all the same, as
  // the pump does.
  static Result<std::unique_ptr<LogWriter>> create(io::Loop& loop, const Action& confine);
  // Returns when every job's work is done.
  ~LogWriter();
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;

  // `done` runs once, from the loop, after `work`.
  std::shared_ptr<Job> post(Action work, Action done);
  // Blocks until the work is done, and runs `done` at once.
  void finish(const std::shared_ptr<Job>& job);
  // `done` is not run any more; `work` is.
  static void cancel(const std::shared_ptr<Job>& job);

  // From any thread.
  void note(dev_t disk, io::Clock::duration write);
  [[nodiscard]] bool is_slow(dev_t disk);

 private:
  explicit LogWriter(sys::Fd wake) : wake_(std::move(wake)) {}
  void run();
  void tell_done();

  sys::Fd wake_;  // eventfd(2)
  io::Watch watch_;
  std::mutex mutex_;
  std::condition_variable posted_;
  std::condition_variable worked_;
  std::deque<std::shared_ptr<Job>> waiting_;
  std::vector<std::shared_ptr<Job>> done_;
  std::map<dev_t, io::Clock::time_point> slow_until_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace wherry::keeperd
