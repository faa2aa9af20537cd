#include "engine/events.h"

#include <gtest/gtest.h>

#include <thread>

namespace wherry::engine {
namespace {

using spec::docker::EventMessage;

EventMessage message(const std::string& action, std::int64_t nanoseconds,
                     std::map<std::string, std::string> attributes = {}) {
  EventMessage event;
  event.type = "container";
  event.action = action;
  event.actor = {.id = "c1", .attributes = std::move(attributes)};
  event.time_nano = nanoseconds;
  return event;
}

Instant at(std::int64_t nanoseconds) { return Instant(std::chrono::nanoseconds(nanoseconds)); }

std::vector<std::string> collect(Events& events, const EventsOptions& options, int* ended = nullptr) {
  std::vector<std::string> actions;
  auto subscription = events.subscribe(
      options, [&](const EventMessage& event) { actions.push_back(event.action); },
      [&] {
        if (ended != nullptr) ++*ended;
      });
  EXPECT_TRUE(subscription);
  return actions;
}

TEST(Events, subscribers_see_what_comes_in_the_order_of_publishing) {
  Events events;
  std::vector<std::string> actions;
  auto subscription =
      events.subscribe({}, [&](const EventMessage& event) { actions.push_back(event.action); }, {});
  ASSERT_TRUE(subscription);
  events.publish("container", "create", {.id = "a", .attributes = {}});
  events.publish("container", "start", {.id = "a", .attributes = {}});
  EXPECT_EQ(actions, (std::vector<std::string>{"create", "start"}));
}

TEST(Events, the_past_is_replayed_from_since_on_and_not_without) {
  Events events;
  for (int i = 1; i <= 3; ++i) events.publish(message("a" + std::to_string(i), i));
  EXPECT_TRUE(collect(events, {}).empty());
  EXPECT_EQ(collect(events, {.since = at(2)}), (std::vector<std::string>{"a2", "a3"}));
}

TEST(Events, an_until_in_the_past_ends_after_the_replay) {
  Events events;
  for (int i = 1; i <= 3; ++i) events.publish(message("a" + std::to_string(i), i));
  int ended = 0;
  EXPECT_EQ(collect(events, {.since = at(1), .until = at(2)}, &ended),
            (std::vector<std::string>{"a1", "a2"}));
  EXPECT_EQ(ended, 1);
  EXPECT_EQ(events.subscriber_count(), 0U);
}

TEST(Events, the_ring_keeps_the_last_256) {
  Events events;
  for (int i = 1; i <= 300; ++i) events.publish(message(std::to_string(i), i));
  const auto replayed = collect(events, {.since = at(0)});
  ASSERT_EQ(replayed.size(), 256U);
  EXPECT_EQ(replayed.front(), "45");
  EXPECT_EQ(replayed.back(), "300");
}

TEST(Events, container_events_repeat_status_id_and_from_for_old_clients) {
  Events events;
  EventMessage seen;
  auto subscription = events.subscribe({}, [&](const EventMessage& event) { seen = event; }, {});
  events.publish("container", "die", {.id = "abc", .attributes = {{"image", "alpine"}}});
  EXPECT_EQ(seen.status, "die");
  EXPECT_EQ(seen.id, "abc");
  EXPECT_EQ(seen.from, "alpine");
  events.publish("network", "connect", {.id = "n", .attributes = {}});
  EXPECT_TRUE(seen.status.empty());
}

TEST(Events, a_dropped_subscription_hears_nothing_more) {
  Events events;
  int heard = 0;
  auto subscription = events.subscribe({}, [&](const EventMessage&) { ++heard; }, {});
  events.publish(message("a", 1));
  subscription->reset();
  events.publish(message("b", 2));
  EXPECT_EQ(heard, 1);
}

TEST(Events, a_sink_may_drop_its_own_subscription) {
  Events events;
  int heard = 0;
  SubscriptionPtr own;
  auto subscription = events.subscribe({}, [&](const EventMessage&) { ++heard; own.reset(); }, {});
  own = std::move(*subscription);
  events.publish(message("a", 1));
  events.publish(message("b", 2));
  EXPECT_EQ(heard, 1);
}

TEST(Events, nothing_is_lost_or_doubled_between_replay_and_subscription) {
  Events events;
  std::thread publisher([&] {
    for (int i = 1; i <= 200; ++i) events.publish(message(std::to_string(i), i));
  });
  std::vector<std::string> actions;
  auto subscription = events.subscribe(
      {.since = at(0)}, [&](const EventMessage& event) { actions.push_back(event.action); }, {});
  publisher.join();
  ASSERT_EQ(actions.size(), 200U);
  for (int i = 0; i < 200; ++i) EXPECT_EQ(actions[static_cast<std::size_t>(i)], std::to_string(i + 1));
}

TEST(EventFilter, unknown_keys_are_refused) {
  const auto filter = EventFilter::create({{"colour", {"red"}}});
  ASSERT_FALSE(filter);
  EXPECT_EQ(filter.error().message(), "invalid filter 'colour'");
}

TEST(EventFilter, values_are_alternatives_and_keys_add_up) {
  const auto filter = EventFilter::create({{"event", {"start", "die"}}, {"label", {"tier=web"}}}).value();
  EXPECT_TRUE(filter.takes(message("die", 1, {{"tier", "web"}})));
  EXPECT_FALSE(filter.takes(message("die", 1, {{"tier", "db"}})));
  EXPECT_FALSE(filter.takes(message("create", 1, {{"tier", "web"}})));
}

TEST(EventFilter, an_action_with_a_detail_is_matched_by_its_first_word) {
  const auto filter = EventFilter::create({{"event", {"exec_create"}}}).value();
  EXPECT_TRUE(filter.takes(message("exec_create: sh -c x", 1)));
  EXPECT_FALSE(filter.takes(message("exec_start: sh -c x", 1)));
}

TEST(EventFilter, containers_are_named_by_id_prefix_or_name_and_images_with_or_without_tag) {
  const auto by_id = EventFilter::create({{"container", {"c"}}}).value();
  const auto by_name = EventFilter::create({{"container", {"web"}}}).value();
  const auto by_image = EventFilter::create({{"image", {"alpine"}}}).value();
  const EventMessage event = message("die", 1, {{"name", "web"}, {"image", "alpine:3.19"}});
  EXPECT_TRUE(by_id.takes(event));
  EXPECT_TRUE(by_name.takes(event));
  EXPECT_TRUE(by_image.takes(event));
  EXPECT_FALSE(by_name.takes(message("die", 1, {{"name", "db"}})));
}

}  // namespace
}  // namespace wherry::engine
