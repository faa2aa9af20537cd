#include "engine/events.h"

#include <algorithm>
#include <utility>

#include "base/time.h"

namespace wherry::engine {
namespace {

using spec::docker::EventMessage;
constexpr std::size_t kRingSize = 256;

Instant instant_of(const EventMessage& event) {
  return Instant(std::chrono::nanoseconds(event.time_nano));
}

// The members that docker repeats for clients of API < 1.52.
void fill_classic_members(EventMessage& event) {
  if (event.type != "container" && event.type != "image") return;
  event.status = event.action;
  event.id = event.actor.id;
  if (event.type != "container") return;
  const auto image = event.actor.attributes.find("image");
  if (image != event.actor.attributes.end()) event.from = image->second;
}

}  // namespace

struct Events::Listener {
  EventFilter filter;
  std::optional<Instant> until;
  EventSink sink;
};

// One mutex orders publishing and subscribing; sinks run under it, which is why they must not
// block and what makes a Registration's end final. It is recursive so that a sink may drop
// its own registration.
struct Events::Shared {
  std::recursive_mutex mutex;
  std::deque<EventMessage> ring;
  std::map<std::uint64_t, std::shared_ptr<Listener>> listeners;
  std::uint64_t next_listener = 1;
};

class Events::Registration final : public Subscription {
 public:
  Registration(std::shared_ptr<Shared> shared, std::uint64_t key)
      : shared_(std::move(shared)), key_(key) {}
  ~Registration() override {
    const std::lock_guard lock(shared_->mutex);
    shared_->listeners.erase(key_);
  }

 private:
  std::shared_ptr<Shared> shared_;
  std::uint64_t key_;
};

Events::Events() : shared_(std::make_shared<Shared>()) {}
Events::~Events() = default;

void Events::publish(std::string type, std::string action, spec::docker::EventActor actor) {
  EventMessage event;
  event.type = std::move(type);
  event.action = std::move(action);
  event.actor = std::move(actor);
  publish(std::move(event));
}

void Events::publish(EventMessage event) {
  fill_classic_members(event);
  const std::lock_guard lock(shared_->mutex);
  if (event.time_nano == 0) {
    const Instant time = now();
    event.time = to_unix_seconds(time);
    event.time_nano = to_unix_nanos(time);
  }
  shared_->ring.push_back(event);
  if (shared_->ring.size() > kRingSize) shared_->ring.pop_front();
  // A sink may drop registrations while we go through them.
  std::vector<std::uint64_t> keys;
  for (const auto& [key, listener] : shared_->listeners) keys.push_back(key);
  for (const std::uint64_t key : keys) {
    const auto found = shared_->listeners.find(key);
    if (found == shared_->listeners.end()) continue;
    const std::shared_ptr<Listener> listener = found->second;
    const bool late = listener->until && instant_of(event) > *listener->until;
    if (!late && listener->filter.takes(event)) listener->sink(event);
  }
}

Result<SubscriptionPtr> Events::subscribe(const EventsOptions& options, EventSink sink,
                                          const std::function<void()>& done) {
  if (options.since && options.until && *options.until < *options.since)
    return Error::invalid("`since` time cannot be after `until` time");
  EventFilter filter = TRY(EventFilter::create(options.filters));
  const std::lock_guard lock(shared_->mutex);
  const std::uint64_t key = shared_->next_listener++;
  auto registration = std::make_unique<Registration>(shared_, key);
  for (const EventMessage& event : shared_->ring) {
    // Without `since` the past is replayed only for the sake of `until`.
    if (!options.since && !options.until) break;
    if (options.since && instant_of(event) < *options.since) continue;
    if (options.until && instant_of(event) > *options.until) continue;
    if (filter.takes(event)) sink(event);
  }
  if (options.until && *options.until <= now()) {
    if (done) done();
    return registration;
  }
  shared_->listeners.emplace(
      key, std::make_shared<Listener>(Listener{std::move(filter), options.until, std::move(sink)}));
  return registration;
}

std::size_t Events::subscriber_count() {
  const std::lock_guard lock(shared_->mutex);
  return shared_->listeners.size();
}

}  // namespace wherry::engine
