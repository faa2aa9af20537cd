#include "network/address.h"

#include <gtest/gtest.h>

namespace wherry::network {
namespace {

TEST(Ipv4, reads_and_writes_four_numbers) {
  const auto ip = parse_ipv4("172.17.0.2");
  ASSERT_TRUE(ip);
  EXPECT_EQ(ip->value, 0xac110002U);
  EXPECT_EQ(ip->str(), "172.17.0.2");
  EXPECT_EQ(ipv4_of(ip->bytes()), *ip);
}

TEST(Ipv4, refuses_what_inet_aton_would_guess_at) {
  for (const char* text : {"", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.04", "1.2.3.-1", "1.2.3.",
                           "a.b.c.d", "1.2.3.4 ", "::1", "0x1.2.3.4"})
    EXPECT_FALSE(parse_ipv4(text)) << text;
}

TEST(Subnet, knows_its_members_and_its_broadcast_address) {
  const Subnet subnet = subnet_of(*parse_ipv4("192.168.17.9"), 20);
  EXPECT_EQ(subnet.str(), "192.168.16.0/20");
  EXPECT_EQ(subnet.broadcast().str(), "192.168.31.255");
  EXPECT_TRUE(subnet.contains(*parse_ipv4("192.168.31.1")));
  EXPECT_FALSE(subnet.contains(*parse_ipv4("192.168.32.0")));
}

TEST(Subnet, overlaps_when_either_holds_the_other) {
  const Subnet wide = subnet_of(*parse_ipv4("172.16.0.0"), 12);
  const Subnet narrow = subnet_of(*parse_ipv4("172.17.3.0"), 24);
  const Subnet other = subnet_of(*parse_ipv4("10.0.0.0"), 8);
  EXPECT_TRUE(wide.overlaps(narrow));
  EXPECT_TRUE(narrow.overlaps(wide));
  EXPECT_FALSE(other.overlaps(wide));
  EXPECT_TRUE(subnet_of({}, 0).overlaps(other));
}

TEST(Cidr, wants_an_address_and_a_length_up_to_32) {
  const auto cidr = parse_cidr("172.18.0.1/16");
  ASSERT_TRUE(cidr);
  EXPECT_EQ(cidr->ip.str(), "172.18.0.1");
  EXPECT_EQ(cidr->prefix, 16U);
  for (const char* text :
       {"172.18.0.1", "172.18.0.1/", "172.18.0.1/33", "/16", "x/16", "1.2.3.4/+8"})
    EXPECT_FALSE(parse_cidr(text)) << text;
}

TEST(Mac, is_derived_from_the_address_as_docker_does) {
  EXPECT_EQ(mac_text(mac_for(*parse_ipv4("172.17.0.2"))), "02:42:ac:11:00:02");
}

TEST(Mac, reads_both_separators_and_refuses_what_the_kernel_refuses) {
  EXPECT_EQ(mac_text(*parse_mac("02:42:AC:11:00:02")), "02:42:ac:11:00:02");
  EXPECT_EQ(mac_text(*parse_mac("02-42-ac-11-00-02")), "02:42:ac:11:00:02");
  for (const char* text : {"", "02:42:ac:11:00", "02:42:ac:11:00:02:03", "2:42:ac:11:00:02",
                           "02:42:ac:11:00:0g", "01:00:5e:00:00:01", "00:00:00:00:00:00"})
    EXPECT_FALSE(parse_mac(text)) << text;
}

}  // namespace
}  // namespace wherry::network
