#include "network/ipam.h"

#include <gtest/gtest.h>

namespace wherry::network {
namespace {

const ContainerId kOwner(std::string(64, 'a'));

AddressPool pool(const char* base, unsigned prefix, const char* gateway) {
  return {subnet_of(*parse_ipv4(base), prefix), *parse_ipv4(gateway)};
}

TEST(AddressPool, gives_the_lowest_free_address_first) {
  AddressPool addresses = pool("172.17.0.0", 16, "172.17.0.1");
  EXPECT_EQ(addresses.lease(kOwner)->str(), "172.17.0.2");
  EXPECT_EQ(addresses.lease(kOwner)->str(), "172.17.0.3");
  EXPECT_EQ(addresses.lease(kOwner)->str(), "172.17.0.4");
  addresses.release(*parse_ipv4("172.17.0.3"));
  EXPECT_EQ(addresses.lease(kOwner)->str(), "172.17.0.3");
  EXPECT_EQ(addresses.lease(kOwner)->str(), "172.17.0.5");
}

TEST(AddressPool, skips_a_gateway_in_the_middle) {
  AddressPool addresses = pool("10.0.0.0", 29, "10.0.0.2");
  EXPECT_EQ(addresses.lease(kOwner)->str(), "10.0.0.1");
  EXPECT_EQ(addresses.lease(kOwner)->str(), "10.0.0.3");
}

TEST(AddressPool, runs_out_without_giving_network_and_broadcast_addresses) {
  AddressPool addresses = pool("10.0.0.0", 29, "10.0.0.1");
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(addresses.lease(kOwner));
  EXPECT_EQ(addresses.in_use(), 5U);
  const auto none = addresses.lease(kOwner);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().kind(), ErrorKind::Unavailable);
  EXPECT_NE(none.error().message().find("no available IPv4 addresses"), std::string::npos);
  addresses.release(*parse_ipv4("10.0.0.6"));
  EXPECT_EQ(addresses.lease(kOwner)->str(), "10.0.0.6");
}

TEST(AddressPool, a_reserved_address_is_not_leased) {
  AddressPool addresses = pool("172.17.0.0", 16, "172.17.0.1");
  ASSERT_TRUE(addresses.reserve(*parse_ipv4("172.17.0.2"), kOwner));
  EXPECT_EQ(addresses.lease(kOwner)->str(), "172.17.0.3");
}

TEST(AddressPool, refuses_addresses_in_use_and_outside) {
  AddressPool addresses = pool("172.17.0.0", 16, "172.17.0.1");
  ASSERT_TRUE(addresses.reserve(*parse_ipv4("172.17.0.9"), kOwner));
  EXPECT_EQ(addresses.reserve(*parse_ipv4("172.17.0.9"), kOwner).error().kind(),
            ErrorKind::Conflict);
  for (const char* ours : {"172.17.0.1", "172.17.0.0", "172.17.255.255"})
    EXPECT_EQ(addresses.reserve(*parse_ipv4(ours), kOwner).error().kind(), ErrorKind::Conflict);
  EXPECT_EQ(addresses.reserve(*parse_ipv4("172.18.0.9"), kOwner).error().kind(),
            ErrorKind::InvalidArgument);
}

TEST(AddressPool, releasing_a_free_address_changes_nothing) {
  AddressPool addresses = pool("172.17.0.0", 16, "172.17.0.1");
  addresses.release(*parse_ipv4("172.17.0.1"));
  EXPECT_EQ(addresses.lease(kOwner)->str(), "172.17.0.2");
}

TEST(AddressPool, a_whole_address_space_end_does_not_wrap) {
  AddressPool addresses = pool("255.255.255.248", 29, "255.255.255.249");
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(addresses.lease(kOwner));
  EXPECT_FALSE(addresses.lease(kOwner));
}

TEST(ChooseSubnet, takes_the_first_that_no_route_covers) {
  EXPECT_EQ(choose_subnet({})->str(), "172.17.0.0/16");
  const std::vector<Subnet> docker{subnet_of(*parse_ipv4("172.17.0.0"), 16)};
  EXPECT_EQ(choose_subnet(docker)->str(), "172.18.0.0/16");
  const std::vector<Subnet> vpn{subnet_of(*parse_ipv4("172.16.0.0"), 12)};
  EXPECT_EQ(choose_subnet(vpn)->str(), "192.168.0.0/20");
  const std::vector<Subnet> home{vpn[0], subnet_of(*parse_ipv4("192.168.1.0"), 24)};
  EXPECT_EQ(choose_subnet(home)->str(), "192.168.16.0/20");
  const std::vector<Subnet> all{subnet_of({}, 0)};
  EXPECT_FALSE(choose_subnet(all));
}

}  // namespace
}  // namespace wherry::network
