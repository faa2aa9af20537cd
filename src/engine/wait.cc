#include <memory>
#include <utility>

#include "engine/lifecycle.h"

namespace wherry::engine {

Result<SubscriptionPtr> wait_container(Container& container, WaitCondition condition, WaitDone done) {
  // Registered first, then judged: an end in between calls `done` by the list, so the answer
  // is given by whoever of the two comes first, and only once.
  const auto answered = std::make_shared<std::atomic<bool>>(false);
  const auto once = [answered, done = std::move(done)](const WaitResult& result) {
    if (!answered->exchange(true)) done(result);
  };
  SubscriptionPtr subscription = container.waiters.add(condition, once);
  State state;
  bool removed = false;
  {
    const auto details = container.details.lock();
    state = details->state;
    removed = details->removed;
  }
  const bool not_running = condition == WaitCondition::NotRunning && !state.counts_as_running();
  if (removed || not_running) once({.status_code = state.exit_code, .error = std::nullopt});
  return subscription;
}

}  // namespace wherry::engine
