#include "network/files.h"

#include <gtest/gtest.h>

namespace wherry::network {
namespace {

// Without the comment at its head.
std::string settings(const std::string& text) {
  return text.substr(text.find("\n\n") + 2);
}

TEST(ResolvConf, keeps_what_a_container_can_reach) {
  const std::string host =
      "# comment\nnameserver 10.0.0.2\nnameserver 192.168.1.1\nsearch a.example b.example\n"
      "options ndots:2 timeout:1\n";
  EXPECT_EQ(settings(resolv_conf(host, {})),
            "nameserver 10.0.0.2\nnameserver 192.168.1.1\nsearch a.example b.example\n"
            "options ndots:2 timeout:1\n");
}

TEST(ResolvConf, drops_loopback_and_ipv6_servers) {
  const std::string host =
      "nameserver 127.0.0.53\nnameserver 127.1.2.3\nnameserver ::1\nnameserver fe80::1%eth0\n"
      "nameserver 2001:db8::1\nnameserver 10.0.0.2\n";
  EXPECT_EQ(settings(resolv_conf(host, {})), "nameserver 10.0.0.2\n");
}

TEST(ResolvConf, falls_back_to_public_servers_as_docker_does) {
  EXPECT_EQ(settings(resolv_conf("nameserver 127.0.0.1\nsearch lan\n", {})),
            "nameserver 8.8.8.8\nnameserver 8.8.4.4\nsearch lan\n");
  EXPECT_EQ(settings(resolv_conf("", {})), "nameserver 8.8.8.8\nnameserver 8.8.4.4\n");
}

TEST(ResolvConf, the_last_search_or_domain_line_counts) {
  EXPECT_EQ(settings(resolv_conf("search a\ndomain b\nnameserver 1.1.1.1\n", {})),
            "nameserver 1.1.1.1\nsearch b\n");
}

TEST(ResolvConf, is_not_confused_by_blanks_comments_and_unknown_words) {
  const std::string host =
      "\tnameserver   10.0.0.2  # primary\r\n;nameserver 9.9.9.9\nnameserver\nsortlist 1.2.3.4\n";
  EXPECT_EQ(settings(resolv_conf(host, {})), "nameserver 10.0.0.2\n");
}

TEST(ResolvConf, overrides_replace_each_part_alone) {
  const std::string host = "nameserver 10.0.0.2\nsearch lan\noptions ndots:1\n";
  EXPECT_EQ(settings(resolv_conf(host, {.servers = {"127.0.0.1"}})),
            "nameserver 127.0.0.1\nsearch lan\noptions ndots:1\n");
  EXPECT_EQ(settings(resolv_conf(host, {.search = {"x"}, .options = {"rotate"}})),
            "nameserver 10.0.0.2\nsearch x\noptions rotate\n");
  EXPECT_EQ(settings(resolv_conf(host, {.search = {"."}})),
            "nameserver 10.0.0.2\noptions ndots:1\n");
}

TEST(ResolvConf, every_line_of_its_head_is_a_comment) {
  const std::string text = resolv_conf("nameserver 10.0.0.2\n", {});
  EXPECT_TRUE(text.starts_with("# "));
  EXPECT_EQ(nameservers(text), std::vector<std::string>{"10.0.0.2"});
}

TEST(ResolvConf, the_host_network_keeps_the_hosts_own_text) {
  const std::string host = "# mine\nnameserver 127.0.0.53\noptions edns0\n";
  EXPECT_EQ(host_network_resolv_conf(host, {}), host);
  EXPECT_EQ(settings(host_network_resolv_conf(host, {.search = {"x"}})),
            "nameserver 127.0.0.53\nsearch x\noptions edns0\n");
}

TEST(ResolvConf, a_user_network_asks_the_embedded_resolver) {
  const std::string host = "nameserver 127.0.0.53\nsearch lan\noptions edns0\n";
  EXPECT_EQ(settings(resolver_resolv_conf(host, {})),
            "nameserver 127.0.0.11\nsearch lan\noptions edns0 ndots:0\n\n"
            "# Based on host file: '/etc/resolv.conf' (internal resolver)\n"
            "# ExtServers: [host(127.0.0.53)]\n# Overrides: []\n# Option ndots from: internal\n");
}

TEST(ResolvConf, a_given_ndots_replaces_the_resolvers) {
  const std::string text = resolver_resolv_conf(
      "nameserver 10.0.0.1\n", {.servers = {"10.9.9.9"}, .search = {"."}, .options = {"ndots:3"}});
  EXPECT_EQ(settings(text),
            "nameserver 127.0.0.11\noptions ndots:3\n\n"
            "# Based on host file: '/etc/resolv.conf' (internal resolver)\n"
            "# ExtServers: [host(10.9.9.9)]\n# Overrides: [nameservers search options]\n"
            "# Option ndots from: override\n");
  EXPECT_NE(resolver_resolv_conf("options ndots:2\n", {}).find("Option ndots from: host"),
            std::string::npos);
}

TEST(UpstreamServers, are_the_hosts_with_its_loopback_and_without_zones) {
  EXPECT_EQ(upstream_servers("nameserver 127.0.0.53\nnameserver fe80::1%eth0\n", {}),
            std::vector<std::string>{"127.0.0.53"});
  EXPECT_EQ(upstream_servers("nameserver 10.0.0.1\n", {.servers = {"1.1.1.1"}}),
            std::vector<std::string>{"1.1.1.1"});
  EXPECT_EQ(upstream_servers("", {}), (std::vector<std::string>{"8.8.8.8", "8.8.4.4"}));
  EXPECT_EQ(upstream_servers("nameserver 1.1.1.1\nnameserver 1.1.1.2\nnameserver 1.1.1.3\n"
                             "nameserver 1.1.1.4\n", {}).size(), 3U);
}

constexpr std::string_view kLocal =
    "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\nfe00::\tip6-localnet\n"
    "ff00::\tip6-mcastprefix\nff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n";

TEST(Hosts, ends_with_the_containers_own_line) {
  EXPECT_EQ(hosts({.hostname = "3c7e5b6a1d2f", .ips = {"172.17.0.2"}}),
            std::string(kLocal) + "172.17.0.2\t3c7e5b6a1d2f\n");
}

TEST(Hosts, has_a_line_of_its_own_for_each_network) {
  EXPECT_EQ(hosts({.hostname = "web", .ips = {"172.18.0.2", "172.19.0.2"}}),
            std::string(kLocal) + "172.18.0.2\tweb\n172.19.0.2\tweb\n");
}

TEST(Hosts, has_no_own_line_without_a_network) {
  EXPECT_EQ(hosts({.hostname = "web"}), kLocal);
}

TEST(Hosts, a_name_with_a_domain_is_known_by_both) {
  EXPECT_EQ(hosts({.hostname = "web", .domainname = "example.org", .ips = {"172.17.0.2"}}),
            std::string(kLocal) + "172.17.0.2\tweb.example.org web\n");
  EXPECT_EQ(hosts({.hostname = "web.example.org", .ips = {"172.17.0.2"}}),
            std::string(kLocal) + "172.17.0.2\tweb.example.org web\n");
}

TEST(Hosts, added_hosts_stand_before_the_own_line) {
  EXPECT_EQ(hosts({.hostname = "web", .ips = {"172.17.0.2"}, .extra = {{"10.0.0.9", "db"}}}),
            std::string(kLocal) + "10.0.0.9\tdb\n172.17.0.2\tweb\n");
}

TEST(AddHost, takes_both_separators_and_ipv6) {
  EXPECT_EQ(parse_add_host("db:10.0.0.9", "")->ip, "10.0.0.9");
  EXPECT_EQ(parse_add_host("db=10.0.0.9", "")->name, "db");
  EXPECT_EQ(parse_add_host("db:2001:db8::1", "")->ip, "2001:db8::1");
  EXPECT_EQ(parse_add_host("db=[2001:db8::1]", "")->ip, "2001:db8::1");
  EXPECT_EQ(parse_add_host("a:b=10.0.0.9", "")->name, "a:b");
  EXPECT_EQ(parse_add_host("up:host-gateway", "172.17.0.1")->ip, "172.17.0.1");
}

TEST(AddHost, refuses_what_docker_refuses_with_its_words) {
  EXPECT_EQ(parse_add_host("db", "").error().message(), "bad format for add-host: \"db\"");
  EXPECT_EQ(parse_add_host(":1.2.3.4", "").error().message(),
            "bad format for add-host: \":1.2.3.4\"");
  EXPECT_EQ(parse_add_host("db:1.2.3", "").error().message(),
            "invalid IP address in add-host: \"1.2.3\"");
  EXPECT_FALSE(parse_add_host("db:host-gateway", ""));
}

TEST(HostnameFile, is_one_line) {
  EXPECT_EQ(hostname_file("web"), "web\n");
}

}  // namespace
}  // namespace wherry::network
