// Loop: one thread's events: readable and writable descriptors (epoll) and deadlines.
// Handlers run on the thread that calls run(); nothing here may be called from another.
// A handler may remove any watch or timer, its own included, and may add new ones.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "sys/fd.h"

namespace wherry::io {

using Clock = std::chrono::steady_clock;

class Loop;

// A descriptor's place in the loop; leaving scope ends it. The descriptor stays its owner's
// and must outlive the watch.
class Watch {
 public:
  Watch() = default;
  Watch(Watch&& other) noexcept;
  Watch& operator=(Watch&& other) noexcept;
  ~Watch() { reset(); }
  void reset();
  // Changes the EPOLL* set; a set equal to the current one costs nothing. 0 still reports
  // EPOLLERR and EPOLLHUP.
  void set_events(std::uint32_t events);
  // No event at all, EPOLLHUP included, until set_events(): for a peer that hung up while
  // there is still something to do first.
  void suspend();
  explicit operator bool() const { return loop_ != nullptr; }

 private:
  friend Loop;
  Watch(Loop* loop, std::uint64_t key) : loop_(loop), key_(key) {}
  Loop* loop_ = nullptr;
  std::uint64_t key_ = 0;
};

// A deadline; leaving scope cancels it.
class Timer {
 public:
  Timer() = default;
  Timer(Timer&& other) noexcept;
  Timer& operator=(Timer&& other) noexcept;
  ~Timer() { reset(); }
  void reset();
  explicit operator bool() const { return loop_ != nullptr; }

 private:
  friend Loop;
  Timer(Loop* loop, std::uint64_t key, Clock::time_point at) : loop_(loop), key_(key), at_(at) {}
  Loop* loop_ = nullptr;
  std::uint64_t key_ = 0;
  Clock::time_point at_;
};

class Loop {
 public:
  using Handler = std::function<void(std::uint32_t events)>;
  using Action = std::function<void()>;

  static Result<std::unique_ptr<Loop>> create();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Level-triggered. EPOLLERR and EPOLLHUP come unasked.
  Result<Watch> watch(const sys::Fd& fd, std::uint32_t events, Handler handler);
  // Runs `action` once, at `at` or as soon after as the loop is free.
  Timer at(Clock::time_point at, Action action);
  Timer after(std::chrono::milliseconds delay, Action action) {
    return this->at(Clock::now() + delay, std::move(action));
  }
  // Runs `action` after the handlers of the current turn.
  void defer(Action action) { deferred_.push_back(std::move(action)); }

  // Handles events until stop(). Fails only if epoll itself does.
  Result<> run();
  void stop() { stopped_ = true; }
  // One turn; waits at most `limit` for something to happen.
  Result<> run_once(std::chrono::milliseconds limit);

 private:
  friend Watch;
  friend Timer;
  struct Entry {
    int fd = -1;
    std::uint32_t events = 0;
    bool registered = false;  // false while suspended
    std::shared_ptr<Handler> handler;  // shared: it may remove its own entry while it runs
  };
  explicit Loop(sys::Fd epoll) : epoll_(std::move(epoll)) {}
  void remove(std::uint64_t key);
  void set_events(std::uint64_t key, std::uint32_t events);
  void suspend(std::uint64_t key);
  void run_deferred();
  void run_due_timers();
  [[nodiscard]] int timeout_ms(std::chrono::milliseconds limit) const;

  sys::Fd epoll_;
  std::uint64_t next_key_ = 1;
  std::unordered_map<std::uint64_t, Entry> entries_;
  std::map<std::pair<Clock::time_point, std::uint64_t>, Action> timers_;
  std::vector<Action> deferred_;
  bool stopped_ = false;
};

}  // namespace wherry::io
