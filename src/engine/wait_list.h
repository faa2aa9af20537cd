// Who waits for a container to end or to be gone: callbacks, each called once.
#pragma once

#include <cstdint>
#include <map>
#include <memory>

#include "engine/requests.h"

namespace wherry::engine {

class WaitList {
 public:
  WaitList();
  ~WaitList();
  WaitList(const WaitList&) = delete;
  WaitList& operator=(const WaitList&) = delete;

  // Registers; see Subscription for what its end promises.
  SubscriptionPtr add(WaitCondition condition, WaitDone done);
  // The container's process ended: answers NotRunning and NextExit.
  void notify_stopped(const WaitResult& result);
  // The container is gone: answers everybody who is left.
  void notify_removed(const WaitResult& result);

 private:
  struct Shared;
  class Registration;
  static void notify(Shared& shared, const WaitResult& result, bool removed);
  std::shared_ptr<Shared> shared_;
};

}  // namespace wherry::engine
