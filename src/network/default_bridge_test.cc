#include "network/default_bridge.h"

#include <gtest/gtest.h>

#include "network/plan.h"

namespace wherry::network {
namespace {

std::string refusal(const DefaultBridge& settings, unsigned mtu = 1500) {
  const auto checked = check_default_bridge(settings, mtu);
  return checked ? "accepted" : checked.error().message();
}

Result<Description> settled(const DefaultBridge& settings, DefaultSurroundings surroundings = {}) {
  Description network;
  network.subnet = "10.9.0.0/16";
  network.gateway = "10.9.0.1";
  surroundings.seed = "engine";
  TRY(settle_default_bridge(settings, surroundings, network));
  return network;
}

TEST(DefaultBridge, what_cannot_be_is_refused_with_dockers_words) {
  EXPECT_EQ(refusal({}), "accepted");
  EXPECT_EQ(refusal({.fixed_cidr = "nonsense"}),
            "Error initializing network controller: parse fixed-cidr failed: invalid CIDR address: "
            "nonsense");
  EXPECT_EQ(refusal({.fixed_cidr6 = "nonsense"}),
            "invalid fixed-cidr-v6: invalid fixed-cidr-v6: netip.ParsePrefix(\"nonsense\"): no '/'");
  EXPECT_EQ(refusal({.fixed_cidr6 = "10.0.0.0/8"}),
            "invalid fixed-cidr-v6: invalid fixed-cidr-v6: '10.0.0.0/8' is not a valid IPv6 subnet");
  EXPECT_EQ(refusal({.gateway = "nonsense"}), "invalid IP address: nonsense");
  EXPECT_EQ(refusal({.gateway6 = "10.0.0.1"}), "invalid IP address: 10.0.0.1");
  EXPECT_EQ(refusal({.host_binding = "nonsense"}), "invalid IP address: nonsense");
  EXPECT_EQ(refusal({.bip6 = "fd00::1"}), "invalid bip6: invalid CIDR address: fd00::1");
}

TEST(DefaultBridge, what_docker_takes_and_cannot_work_is_refused_too) {
  EXPECT_NE(refusal({.bip = "10.9.0.1/16", .fixed_cidr = "10.8.0.0/24"}), "accepted");
  EXPECT_NE(refusal({.fixed_cidr = "10.8.0.0/31"}), "accepted");
  EXPECT_NE(refusal({.fixed_cidr6 = "fd00::/127"}), "accepted");
  EXPECT_NE(refusal({.ipv6 = true}, 1200), "accepted");
  EXPECT_EQ(refusal({}, 1200), "accepted");
}

TEST(DefaultBridge, fixed_cidr_alone_is_the_subnet_and_with_bip_a_part_of_it) {
  EXPECT_EQ(wanted_bip({.fixed_cidr = "10.7.5.9/24"}), "10.7.5.1/24");
  EXPECT_EQ(wanted_bip({.bip = "10.9.0.1/16", .fixed_cidr = "10.9.5.0/24"}), "10.9.0.1/16");
  const auto network = settled({.bip = "10.9.0.1/16", .fixed_cidr = "10.9.5.0/24"});
  ASSERT_TRUE(network);
  EXPECT_EQ(network->ip_range, "10.9.5.0/24");
  EXPECT_TRUE(network->gateway_shown);
  EXPECT_FALSE(settled({.fixed_cidr = "10.9.0.0/16"})->gateway_shown);
}

TEST(DefaultBridge, another_gateway_is_an_auxiliary_address_and_the_containers_route) {
  const auto network = settled({.gateway = "10.9.0.254"});
  ASSERT_TRUE(network);
  EXPECT_EQ(network->auxiliary_addresses.at("DefaultGatewayIPv4"), "10.9.0.254");
  const auto addresses = addressing(*network);
  ASSERT_TRUE(addresses);
  EXPECT_EQ(addresses->gateway.str(), "10.9.0.1");
  EXPECT_EQ(addresses->container_gateway.str(), "10.9.0.254");
  EXPECT_EQ(settled({.gateway = "10.8.0.254"}).error().message(),
            "Error initializing network controller: error creating default \"bridge\" network: "
            "auxiliary address: (DefaultGatewayIPv4:10.8.0.254) must belong to the master pool: "
            "10.9.0.0/16");
}

TEST(DefaultBridge, ipv6_is_off_unless_it_is_asked_for) {
  EXPECT_EQ(settled({.fixed_cidr6 = "2001:db8:1::/64"})->subnet6, "");
}

TEST(DefaultBridge, ipv6_takes_what_it_is_told) {
  const auto fixed = settled({.fixed_cidr6 = "2001:db8:1::5/64", .ipv6 = true});
  ASSERT_TRUE(fixed) << fixed.error().message();
  EXPECT_EQ(fixed->subnet6, "2001:db8:1::/64");
  EXPECT_EQ(fixed->ip_range6, "2001:db8:1::/64");
  EXPECT_EQ(fixed->gateway6, "2001:db8:1::1");
  EXPECT_FALSE(fixed->gateway6_shown);
  const auto told = settled({.bip6 = "fd00:1::5/64", .fixed_cidr6 = "fd00:1::/80",
                             .gateway6 = "fd00:1::99", .ipv6 = true});
  ASSERT_TRUE(told) << told.error().message();
  EXPECT_EQ(told->subnet6, "fd00:1::/64");
  EXPECT_EQ(told->ip_range6, "fd00:1::/80");
  EXPECT_EQ(told->gateway6, "fd00:1::5");
  EXPECT_TRUE(told->gateway6_shown);
  EXPECT_EQ((*addressing6(*told))->container_gateway.str(), "fd00:1::99");
  EXPECT_FALSE(settled({.bip6 = "fd00:1::5/64", .gateway6 = "fd00:2::99", .ipv6 = true}));
}

TEST(DefaultBridge, without_a_word_it_keeps_what_the_bridge_has_unless_that_is_taken) {
  const auto first = settled({.ipv6 = true});
  ASSERT_TRUE(first);
  EXPECT_TRUE(first->gateway6_shown);
  const DefaultSurroundings taken{.subnets6 = {first->subnet6}};
  EXPECT_NE(settled({.ipv6 = true}, taken)->subnet6, first->subnet6);
  const auto present = parse_cidr6("fd77::1/64");
  EXPECT_EQ(settled({.ipv6 = true}, {.present = present})->subnet6, "fd77::/64");
  EXPECT_EQ(settled({.ipv6 = true}, {.subnets6 = {"fd77::/64"}, .present = present})->subnet6,
            first->subnet6);
}

}  // namespace
}  // namespace wherry::network
