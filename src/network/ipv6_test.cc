#include "network/ipv6.h"

#include <gtest/gtest.h>

#include "network/plan.h"

namespace wherry::network {
namespace {

Ipv6 ip6(std::string_view text) { return *parse_ipv6(text); }

Subnet6 subnet6(std::string_view text) {
  const auto cidr = *parse_cidr6(text);
  return subnet6_of(cidr.ip, cidr.prefix);
}

AddressPool6 pool6(std::string_view subnet, std::string_view gateway) {
  return AddressPool6({subnet6(subnet), ip6(gateway), std::nullopt, {}}, "net");
}

const ContainerId kOwner("c1");

TEST(Ipv6, is_written_as_rfc_5952_says) {
  EXPECT_EQ(ip6("FD00:0:0:0:0:0:0:1").str(), "fd00::1");
  EXPECT_EQ(subnet6("2001:db8:1::/48").str(), "2001:db8:1::/48");
}

TEST(Ipv6, refuses_what_is_no_plain_address) {
  for (const char* text : {"", "10.0.0.1", "::ffff:10.0.0.1", "fe80::1%eth0", "[::1]", "fd00::1/64", "x:"})
    EXPECT_FALSE(parse_ipv6(text)) << text;
  for (const char* text : {"fd00::1", "fd00::/129", "fd00::/x", "/64"})
    EXPECT_FALSE(parse_cidr6(text)) << text;
}

TEST(Ipv6, subnets_of_every_length_contain_and_overlap) {
  EXPECT_TRUE(subnet6("fd00::/64").contains(ip6("fd00::ffff")));
  EXPECT_FALSE(subnet6("fd00::/64").contains(ip6("fd00:0:0:1::1")));
  EXPECT_FALSE(subnet6("fd00::/126").contains(ip6("fd00::4")));
  EXPECT_TRUE(subnet6("::/0").contains(ip6("fd00::4")));
  EXPECT_TRUE(subnet6("fd00::4/128").contains(ip6("fd00::4")));
  EXPECT_TRUE(subnet6("fd00::/48").overlaps(subnet6("fd00:0:0:5::/64")));
  EXPECT_FALSE(subnet6("fd00::/64").overlaps(subnet6("fd00:0:0:5::/64")));
}

TEST(AddressPool6, gives_the_lowest_free_address_and_never_the_gateway_or_the_base) {
  AddressPool6 pool = pool6("fd00::/64", "fd00::2");
  EXPECT_EQ(pool.lease(kOwner)->str(), "fd00::1");
  EXPECT_EQ(pool.lease(kOwner)->str(), "fd00::3");
  pool.release(ip6("fd00::1"));
  EXPECT_EQ(pool.lease(kOwner)->str(), "fd00::1");
  EXPECT_EQ(pool.lease(kOwner)->str(), "fd00::4");
}

TEST(AddressPool6, ends_with_its_subnet) {
  AddressPool6 pool = pool6("fd00::/126", "fd00::1");
  EXPECT_TRUE(pool.lease(kOwner));
  EXPECT_EQ(pool.lease(kOwner)->str(), "fd00::3");
  const auto none = pool.lease(kOwner);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().kind(), ErrorKind::Unavailable);
}

TEST(AddressPool6, reserves_what_is_free_and_inside) {
  AddressPool6 pool = pool6("fd00::/64", "fd00::1");
  EXPECT_TRUE(pool.reserve(ip6("fd00::77"), kOwner));
  EXPECT_EQ(pool.reserve(ip6("fd00::77"), kOwner).error().kind(), ErrorKind::Conflict);
  EXPECT_EQ(pool.reserve(ip6("fd00::1"), kOwner).error().kind(), ErrorKind::Conflict);
  EXPECT_EQ(pool.reserve(ip6("fd01::1"), kOwner).error().kind(), ErrorKind::InvalidArgument);
  EXPECT_EQ(pool.in_use(), 1U);
}

TEST(ChooseSubnet6, is_unique_local_stable_and_free) {
  const auto first = choose_subnet6("engine", {});
  ASSERT_TRUE(first);
  EXPECT_TRUE(subnet6("fd00::/8").contains(first->base));
  EXPECT_EQ(choose_subnet6("engine", {}), first);
  const std::vector<Subnet6> taken = {*first};
  EXPECT_FALSE(choose_subnet6("engine", taken)->overlaps(*first));
}

NetworkRequest request6(PoolRequest pool) {
  NetworkRequest request{.name = "net"};
  request.ipv6 = true;
  request.ipv6_pool = std::move(pool);
  return request;
}

TEST(PlanIpv6, settles_gateway_and_range) {
  const auto plain = plan(request6({.subnet = "fd00:1::/64"}), {});
  ASSERT_TRUE(plain) << plain.error().message();
  EXPECT_EQ(plain->gateway6, "fd00:1::1");
  EXPECT_FALSE(plain->gateway6_shown);
  const auto narrowed = plan(request6({"fd00:1::/64", "fd00:1::fe", "fd00:1::100/120",
                                       {{"router", "fd00:1::101"}}}), {});
  ASSERT_TRUE(narrowed) << narrowed.error().message();
  EXPECT_EQ(narrowed->gateway6, "fd00:1::fe");
  const auto addresses = addressing6(*narrowed);
  ASSERT_TRUE(addresses && *addresses);
  AddressPool6 pool(**addresses, "net");
  EXPECT_EQ(pool.lease(kOwner)->str(), "fd00:1::100");
  EXPECT_EQ(pool.lease(kOwner)->str(), "fd00:1::102");
}

TEST(PlanIpv6, refuses_what_cannot_be_a_networks) {
  for (const char* subnet : {"fd00::1/64", "fe80::/64", "ff02::/64", "::/96", "fd00::/127", "fd00::"})
    EXPECT_FALSE(plan(request6({.subnet = subnet}), {})) << subnet;
  EXPECT_FALSE(plan(request6({.subnet = "fd00::/64", .gateway = "fd01::1"}), {}));
  EXPECT_FALSE(plan(request6({.subnet = "fd00::/64", .ip_range = "fd01::/80"}), {}));
  NetworkRequest without = request6({.subnet = "fd00::/64"});
  without.ipv6 = false;
  EXPECT_FALSE(plan(without, {}));
}

TEST(PlanIpv6, two_networks_do_not_overlap) {
  const std::vector<Description> networks = {*plan(request6({.subnet = "fd00::/64"}), {})};
  NetworkRequest second = request6({.subnet = "fd00::/48"});
  second.name = "other";
  EXPECT_EQ(plan(second, {networks, {}}).error().kind(), ErrorKind::Forbidden);
}

TEST(DefaultRoute6, is_of_the_best_endpoint_that_has_ipv6) {
  std::vector<Endpoint> endpoints(2);
  endpoints[0] = {.network_name = "a", .endpoint_id = "e0"};
  endpoints[1] = {.network_name = "b", .endpoint_id = "e1"};
  EXPECT_EQ(default_route_endpoint6(endpoints, {}), nullptr);
  endpoints[1].gateway6 = "fd00::1";
  EXPECT_EQ(default_route_endpoint6(endpoints, {}), &endpoints[1]);
  EXPECT_EQ(default_route_endpoint(endpoints, {}), &endpoints[0]);
}

}  // namespace
}  // namespace wherry::network
