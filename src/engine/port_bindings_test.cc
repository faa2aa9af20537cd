#include "engine/port_bindings.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace wherry::engine {
namespace {

using network::Protocol;
using network::PublishedPort;
using spec::docker::Nothing;
using spec::docker::PortBinding;

ContainerRecord record_with(const std::string& port, const PortBinding& binding) {
  ContainerRecord record;
  record.host_config.port_bindings.emplace()[port] = std::vector<PortBinding>{binding};
  return record;
}

std::string check_of(const std::string& port, const PortBinding& binding) {
  const ContainerRecord record = record_with(port, binding);
  std::vector<std::string> warnings;
  const auto checked = check_ports(record.config, record.host_config, warnings);
  return checked ? "" : checked.error().message();
}

TEST(PortBindings, requests_carry_protocol_address_and_range) {
  const auto requests = port_requests(record_with("53/udp", {"10.0.0.1", "8000-8010"}));
  ASSERT_TRUE(requests);
  ASSERT_EQ(requests->size(), 1U);
  const network::PortRequest& request = requests->front();
  EXPECT_EQ(request.protocol, Protocol::Udp);
  EXPECT_EQ(request.container_port, 53);
  EXPECT_EQ(request.host_ip, "10.0.0.1");
  EXPECT_EQ(request.first, 8000);
  EXPECT_EQ(request.last, 8010);
}

TEST(PortBindings, an_ipv6_address_is_kept_and_an_invalid_one_refused) {
  const auto requests = port_requests(record_with("80/tcp", {"::1", "8080"}));
  ASSERT_TRUE(requests) << requests.error().message();
  ASSERT_EQ(requests->size(), 1U);
  EXPECT_EQ(requests->front().host_ip, "::1");
  EXPECT_EQ(requests->front().first, 8080);
  for (const char* bad : {"[::1]", "::ffff:10.0.0.1", "::1%lo", "fd00::/64", "localhost"}) {
    const auto refused = port_requests(record_with("80/tcp", {bad, "8080"}));
    ASSERT_FALSE(refused) << bad;
    EXPECT_EQ(refused.error().message(), std::string("invalid IP address: ") + bad);
  }
}

TEST(PortBindings, fixed_ports_come_before_free_ones) {
  ContainerRecord record = record_with("1/tcp", {"", ""});
  (*record.host_config.port_bindings)["2/tcp"] = std::vector<PortBinding>{{"", "8000"}};
  const auto requests = port_requests(record);
  ASSERT_TRUE(requests);
  EXPECT_EQ(requests->at(0).container_port, 2);
  EXPECT_EQ(requests->at(1).container_port, 1);
}

TEST(PortBindings, publish_all_takes_every_exposed_port_that_is_not_bound) {
  ContainerRecord record = record_with("80/tcp", {"", "8080"});
  record.host_config.publish_all_ports = true;
  record.config.exposed_ports.emplace() = {{"80/tcp", Nothing{}}, {"81/udp", Nothing{}}};
  const auto requests = port_requests(record);
  ASSERT_TRUE(requests);
  ASSERT_EQ(requests->size(), 2U);
  EXPECT_EQ(requests->at(1).container_port, 81);
  EXPECT_EQ(requests->at(1).first, 0);
}

TEST(PortBindings, what_cannot_be_is_refused) {
  EXPECT_EQ(check_of("80/tcp", {"", "x"}), "invalid port specification: \"x\"");
  EXPECT_EQ(check_of("80/tcp", {"", "70000"}), "invalid port specification: \"70000\"");
  EXPECT_EQ(check_of("80/tcp", {"", "9-8"}), "invalid port specification: \"9-8\"");
  EXPECT_EQ(check_of("80/icmp", {"", ""}), "invalid port specification: \"80/icmp\"");
  EXPECT_EQ(check_of("0/tcp", {"", ""}), "invalid port specification: \"0/tcp\"");
  EXPECT_EQ(check_of("80/tcp", {"nonsense", ""}), "invalid IP address: nonsense");
  EXPECT_EQ(check_of("80/tcp", {"::1%lo", ""}), "invalid IP address: ::1%lo");
  EXPECT_EQ(check_of("80/tcp", {"", "8080"}), "");
}

TEST(PortBindings, modes_without_a_network_of_their_own_refuse_or_warn) {
  ContainerRecord record = record_with("80/tcp", {"", "8080"});
  std::vector<std::string> warnings;
  record.host_config.network_mode = "container:x";
  EXPECT_FALSE(check_ports(record.config, record.host_config, warnings));
  record.host_config.network_mode = "host";
  EXPECT_TRUE(check_ports(record.config, record.host_config, warnings));
  EXPECT_EQ(warnings, std::vector<std::string>{
                          "Published ports are discarded when using host network mode"});
}

TEST(PortBindings, the_map_comes_back_as_it_was_published) {
  ContainerRecord record;
  record.config.exposed_ports.emplace() = {{"99/tcp", Nothing{}}};
  const std::vector<PublishedPort> published = {{Protocol::Tcp, 80, "0.0.0.0", 8080},
                                                {Protocol::Sctp, 7, "10.0.0.1", 9000}};
  const auto ports = port_map(record, published);
  EXPECT_FALSE(ports.at("99/tcp"));
  EXPECT_EQ(ports.at("80/tcp")->front().host_port, "8080");
  auto back = published_from(ports);
  std::ranges::sort(back, {}, &PublishedPort::host_port);
  EXPECT_EQ(back, published);
  EXPECT_EQ(port_summaries(ports).size(), 3U);
}

}  // namespace
}  // namespace wherry::engine
