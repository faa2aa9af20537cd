#include "network/plan.h"

#include <gtest/gtest.h>

namespace wherry::network {
namespace {

Result<Description> planned(const NetworkRequest& request,
                            std::span<const Description> networks = {}) {
  return plan(request, {networks, {}});
}

std::string error_of(const NetworkRequest& request, std::span<const Description> networks = {}) {
  const auto network = planned(request, networks);
  return network ? "" : network.error().message();
}

TEST(Plan, a_name_alone_gets_the_first_free_pool_and_its_first_address) {
  const auto network = planned({.name = "n"});
  ASSERT_TRUE(network) << network.error().message();
  EXPECT_EQ(network->subnet, "172.17.0.0/16");
  EXPECT_EQ(network->gateway, "172.17.0.1");
  EXPECT_EQ(network->bridge, "br-" + network->id.short_form());
  EXPECT_TRUE(network->subnet_chosen);
  EXPECT_EQ(network->id.str().size(), 64U);
}

TEST(Plan, pools_that_are_routed_or_taken_are_skipped) {
  const auto first = planned({.name = "a"});
  const std::vector<Description> networks = {*first};
  const std::vector<Subnet> routed = {subnet_of(*parse_ipv4("172.18.4.0"), 24)};
  const auto network = plan({.name = "b"}, {networks, routed});
  ASSERT_TRUE(network);
  EXPECT_EQ(network->subnet, "172.19.0.0/16");
}

TEST(Plan, range_gateway_and_auxiliary_addresses_are_kept) {
  const auto network = planned({.name = "n",
                                .subnet = "10.1.0.0/16",
                                .gateway = "10.1.9.9",
                                .ip_range = "10.1.5.0/24",
                                .auxiliary_addresses = {{"router", "10.1.5.1"}}});
  ASSERT_TRUE(network) << network.error().message();
  EXPECT_EQ(network->gateway, "10.1.9.9");
  EXPECT_FALSE(network->subnet_chosen);
  const auto addresses = addressing(*network);
  ASSERT_TRUE(addresses);
  EXPECT_EQ(addresses->range->str(), "10.1.5.0/24");
  EXPECT_EQ(addresses->auxiliary, std::vector<Ipv4>{*parse_ipv4("10.1.5.1")});
}

TEST(Plan, the_gateway_is_no_auxiliary_address) {
  const auto network = planned(
      {.name = "n", .subnet = "10.1.0.0/24", .auxiliary_addresses = {{"a", "10.1.0.1"}}});
  ASSERT_TRUE(network);
  EXPECT_EQ(network->gateway, "10.1.0.2");
}

TEST(Plan, what_cannot_be_is_refused_in_docker_words) {
  EXPECT_EQ(error_of({.name = "bridge"}), "operation is not permitted on predefined bridge network");
  EXPECT_EQ(error_of({.name = "n", .driver = "host"}),
            "only one instance of \"host\" network is allowed");
  EXPECT_EQ(error_of({.name = "n", .driver = "x"}), "plugin \"x\" not found");
  EXPECT_EQ(error_of({.name = "n", .subnet = "10.0.0.1/24"}),
            "invalid network config:\ninvalid subnet 10.0.0.1/24: it should be 10.0.0.0/24");
  EXPECT_EQ(error_of({.name = "n", .subnet = "nonsense"}),
            "invalid network config:\ninvalid subnet nonsense: invalid CIDR block notation");
  EXPECT_EQ(error_of({.name = "n", .subnet = "10.0.0.0/24", .gateway = "10.0.1.1"}),
            "invalid network config:\ninvalid gateway 10.0.1.1: parent subnet 10.0.0.0/24 doesn't "
            "contain this address");
  EXPECT_EQ(error_of({.name = "n", .subnet = "10.0.0.0/24", .ip_range = "10.1.0.0/25"}),
            "invalid network config:\ninvalid ip-range 10.1.0.0/25: parent subnet 10.0.0.0/24 "
            "doesn't contain ip-range");
}

TEST(Plan, names_and_subnets_are_given_once) {
  const std::vector<Description> networks = {*planned({.name = "a", .subnet = "10.0.0.0/24"})};
  EXPECT_EQ(error_of({.name = "a"}, networks), "network with name a already exists");
  EXPECT_EQ(error_of({.name = "b", .subnet = "10.0.0.0/16"}, networks),
            "invalid pool request: Pool overlaps with other one on this address space");
}

TEST(Plan, a_name_is_any_text_that_can_be_shown) {
  for (const char* name : {"test 01", "a/b", " x", "-a", "\u00e9t\u00e9"}) EXPECT_TRUE(planned({.name = name})) << name;
  EXPECT_EQ(error_of({.name = ""}), "invalid name: name is empty");
  EXPECT_EQ(error_of({.name = "  "}), "invalid name: name is empty");
  EXPECT_EQ(error_of({.name = "a\nb"}), "invalid name: it has control characters");
  EXPECT_EQ(error_of({.name = std::string(256, 'a')}), "invalid name: longer than 255 bytes");
}

TEST(Plan, options_of_the_address_management_stay_null_or_empty) {
  EXPECT_FALSE(planned({.name = "n"})->ipam_options);
  EXPECT_TRUE(planned({.name = "n", .ipam_options = std::map<std::string, std::string>{}})->ipam_options);
}

TEST(Plan, a_network_of_ipv6_alone_has_no_addresses_of_ipv4) {
  const auto network = planned({.name = "n", .ipv6 = true, .ipv4 = false});
  ASSERT_TRUE(network) << network.error().message();
  EXPECT_EQ(network->subnet + network->gateway + network->ip_range, "");
  EXPECT_NE(network->subnet6, "");
  EXPECT_EQ(error_of({.name = "n", .subnet = "10.0.0.0/24", .ipv6 = true, .ipv4 = false}),
            "invalid network config:\ninvalid subnet 10.0.0.0/24: IPv4 is not enabled on the network");
}

TEST(Plan, what_wherry_has_not_is_named) {
  EXPECT_NE(error_of({.name = "n", .driver = "ipvlan"}).find("network driver 'ipvlan'"),
            std::string::npos);
  EXPECT_NE(error_of({.name = "n", .options = {{"com.docker.network.container_iface_prefix", "x"}}})
                .find("not available"),
            std::string::npos);
}

TEST(BridgeSettings, read_dockers_options) {
  const auto settings = bridge_settings({{"com.docker.network.bridge.enable_icc", "false"},
                                         {"com.docker.network.bridge.enable_ip_masquerade", "0"},
                                         {"com.docker.network.driver.mtu", "1400"},
                                         {"com.docker.network.bridge.name", "mine0"},
                                         {"com.docker.network.bridge.host_binding_ipv4", "10.0.0.1"},
                                         {"foreign", "kept"}});
  ASSERT_TRUE(settings) << settings.error().message();
  EXPECT_EQ(settings->icc, Icc::Off);
  EXPECT_FALSE(settings->masquerade);
  EXPECT_EQ(settings->mtu, 1400U);
  EXPECT_EQ(settings->bridge, "mine0");
  EXPECT_EQ(settings->host_binding.str(), "10.0.0.1");
  EXPECT_FALSE(bridge_settings({{"com.docker.network.bridge.name", "much-too-long-a-name"}}));
  EXPECT_FALSE(bridge_settings({{"com.docker.network.bridge.name", "../x"}}));
  EXPECT_FALSE(bridge_settings({{"com.docker.network.driver.mtu", "1"}}));
}

TEST(DefaultRoute, goes_to_the_highest_priority_then_the_first_name_that_leads_out) {
  std::vector<Endpoint> endpoints(3);
  endpoints[0] = {.network_id = NetworkId("1"), .network_name = "b"};
  endpoints[1] = {.network_id = NetworkId("2"), .network_name = "a"};
  endpoints[2] = {.network_id = NetworkId("3"), .network_name = "c"};
  EXPECT_EQ(default_route_endpoint(endpoints, {}), &endpoints[1]);
  const std::vector<NetworkId> internal = {NetworkId("2")};
  EXPECT_EQ(default_route_endpoint(endpoints, internal), &endpoints[0]);
  endpoints[2].gateway_priority = 1;
  EXPECT_EQ(default_route_endpoint(endpoints, {}), &endpoints[2]);
  EXPECT_EQ(default_route_endpoint({}, {}), nullptr);
}

}  // namespace
}  // namespace wherry::network
