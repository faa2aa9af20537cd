#include "network/address_pools.h"

#include <gtest/gtest.h>

namespace wherry::network {
namespace {

AddressPools pools(std::vector<PoolSetting> settings) {
  auto made = AddressPools::from(settings);
  EXPECT_TRUE(made) << made.error().message();
  return made.value_or(AddressPools());
}

std::string refused(std::string base, unsigned size) {
  const std::vector<PoolSetting> settings = {{std::move(base), size}};
  const auto made = AddressPools::from(settings);
  return made ? "" : made.error().message();
}

Subnet v4(std::string_view text) {
  const auto cidr = parse_cidr(text);
  return subnet_of(cidr->ip, cidr->prefix);
}
Subnet6 v6(std::string_view text) {
  const auto cidr = parse_cidr6(text);
  return subnet6_of(cidr->ip, cidr->prefix);
}

TEST(AddressPools, without_settings_are_docker_s) {
  const AddressPools none;
  EXPECT_EQ(none.choose({})->str(), "172.17.0.0/16");
  EXPECT_EQ(none.choose6("engine", {}), choose_subnet6("engine", {}));
}

TEST(AddressPools, are_cut_one_after_the_other) {
  const AddressPools two = pools({{"10.9.0.0/23", 24}, {"10.20.0.0/16", 16}});
  std::vector<Subnet> taken;
  std::vector<std::string> given;
  while (const auto subnet = two.choose(taken)) {
    given.push_back(subnet->str());
    taken.push_back(*subnet);
  }
  EXPECT_EQ(given, (std::vector<std::string>{"10.9.0.0/24", "10.9.1.0/24", "10.20.0.0/16"}));
}

TEST(AddressPools, step_behind_what_is_taken) {
  const AddressPools one = pools({{"10.0.0.0/8", 28}});
  EXPECT_EQ(one.choose(std::vector{v4("10.0.0.0/9"), v4("10.128.0.0/30")})->str(),
            "10.128.0.16/28");
  EXPECT_FALSE(one.choose(std::vector{v4("10.0.0.0/7")}));
  EXPECT_FALSE(one.choose(std::vector{v4("0.0.0.0/0")}));
}

TEST(AddressPools, end_at_the_last_address_of_all) {
  const AddressPools last = pools({{"223.255.255.0/24", 25}});
  EXPECT_EQ(last.choose(std::vector{v4("223.255.255.0/25")})->str(), "223.255.255.128/25");
  EXPECT_FALSE(last.choose(std::vector{v4("223.255.255.0/24")}));
}

TEST(AddressPools, of_ipv6_are_cut_too) {
  const AddressPools six = pools({{"fd12::/63", 64}});
  EXPECT_EQ(six.choose6("engine", {})->str(), "fd12::/64");
  EXPECT_EQ(six.choose6("engine", std::vector{v6("fd12::/64")})->str(), "fd12:0:0:1::/64");
  EXPECT_FALSE(six.choose6("engine", std::vector{v6("fd12::/62")}));
  // A huge pool is not walked through.
  const AddressPools huge = pools({{"fd00::/8", 120}});
  EXPECT_EQ(huge.choose6("engine", std::vector{v6("fd00::/9")})->str(), "fd80::/120");
}

TEST(AddressPools, leave_the_other_family_its_own) {
  const AddressPools six = pools({{"fd12::/48", 64}});
  EXPECT_EQ(six.choose({})->str(), "172.17.0.0/16");
}

TEST(AddressPools, refuse_by_name_what_cannot_be) {
  EXPECT_EQ(refused("10.0.0.0", 24),
            "invalid default address pool 10.0.0.0 of size 24: invalid CIDR block notation");
  EXPECT_EQ(refused("10.0.0.0/16", 8),
            "invalid default address pool 10.0.0.0/16 of size 8: the size must be 16 to 30");
  EXPECT_NE(refused("10.0.0.0/16", 31), "");
  EXPECT_NE(refused("127.0.0.0/8", 16).find("overlaps 127.0.0.0/8"), std::string::npos);
  EXPECT_NE(refused("0.0.0.0/0", 16), "");
  EXPECT_NE(refused("fe80::/10", 64), "");
  EXPECT_NE(refused("::/0", 64), "");
  EXPECT_NE(refused("fd00::/64", 127), "");
  EXPECT_FALSE(AddressPools::from(std::vector<PoolSetting>(257, {"10.0.0.0/8", 24})));
}

}  // namespace
}  // namespace wherry::network
