#include "io/loop.h"

#include <sys/epoll.h>

#include <array>
#include <cerrno>
#include <utility>

#include "base/check.h"

namespace wherry::io {

using std::chrono::milliseconds;

Watch::Watch(Watch&& other) noexcept
    : loop_(std::exchange(other.loop_, nullptr)), key_(other.key_) {}

Watch& Watch::operator=(Watch&& other) noexcept {
  if (this != &other) {
    reset();
    loop_ = std::exchange(other.loop_, nullptr);
    key_ = other.key_;
  }
  return *this;
}

void Watch::reset() {
  if (loop_ != nullptr) std::exchange(loop_, nullptr)->remove(key_);
}

void Watch::set_events(std::uint32_t events) {
  if (loop_ != nullptr) loop_->set_events(key_, events);
}

void Watch::suspend() {
  if (loop_ != nullptr) loop_->suspend(key_);
}

Timer::Timer(Timer&& other) noexcept
    : loop_(std::exchange(other.loop_, nullptr)), key_(other.key_), at_(other.at_) {}

Timer& Timer::operator=(Timer&& other) noexcept {
  if (this != &other) {
    reset();
    loop_ = std::exchange(other.loop_, nullptr);
    key_ = other.key_;
    at_ = other.at_;
  }
  return *this;
}

void Timer::reset() {
  if (loop_ != nullptr) std::exchange(loop_, nullptr)->timers_.erase({at_, key_});
}

Result<std::unique_ptr<Loop>> Loop::create() {
  sys::Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return Error::from_errno(errno, "epoll_create1");
  return std::unique_ptr<Loop>(new Loop(std::move(epoll)));
}

Result<Watch> Loop::watch(const sys::Fd& fd, std::uint32_t events, Handler handler) {
  const std::uint64_t key = next_key_++;
  epoll_event event{};
  event.events = events;
  event.data.u64 = key;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd.get(), &event) < 0)
    return Error::from_errno(errno, "epoll_ctl");
  entries_.emplace(key,
                   Entry{fd.get(), events, true, std::make_shared<Handler>(std::move(handler))});
  return Watch(this, key);
}

Timer Loop::at(Clock::time_point at, Action action) {
  const std::uint64_t key = next_key_++;
  timers_.emplace(std::pair(at, key), std::move(action));
  return {this, key, at};
}

void Loop::remove(std::uint64_t key) {
  const auto found = entries_.find(key);
  CHECK(found != entries_.end());
  if (found->second.registered)
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, found->second.fd, nullptr);
  entries_.erase(found);
}

void Loop::set_events(std::uint64_t key, std::uint32_t events) {
  Entry& entry = entries_.at(key);
  if (entry.registered && entry.events == events) return;
  epoll_event event{};
  event.events = events;
  event.data.u64 = key;
  const int operation = entry.registered ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
  // The descriptor was accepted before, so only a lack of kernel memory can fail here.
  CHECK(::epoll_ctl(epoll_.get(), operation, entry.fd, &event) == 0);
  entry.events = events;
  entry.registered = true;
}

void Loop::suspend(std::uint64_t key) {
  Entry& entry = entries_.at(key);
  if (!entry.registered) return;
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, entry.fd, nullptr);
  entry.registered = false;
}

int Loop::timeout_ms(milliseconds limit) const {
  if (!deferred_.empty()) return 0;
  if (timers_.empty()) return static_cast<int>(limit.count());
  const auto left = std::chrono::ceil<milliseconds>(timers_.begin()->first.first - Clock::now());
  const auto wait = std::max(left, milliseconds(0));
  return static_cast<int>((limit.count() < 0 ? wait : std::min(wait, limit)).count());
}

void Loop::run_due_timers() {
  const auto now = Clock::now();
  while (!timers_.empty() && timers_.begin()->first.first <= now) {
    const auto due = timers_.extract(timers_.begin());
    due.mapped()();
  }
}

void Loop::run_deferred() {
  // Actions deferred meanwhile run in the next turn, so that they cannot starve the rest.
  for (auto& action : std::exchange(deferred_, {})) action();
}

Result<> Loop::run_once(milliseconds limit) {
  std::array<epoll_event, 64> ready;
  const int count =
      ::epoll_wait(epoll_.get(), ready.data(), static_cast<int>(ready.size()), timeout_ms(limit));
  if (count < 0 && errno != EINTR) return Error::from_errno(errno, "epoll_wait");
  for (int i = 0; i < count; ++i) {
    // An earlier handler of this turn may have removed the entry.
    const auto found = entries_.find(ready[static_cast<std::size_t>(i)].data.u64);
    if (found == entries_.end()) continue;
    const std::shared_ptr<Handler> handler = found->second.handler;
    (*handler)(ready[static_cast<std::size_t>(i)].events);
  }
  run_due_timers();
  run_deferred();
  return {};
}

Result<> Loop::run() {
  stopped_ = false;
  while (!stopped_) TRY(run_once(milliseconds(-1)));
  return {};
}

}  // namespace wherry::io
