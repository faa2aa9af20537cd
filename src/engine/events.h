// Events: what happened, in one order for everybody. The last 256 are kept for `since`.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/event_filter.h"
#include "engine/requests.h"

namespace wherry::engine {

class Events {
 public:
  Events();
  ~Events();
  Events(const Events&) = delete;
  Events& operator=(const Events&) = delete;

  // Stamps the time and gives the event to every subscriber whose filter takes it, in the
  // order of the calls. Callers may hold their container's lock.
  void publish(std::string type, std::string action, spec::docker::EventActor actor);
  // With the whole message stamped by the caller (tests, replay).
  void publish(spec::docker::EventMessage event);

  // First what the ring has since options.since, then what comes, without a gap or a double
  // between the two. `done` is called once if options.until lies in the past: after the replay.
  Result<SubscriptionPtr> subscribe(const EventsOptions& options, EventSink sink,
                                    const std::function<void()>& done);

  [[nodiscard]] std::size_t subscriber_count();

 private:
  struct Listener;
  class Registration;
  struct Shared;
  std::shared_ptr<Shared> shared_;
};

}  // namespace wherry::engine
