#include "engine/ended_cgroups.h"

#include <algorithm>
#include <chrono>

#include "base/log.h"
#include "sys/priority.h"

namespace wherry::engine {
namespace {

constexpr int kRemove_ms = 5'000;
// Nothing has ended for so long: nothing is likely to start right now.
constexpr auto kQuiet = std::chrono::milliseconds(50);
// More than these are removed whatever happens.
constexpr std::size_t kMostPending = 256;

}  // namespace

EndedCgroups::EndedCgroups() : thread_([this] { run(); }) {}

EndedCgroups::~EndedCgroups() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

void EndedCgroups::remove_later(sys::Cgroup cgroup) {
  const std::lock_guard lock(mutex_);
  pending_.push_back(std::move(cgroup));
  changed_.notify_all();
}

bool EndedCgroups::is_pending(const std::string& path) const {
  return std::ranges::find(in_removal_, path) != in_removal_.end() ||
         std::ranges::find(pending_, path, &sys::Cgroup::path) != pending_.end();
}

void EndedCgroups::remove(std::unique_lock<std::mutex>& lock, std::deque<sys::Cgroup>::iterator which) {
  const sys::Cgroup cgroup = std::move(*which);
  pending_.erase(which);
  in_removal_.push_back(cgroup.path());
  lock.unlock();
  if (const auto removed = cgroup.remove(kRemove_ms); !removed)
    log::warning("cgroup {}: {}", cgroup.path(), removed.error().message());
  lock.lock();
  in_removal_.erase(std::ranges::find(in_removal_, cgroup.path()));
  changed_.notify_all();
}

void EndedCgroups::remove_now(const std::string& path) {
  std::unique_lock lock(mutex_);
  while (is_pending(path)) {
    const auto waiting = std::ranges::find(pending_, path, &sys::Cgroup::path);
    if (waiting != pending_.end()) remove(lock, waiting);
    else changed_.wait(lock);
  }
}

void EndedCgroups::drain() {
  std::unique_lock lock(mutex_);
  hurry_ = true;
  changed_.notify_all();
  changed_.wait(lock, [&] { return pending_.empty() && in_removal_.empty(); });
  hurry_ = false;
}

void EndedCgroups::run() {
  sys::run_in_background();
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return closing_ || !pending_.empty(); });
    if (pending_.empty()) return;
    const bool waits = !closing_ && !hurry_ && pending_.size() <= kMostPending;
    // Whatever changes meanwhile: quiet is counted anew.
    if (waits && changed_.wait_for(lock, kQuiet) == std::cv_status::no_timeout) continue;
    if (!pending_.empty()) remove(lock, pending_.begin());
  }
}

}  // namespace wherry::engine
