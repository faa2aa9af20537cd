#include "network/pool.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "network/bridge.h"
#include "network/sandbox.h"

namespace wherry::network {
namespace {

using namespace std::chrono_literals;

constexpr auto kTakeTimeout = 10s;
// A target that load has raised falls back after a quiet period.
constexpr auto kQuietPeriod = 5s;
constexpr unsigned kMaximumTarget = 64;
// While the stock lasts the maker keeps out of the way of the container that is starting.
constexpr auto kSettleTime = 10ms;
// Used namespaces end when nothing was taken for this long, or when so many wait.
constexpr auto kBurialQuiet = 100ms;
constexpr std::size_t kBurialBatch = 16;

}  // namespace

SandboxPool::SandboxPool(Options options) : options_(std::move(options)) {
  bridge_.target = options_.bridge ? options_.target : 0;
  none_.target = (options_.target + 1) / 2;
  maker_ = std::thread([this] { run(); });
}

SandboxPool::~SandboxPool() {
  {
    const std::scoped_lock lock(mutex_);
    stop_ = true;
  }
  wanted_.notify_all();
  maker_.join();
}

Result<ReadySandbox> SandboxPool::take(Mode mode) {
  std::unique_lock lock(mutex_);
  last_take_ = std::chrono::steady_clock::now();
  Shelf& from = shelf(mode);
  if (from.ready.empty()) {
    ++waited_count_;
    from.target = std::min(from.target * 2 + 1, kMaximumTarget);
    ++from.waiters;
    wanted_.notify_one();
    const std::uint64_t failures = from.failures;
    const bool in_time = made_.wait_for(
        lock, kTakeTimeout, [&] { return !from.ready.empty() || from.failures != failures; });
    --from.waiters;
    if (!in_time) return Error(ErrorKind::Deadline, "no network namespace within 10 seconds");
    if (from.ready.empty()) return Error(*from.last_error);
  }
  ReadySandbox sandbox = std::move(from.ready.front());
  from.ready.pop_front();
  return sandbox;
}

void SandboxPool::refill() {
  wanted_.notify_one();
}

void SandboxPool::bury(sys::Fd netns) {
  const std::scoped_lock lock(mutex_);
  graveyard_.push_back(std::move(netns));
  wanted_.notify_one();
}

PoolCounts SandboxPool::counts() {
  const std::scoped_lock lock(mutex_);
  return {bridge_.ready.size(), none_.ready.size(), made_count_, waited_count_};
}

std::optional<Mode> SandboxPool::next_to_make() const {
  const auto missing = [](const Shelf& kept) {
    const std::size_t wanted = std::max<std::size_t>(kept.target, kept.waiters);
    // After a failure only somebody who waits is worth another attempt.
    const bool failing = kept.last_error && kept.waiters == 0;
    return failing || kept.ready.size() >= wanted ? 0 : wanted - kept.ready.size();
  };
  const std::size_t for_bridge = missing(bridge_);
  const std::size_t for_none = missing(none_);
  if (for_bridge == 0 && for_none == 0) return std::nullopt;
  return for_bridge >= for_none ? Mode::Bridge : Mode::None;
}

// Half of the stock is gone, or somebody waits.
bool SandboxPool::low() const {
  const auto is_low = [](const Shelf& kept) {
    return kept.waiters > 0 || kept.ready.size() * 2 < kept.target;
  };
  return is_low(bridge_) || is_low(none_);
}

void SandboxPool::settle(std::unique_lock<std::mutex>& lock) {
  if (!filling_) wanted_.wait_for(lock, kSettleTime, [&] { return stop_ || low(); });
  filling_ = true;
}

void SandboxPool::make_one(std::unique_lock<std::mutex>& lock, Result<SandboxMaker>& maker,
                           Mode mode) {
  lock.unlock();
  auto sandbox = maker ? maker->make(mode, {options_.veth_prefix, options_.mtu})
                       : Result<ReadySandbox>(std::unexpected(maker.error()));
  lock.lock();
  Shelf& to = shelf(mode);
  if (sandbox) {
    ++made_count_;
    to.last_error.reset();
    to.ready.push_back(std::move(*sandbox));
  } else {
    ++to.failures;
    to.last_error = explain(std::move(sandbox).error(), "network namespaces");
  }
  made_.notify_all();
}

void SandboxPool::shrink_when_idle(std::unique_lock<std::mutex>& lock) {
  std::deque<ReadySandbox> surplus;
  for (auto [kept, least] : {std::pair{&bridge_, options_.bridge ? options_.target : 0},
                             std::pair{&none_, (options_.target + 1) / 2}}) {
    kept->target = least;
    while (kept->ready.size() > kept->target) {
      surplus.push_back(std::move(kept->ready.back()));
      kept->ready.pop_back();
    }
  }
  lock.unlock();
  surplus.clear();
  lock.lock();
}

void SandboxPool::end_buried(std::unique_lock<std::mutex>& lock) {
  std::vector<sys::Fd> ending = std::exchange(graveyard_, {});
  lock.unlock();
  ending.clear();
  lock.lock();
}

void SandboxPool::wait_for_work(std::unique_lock<std::mutex>& lock) {
  const auto something_to_do = [&] {
    return stop_ || graveyard_.size() >= kBurialBatch || next_to_make().has_value();
  };
  const bool raised = bridge_.target > (options_.bridge ? options_.target : 0) ||
                      none_.target > (options_.target + 1) / 2;
  if (!graveyard_.empty()) {
    const bool disturbed = wanted_.wait_until(lock, last_take_ + kBurialQuiet, something_to_do);
    if (!disturbed || graveyard_.size() >= kBurialBatch) end_buried(lock);
  } else if (raised) {
    if (!wanted_.wait_for(lock, kQuietPeriod, something_to_do)) shrink_when_idle(lock);
  } else {
    wanted_.wait(lock, [&] { return something_to_do() || !graveyard_.empty(); });
  }
}

void SandboxPool::run() {
  // Its home is the namespace of the thread that built the pool.
  auto maker = SandboxMaker::create();
  std::unique_lock lock(mutex_);
  while (!stop_) {
    if (graveyard_.size() >= kBurialBatch) end_buried(lock);
    if (!next_to_make()) {
      filling_ = false;
      wait_for_work(lock);
      continue;
    }
    settle(lock);
    const auto mode = next_to_make();
    if (mode && !stop_) make_one(lock, maker, *mode);
  }
}

}  // namespace wherry::network
