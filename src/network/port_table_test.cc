#include "network/port_table.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <atomic>
#include <optional>
#include <thread>
#include <vector>

namespace wherry::network {
namespace {

const Ipv4 kLoopback = *parse_ipv4("127.0.0.1");
const Ipv4 kOther = *parse_ipv4("127.0.0.2");

PublishedPort port_of(Ipv4 ip, std::uint16_t port, Protocol protocol = Protocol::Tcp) {
  return {protocol, 80, ip.str(), port};
}

// Any port of 127.0.0.1 that is free now.
HeldPort any_port(PortTable& table) {
  auto held = table.hold(port_of(kLoopback, 0));
  EXPECT_TRUE(held) << held.error().message();
  return std::move(held).value();
}

// What another program of the host has.
struct Stranger {
  sys::Fd socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  std::uint16_t port = 0;

  Stranger() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(kLoopback.value);
    socklen_t length = sizeof address;
    auto* general = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(socket.get(), general, length), 0);
    EXPECT_EQ(::listen(socket.get(), 1), 0);
    EXPECT_EQ(::getsockname(socket.get(), general, &length), 0);
    port = ntohs(address.sin_port);
  }
};

TEST(PortTable, a_port_that_the_kernel_picks_is_named) {
  PortTable table;
  const HeldPort held = any_port(table);
  EXPECT_NE(held.port().host_port, 0);
  EXPECT_EQ(held.port().container_port, 80);
  EXPECT_EQ(held.port().host_ip, "127.0.0.1");
}

TEST(PortTable, the_second_who_asks_is_told_of_the_first) {
  PortTable table;
  std::optional<HeldPort> first = any_port(table);
  const PublishedPort same = first->port();
  const auto second = table.hold(same);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().message(),
            "Bind for 127.0.0.1:" + std::to_string(same.host_port) +
                " failed: port is already allocated");
  first.reset();
  EXPECT_TRUE(table.hold(same)) << "given back with the object";
}

TEST(PortTable, every_address_overlaps_each) {
  PortTable table;
  const HeldPort first = any_port(table);
  const auto all = table.hold(port_of(Ipv4{}, first.port().host_port));
  ASSERT_FALSE(all);
  EXPECT_NE(all.error().message().find("port is already allocated"), std::string::npos);
  EXPECT_TRUE(table.hold(port_of(kOther, first.port().host_port)));
}

TEST(PortTable, the_families_share_no_port) {
  PortTable table;
  const HeldPort ipv4 = any_port(table);
  const PublishedPort port{Protocol::Tcp, 80, "::1", ipv4.port().host_port};
  const auto ipv6 = table.hold(port);
  ASSERT_TRUE(ipv6) << ipv6.error().message();
  const auto all = table.hold({Protocol::Tcp, 80, "::", ipv4.port().host_port});
  ASSERT_FALSE(all);
  EXPECT_EQ(all.error().message(), "Bind for :::" + std::to_string(ipv4.port().host_port) +
                                       " failed: port is already allocated");
}

TEST(PortTable, every_ipv6_address_leaves_ipv4_alone) {
  PortTable table;
  const auto all = table.hold({Protocol::Udp, 80, "::", 0});
  ASSERT_TRUE(all) << all.error().message();
  EXPECT_TRUE(table.hold({Protocol::Udp, 80, "0.0.0.0", all->port().host_port}));
}

TEST(PortTable, what_is_no_address_is_refused) {
  EXPECT_FALSE(PortTable().hold({Protocol::Tcp, 80, "localhost", 0}));
}

TEST(PortTable, protocols_have_ports_of_their_own) {
  PortTable table;
  const HeldPort tcp = any_port(table);
  EXPECT_TRUE(
      table.hold(port_of(kLoopback, tcp.port().host_port, Protocol::Udp)));
}

TEST(PortTable, a_stranger_s_port_is_in_use_and_no_container_s) {
  PortTable table;
  const Stranger stranger;
  const auto held = table.hold(port_of(kLoopback, stranger.port));
  ASSERT_FALSE(held);
  EXPECT_EQ(held.error().message(), "failed to bind host port 127.0.0.1:" +
                                        std::to_string(stranger.port) +
                                        ": address already in use");
}

TEST(PortTable, a_stranger_s_port_is_adopted_without_a_socket) {
  PortTable table;
  const Stranger stranger;
  const HeldPort adopted = table.adopt(port_of(kLoopback, stranger.port));
  const auto second = table.hold(adopted.port());
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().message().find("port is already allocated"), std::string::npos);
}

TEST(PortTable, moved_ports_are_given_back_once) {
  PortTable table;
  HeldPort first = any_port(table);
  const PublishedPort port = first.port();
  HeldPort second = any_port(table);
  second = std::move(first);  // the second's own goes back, the first's lives on
  EXPECT_FALSE(table.hold(port));
  { const HeldPort third = std::move(second); }
  EXPECT_TRUE(table.hold(port));
}

// No moment shows a socket without its entry: "address already in use" would blame a stranger.
TEST(PortTable, a_race_for_one_port_blames_containers_only) {
  PortTable table;
  const PublishedPort wanted = any_port(table).port();
  std::atomic<int> won = 0;
  std::atomic<int> blamed_others = 0;
  std::vector<std::jthread> threads;
  for (int thread = 0; thread < 8; ++thread)
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) {
        const auto held = table.hold(wanted);
        if (held)
          ++won;
        else if (held.error().message().find("already allocated") == std::string::npos)
          ++blamed_others;
      }
    });
  threads.clear();
  EXPECT_GT(won, 0);
  EXPECT_EQ(blamed_others, 0);
}

}  // namespace
}  // namespace wherry::network
