#include "network/macvlan.h"

#include <gtest/gtest.h>
#include <linux/if_link.h>

#include "network/network.h"

namespace wherry::network {
namespace {

std::string refusal(const std::map<std::string, std::string>& options) {
  const auto settings = macvlan_settings(options);
  return settings ? "accepted" : settings.error().message();
}

TEST(MacvlanSettings, modes_are_the_kernels_and_bridge_is_the_default) {
  EXPECT_EQ(macvlan_settings({})->mode, MACVLAN_MODE_BRIDGE);
  EXPECT_EQ(macvlan_settings({{"macvlan_mode", "private"}})->mode, MACVLAN_MODE_PRIVATE);
  EXPECT_EQ(macvlan_settings({{"macvlan_mode", "vepa"}})->mode, MACVLAN_MODE_VEPA);
  EXPECT_EQ(macvlan_settings({{"macvlan_mode", "passthru"}})->mode, MACVLAN_MODE_PASSTHRU);
}

TEST(MacvlanSettings, what_cannot_be_is_refused) {
  EXPECT_EQ(refusal({{"parent", "eth0.10"}, {"com.docker.network.driver.mtu", "1400"}, {"note", "x"}}),
            "accepted");
  EXPECT_EQ(refusal({{"parent", "lo"}}), "loopback interface is not a valid macvlan parent link");
  EXPECT_EQ(refusal({{"macvlan_mode", "x"}}),
            "requested macvlan mode 'x' is not valid, 'bridge' mode is the macvlan driver default");
  for (const char* name : {"..", ".", "a/b", "a b", "sixteencharacter", "tab\t"})
    EXPECT_NE(refusal({{"parent", name}}), "accepted") << name;
  for (const char* mtu : {"", "67", "65536", "x", "-1"})
    EXPECT_NE(refusal({{"com.docker.network.driver.mtu", mtu}}), "accepted") << mtu;
  EXPECT_NE(refusal({{"com.docker.network.bridge.name", "x"}}).find("not available"), std::string::npos);
}

TEST(MacvlanSettings, without_a_parent_the_interface_is_ours_and_named_after_the_network) {
  Description network;
  network.id = NetworkId("0123456789abcdef");
  network.driver = "macvlan";
  EXPECT_TRUE(is_macvlan(network));
  EXPECT_EQ(parent_of(network, {}), "dm-0123456789ab");
  EXPECT_EQ(parent_of(network, {.parent = "eth0"}), "eth0");
}

}  // namespace
}  // namespace wherry::network
