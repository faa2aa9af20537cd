#include "cli/dns_flags.h"

#include <gtest/gtest.h>

namespace wherry::cli {
namespace {

std::string shown(const Result<std::string>& result) {
  return result ? *result : "error: " + result.error().message();
}

TEST(DnsFlags, a_server_is_an_address_in_its_shortest_form) {
  EXPECT_EQ(shown(parse_dns_server("1.1.1.1")), "1.1.1.1");
  EXPECT_EQ(shown(parse_dns_server(" 2001:db8:0::1 ")), "2001:db8::1");
  EXPECT_EQ(shown(parse_dns_server("1.2.3")),
            "error: IP address is not correctly formatted: 1.2.3");
  EXPECT_EQ(shown(parse_dns_server("dns.example")),
            "error: IP address is not correctly formatted: dns.example");
}

TEST(DnsFlags, a_search_domain_has_labels_and_a_letter) {
  EXPECT_EQ(shown(parse_dns_search("example.org.")), "example.org");
  EXPECT_EQ(shown(parse_dns_search("lan")), "lan");
  EXPECT_EQ(shown(parse_dns_search(".")), ".");
  for (const char* wrong : {"a..b", "a_b", "-a", "a-.b", "1.2", "", ".."})
    EXPECT_EQ(shown(parse_dns_search(wrong)), std::string("error: ") + wrong + " is not a valid domain");
}

TEST(DnsFlags, an_extra_host_is_sent_with_a_colon) {
  EXPECT_EQ(shown(parse_extra_host("db:10.0.0.9")), "db:10.0.0.9");
  EXPECT_EQ(shown(parse_extra_host("db=10.0.0.9")), "db:10.0.0.9");
  EXPECT_EQ(shown(parse_extra_host("db=[::1]")), "db:::1");
  EXPECT_EQ(shown(parse_extra_host("db:::1")), "db:::1");
  EXPECT_EQ(shown(parse_extra_host("up:host-gateway")), "up:host-gateway");
}

TEST(DnsFlags, a_wrong_extra_host_is_refused_in_dockers_words) {
  EXPECT_EQ(shown(parse_extra_host("db")), "error: bad format for add-host: \"db\"");
  EXPECT_EQ(shown(parse_extra_host("=1.2.3.4")), "error: bad format for add-host: \"=1.2.3.4\"");
  EXPECT_EQ(shown(parse_extra_host("db:1")), "error: invalid IP address in add-host: \"1\"");
  EXPECT_EQ(shown(parse_extra_host("x=y:1.2.3.4")),
            "error: invalid IP address in add-host: \"y:1.2.3.4\"");
}

}  // namespace
}  // namespace wherry::cli
