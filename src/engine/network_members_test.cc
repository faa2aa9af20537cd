#include "engine/network_members.h"

#include <gtest/gtest.h>

#include "engine/time_bound.h"

namespace wherry::engine {
namespace {

struct Heard : NetworkListener {
  explicit Heard(std::vector<std::string>& lines) : lines_(lines) {}
  void joined(const NetworkMember& member, const sys::Fd& /*netns*/) override {
    lines_.push_back("joined " + member.names.front());
  }
  void left(const NetworkMember& member) override { lines_.push_back("left " + member.names.front()); }
  void renamed(const NetworkMember& member) override {
    lines_.push_back("renamed " + member.names.front());
  }
  std::vector<std::string>& lines_;
};

NetworkMember member(const char* container, const char* network) {
  return {.container = ContainerId(container),
          .network = NetworkId(network),
          .network_name = network,
          .names = {container, "alias"},
          .ip = "10.0.0.2",
          .mac = ""};
}

TEST(NetworkMembers, are_found_by_network_and_by_container) {
  NetworkMembers members;
  members.join(member("c1", "n1"), {});
  members.join(member("c1", "n2"), {});
  members.join(member("c2", "n1"), {});
  EXPECT_EQ(members.on(NetworkId("n1")).size(), 2U);
  EXPECT_EQ(members.of(ContainerId("c1")).size(), 2U);
  members.leave(ContainerId("c1"), NetworkId("n1"));
  EXPECT_EQ(members.on(NetworkId("n1")).size(), 1U);
  members.leave_all(ContainerId("c1"));
  EXPECT_TRUE(members.of(ContainerId("c1")).empty());
}

TEST(NetworkMembers, the_listener_hears_of_every_change_once) {
  std::vector<std::string> lines;
  NetworkMembers members;
  members.set_listener(std::make_unique<Heard>(lines));
  members.join(member("c1", "n1"), {});
  members.rename(ContainerId("c1"), "c1", "web");
  members.leave_all(ContainerId("c1"));
  members.leave_all(ContainerId("c1"));
  EXPECT_EQ(lines, (std::vector<std::string>{"joined c1", "renamed web", "left web"}));
}

TEST(UntilFilter, takes_seconds_dates_and_durations) {
  const Instant now(std::chrono::seconds(100'000));
  const auto until = [&](const std::string& text) { return until_filter({{"until", {text}}}, now); };
  EXPECT_EQ(**until("5"), Instant(std::chrono::seconds(5)));
  EXPECT_EQ(**until("1h30m"), now - std::chrono::seconds(5400));
  EXPECT_EQ(**until("1970-01-01T00:00:07Z"), Instant(std::chrono::seconds(7)));
  EXPECT_EQ(**until("1.5h"), now - std::chrono::seconds(5400));
  EXPECT_EQ(**until("30m1h"), now - std::chrono::seconds(5400));
  EXPECT_FALSE(until("soon"));
  EXPECT_FALSE(until("1h30"));
  EXPECT_FALSE(until("1000000000h"));
  EXPECT_FALSE(until_filter({{"until", {"1h", "2h"}}}, now));
  EXPECT_FALSE(*until_filter({}, now));
}

}  // namespace
}  // namespace wherry::engine
