#include "engine/wait_list.h"

#include <mutex>
#include <utility>
#include <vector>

namespace wherry::engine {

// Callbacks run under the mutex, so that a Registration's destructor waits for its own; it is
// recursive because a callback may destroy its registration.
struct WaitList::Shared {
  struct Waiter {
    WaitCondition condition;
    WaitDone done;
  };
  std::recursive_mutex mutex;
  std::map<std::uint64_t, Waiter> waiters;
  std::uint64_t next_key = 1;
};

class WaitList::Registration final : public Subscription {
 public:
  Registration(std::shared_ptr<Shared> shared, std::uint64_t key)
      : shared_(std::move(shared)), key_(key) {}
  ~Registration() override {
    const std::lock_guard lock(shared_->mutex);
    shared_->waiters.erase(key_);
  }

 private:
  std::shared_ptr<Shared> shared_;
  std::uint64_t key_;
};

WaitList::WaitList() : shared_(std::make_shared<Shared>()) {}
WaitList::~WaitList() = default;

SubscriptionPtr WaitList::add(WaitCondition condition, WaitDone done) {
  const std::lock_guard lock(shared_->mutex);
  const std::uint64_t key = shared_->next_key++;
  shared_->waiters.emplace(key, Shared::Waiter{condition, std::move(done)});
  return std::make_unique<Registration>(shared_, key);
}

void WaitList::notify(Shared& shared, const WaitResult& result, bool removed) {
  const std::lock_guard lock(shared.mutex);
  std::vector<std::uint64_t> due;
  for (const auto& [key, waiter] : shared.waiters)
    if (removed || waiter.condition != WaitCondition::Removed) due.push_back(key);
  for (const std::uint64_t key : due) {
    const auto found = shared.waiters.find(key);
    if (found == shared.waiters.end()) continue;  // dropped by an earlier callback
    const WaitDone done = std::move(found->second.done);
    shared.waiters.erase(found);
    done(result);
  }
}

void WaitList::notify_stopped(const WaitResult& result) {
  // Keeps the list alive while its callbacks run: one of them may drop the container.
  const auto shared = shared_;
  notify(*shared, result, false);
}

void WaitList::notify_removed(const WaitResult& result) {
  const auto shared = shared_;
  notify(*shared, result, true);
}

}  // namespace wherry::engine
