// The engine's networks on the real kernel. Each test runs in a thread with a network
// namespace of its own, so nothing of the host is touched and all of it ends with the test.
// Needs root (CAP_SYS_ADMIN, CAP_NET_ADMIN); skipped by name elsewhere.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/netlink.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <thread>

#include "network/bridge.h"
#include "network/firewall.h"
#include "network/network.h"
#include "network/network_test_support.h"
#include "network/pool.h"
#include "network/probe.h"

namespace wherry::network {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace)

class NetworksOnTheKernel : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!can_make_namespaces()) GTEST_SKIP() << "needs CAP_SYS_ADMIN and CAP_NET_ADMIN";
  }
};

ContainerId container(int number) {
  return ContainerId(fmt::format("{:064x}", number));
}

std::unique_ptr<Networks> opened(Options options = {.engine_id = "test"}) {
  auto networks = Networks::open(std::move(options));
  EXPECT_TRUE(networks) << networks.error().message();
  if (const auto problem = (*networks)->bridge_problem()) ADD_FAILURE() << problem->message();
  return std::move(*networks);
}

std::unique_ptr<Networks> ready(Options options = {.engine_id = "test"}) {
  auto networks = opened(std::move(options));
  const auto restored = networks->restore({});
  EXPECT_TRUE(restored) << restored.error().message();
  return networks;
}

Sandbox taken(Networks& networks, int number) {
  auto sandbox = networks.take({.container = container(number)});
  EXPECT_TRUE(sandbox) << sandbox.error().message();
  return std::move(*sandbox);
}

std::vector<sys::Link> links() {
  auto socket = sys::NetlinkSocket::open(NETLINK_ROUTE);
  return sys::list_links(*socket).value_or(std::vector<sys::Link>{});
}

std::size_t count_veths() {
  const auto all = links();
  return static_cast<std::size_t>(
      std::count_if(all.begin(), all.end(), [](const auto& link) { return link.kind == "veth"; }));
}

std::vector<sys::Neighbour> permanent_neighbours(const std::string& bridge) {
  auto socket = sys::NetlinkSocket::open(NETLINK_ROUTE);
  auto all = sys::list_neighbours(*socket, link_named(bridge)->index, AF_INET);
  std::erase_if(*all, [](const auto& entry) { return (entry.state & 0x80) == 0; });
  return *all;
}

TEST_F(NetworksOnTheKernel, who_waits_for_a_network_to_be_left_hears_of_the_release) {
  in_new_namespace([] {
    using namespace std::chrono_literals;
    auto networks = ready();
    const NetworkId bridge = networks->find_network("bridge")->id;
    EXPECT_TRUE(networks->wait_until_left(bridge, 0ms));
    const Sandbox sandbox = taken(*networks, 1);
    EXPECT_FALSE(networks->wait_until_left(bridge, 1ms));
    const std::jthread ending([&] { networks->release(container(1)); });
    EXPECT_TRUE(networks->wait_until_left(bridge, 60s));
    EXPECT_EQ(networks->members(bridge), 0U);
  });
}

TEST_F(NetworksOnTheKernel, a_sandbox_has_address_route_and_mac) {
  in_new_namespace([] {
    auto networks = ready();
    const Sandbox sandbox = taken(*networks, 1);
    ASSERT_TRUE(sandbox.endpoint);
    EXPECT_EQ(sandbox.endpoint->ip, "172.17.0.2");
    EXPECT_EQ(sandbox.endpoint->prefix, 16U);
    EXPECT_EQ(sandbox.endpoint->gateway, "172.17.0.1");
    EXPECT_EQ(sandbox.endpoint->mac, "02:42:ac:11:00:02");
    EXPECT_EQ(sandbox.endpoint->endpoint_id.size(), 64U);
    EXPECT_EQ(networks->endpoint(container(1)), sandbox.endpoint);
    inside(sandbox.netns, [] {
      auto socket = *sys::NetlinkSocket::open(NETLINK_ROUTE);
      const auto eth0 = link_named("eth0");
      ASSERT_TRUE(eth0);
      EXPECT_TRUE(eth0->up);
      EXPECT_EQ(mac_text(eth0->mac), "02:42:ac:11:00:02");
      EXPECT_TRUE(link_named("lo")->up);
      const auto routes = *sys::list_routes(socket, AF_INET);
      EXPECT_EQ(std::count_if(routes.begin(), routes.end(),
                              [](const auto& route) { return route.prefix == 0; }),
                1);
    });
  });
}

TEST_F(NetworksOnTheKernel, none_has_only_a_loopback_that_is_up) {
  in_new_namespace([] {
    auto networks = ready();
    auto sandbox = networks->take({.container = container(1), .mode = Mode::None});
    ASSERT_TRUE(sandbox) << sandbox.error().message();
    EXPECT_FALSE(sandbox->endpoint);
    inside(sandbox->netns, [] {
      for (const sys::Link& link : links()) EXPECT_EQ(link.up, link.name == "lo") << link.name;
      EXPECT_FALSE(link_named("eth0"));
    });
    networks->release(container(1));
    EXPECT_TRUE(networks->take({.container = container(1), .mode = Mode::None}));
  });
}

TEST_F(NetworksOnTheKernel, containers_reach_the_gateway_and_the_host_reaches_them) {
  in_new_namespace([] {
    auto networks = ready();
    const Sandbox sandbox = taken(*networks, 1);
    const Listener on_host("0.0.0.0", 7000);
    inside(sandbox.netns, [] { EXPECT_TRUE(can_connect("172.17.0.1", 7000)); });
    inside(sandbox.netns, [] {
      const Listener in_container("0.0.0.0", 80);
      inside(host_namespace(), [] { EXPECT_TRUE(can_connect("172.17.0.2", 80)); });
    });
  });
}

TEST_F(NetworksOnTheKernel, outside_sees_the_hosts_address_and_reaches_no_container) {
  in_new_namespace([] {
    auto networks = ready();
    const Sandbox sandbox = taken(*networks, 1);
    // A machine beyond the host that even has a route to the containers.
    const sys::Fd remote = remote_host("203.0.113.1", "203.0.113.2");
    inside(remote, [&] {
      const Listener listener("0.0.0.0", 7000);
      inside(sandbox.netns, [] { EXPECT_TRUE(can_connect("203.0.113.2", 7000)); });
      EXPECT_EQ(listener.accept_from(), "203.0.113.1");
    });
    inside(sandbox.netns, [&] {
      const Listener in_container("0.0.0.0", 80);
      inside(remote, [] { EXPECT_TRUE(stays_unreachable("172.17.0.2", 80)); });
    });
  });
}

TEST_F(NetworksOnTheKernel, containers_cannot_reach_each_other_by_default) {
  in_new_namespace([] {
    auto networks = ready();
    const Sandbox first = taken(*networks, 1);
    const Sandbox second = taken(*networks, 2);
    inside(second.netns, [&] {
      const Listener listener("0.0.0.0", 80);
      const FrameSocket frames("eth0");
      inside(first.netns, [] {
        EXPECT_TRUE(stays_unreachable("172.17.0.3", 80));
        // Not by way of the host's router either.
        run("ip route replace 172.17.0.3/32 via 172.17.0.1");
        EXPECT_TRUE(stays_unreachable("172.17.0.3", 80));
        // Nor a frame to everybody: ARP, IPv6 multicast and foreign protocols.
        const FrameSocket sender("eth0");
        for (const std::uint16_t protocol : {0x0806, 0x86dd, 0x88b5})
          sender.broadcast(protocol, "hello from 172.17.0.2");
      });
      EXPECT_FALSE(frames.receives_from("02:42:ac:11:00:02"));
    });
  });
}

TEST_F(NetworksOnTheKernel, icc_on_lets_containers_reach_each_other) {
  in_new_namespace([] {
    auto networks = ready({.engine_id = "test", .icc = Icc::On});
    const Sandbox first = taken(*networks, 1);
    const Sandbox second = taken(*networks, 2);
    inside(second.netns, [&] {
      const Listener listener("0.0.0.0", 80);
      const FrameSocket frames("eth0");
      inside(first.netns, [] {
        EXPECT_TRUE(can_connect("172.17.0.3", 80));
        FrameSocket("eth0").broadcast(0x88b5, "hello");
      });
      // Proves that the test above would see a frame.
      EXPECT_TRUE(frames.receives_from("02:42:ac:11:00:02"));
    });
  });
}

// shared gauntlet I01: ARP and RA spoofing, IPv6 on a network without it.
TEST_F(NetworksOnTheKernel, spoofed_arp_changes_no_table_of_the_host) {
  in_new_namespace([] {
    auto networks = ready();
    const Sandbox attacker = taken(*networks, 1);
    const Sandbox victim = taken(*networks, 2);
    inside(victim.netns, [&] {
      const Listener listener("0.0.0.0", 80);
      inside(host_namespace(), [] { EXPECT_TRUE(can_connect("172.17.0.3", 80)); });
      inside(attacker.netns, [] {
        const FrameSocket frames("eth0");
        // "172.17.0.3 is at the attacker", unasked; then frames with the victim's own MAC.
        for (int i = 0; i < 20; ++i) frames.claim_by_arp("172.17.0.3", "02:42:ac:11:00:02");
        for (int i = 0; i < 20; ++i) frames.send_as("02:42:ac:11:00:03", 0x0806, "steal");
      });
      inside(host_namespace(), [] {
        for (const sys::Neighbour& entry : permanent_neighbours("wherry0"))
          EXPECT_EQ(mac_text(entry.mac), mac_text(mac_for(ipv4_of(entry.ip))));
        EXPECT_EQ(permanent_neighbours("wherry0").size(), 2U);
        EXPECT_TRUE(can_connect("172.17.0.3", 80));
      });
    });
  });
}

TEST_F(NetworksOnTheKernel, nobody_speaks_ipv6_or_believes_routers) {
  in_new_namespace([] {
    auto networks = ready();
    const Sandbox sandbox = taken(*networks, 1);
    EXPECT_EQ(sysctl("net/ipv6/conf/wherry0/disable_ipv6"), "1");
    EXPECT_EQ(sysctl("net/ipv6/conf/wherry0/accept_ra"), "0");
    inside(sandbox.netns, [] {
      EXPECT_EQ(sysctl("net/ipv6/conf/eth0/disable_ipv6"), "1");
      EXPECT_EQ(sysctl("net/ipv6/conf/eth0/accept_ra"), "0");
      FrameSocket("eth0").advertise_router();
    });
    // Only loopbacks have IPv6 addresses, and the advertisement made no route.
    auto socket = *sys::NetlinkSocket::open(NETLINK_ROUTE);
    const auto addresses = *sys::list_addresses(socket, AF_INET6);
    for (const auto& address : addresses) EXPECT_EQ(address.index, 1);
    const auto routes = *sys::list_routes(socket, AF_INET6);
    for (const auto& route : routes) EXPECT_NE(route.prefix, 0);
  });
}

TEST_F(NetworksOnTheKernel, an_address_works_at_once_when_given_out_again) {
  in_new_namespace([] {
    auto networks = ready();
    for (int i = 0; i < 30; ++i) {
      // The old namespace still lives while the next container has its address.
      Sandbox before = taken(*networks, i);
      ASSERT_EQ(before.endpoint->ip, "172.17.0.2");
      networks->release(container(i));
      const Sandbox after = taken(*networks, 1000 + i);
      ASSERT_EQ(after.endpoint->ip, "172.17.0.2");
      inside(after.netns, [] {
        const Listener listener("0.0.0.0", 80);
        inside(host_namespace(), [] { EXPECT_TRUE(can_connect("172.17.0.2", 80)); });
      });
      networks->release(container(1000 + i));
    }
  });
}

TEST_F(NetworksOnTheKernel, a_released_namespace_that_lives_on_is_cut_off) {
  in_new_namespace([] {
    auto networks = ready();
    const Sandbox sandbox = taken(*networks, 1);
    const Listener on_host("0.0.0.0", 7000);
    networks->release(container(1));
    inside(sandbox.netns, [] { EXPECT_TRUE(stays_unreachable("172.17.0.1", 7000)); });
    EXPECT_TRUE(permanent_neighbours("wherry0").empty());
  });
}

TEST_F(NetworksOnTheKernel, a_thousand_cycles_leave_nothing) {
  in_new_namespace([] {
    auto networks = ready();
    const std::string rules = run("nft list ruleset");
    // Three for each ready sandbox, and nothing else.
    const auto other_fds = [&] {
      return count_open_fds() - 3 * networks->pool_counts().ready_bridge;
    };
    EXPECT_TRUE(eventually([&] { return networks->pool_counts().ready_bridge == 8; }));
    const std::size_t fds = other_fds();
    std::vector<std::thread> workers;
    for (int worker = 0; worker < 4; ++worker)
      workers.emplace_back([&networks, worker] {
        for (int i = 0; i < 250; ++i) {
          const int number = worker * 1000 + i;
          auto sandbox = networks->take({.container = container(number)});
          ASSERT_TRUE(sandbox) << sandbox.error().message();
          sandbox->netns.reset();
          networks->release(container(number));
        }
      });
    for (std::thread& worker : workers) worker.join();
    // Only what is ready in the pool remains; the ends of namespaces have no event.
    EXPECT_TRUE(eventually([&] { return count_veths() == networks->pool_counts().ready_bridge; }));
    EXPECT_TRUE(permanent_neighbours("wherry0").empty());
    EXPECT_EQ(run("nft list ruleset"), rules);
    EXPECT_TRUE(eventually([&] { return other_fds() == fds; }));
    // What load has added to the stock is given back.
    EXPECT_TRUE(eventually([&] { return networks->pool_counts().ready_bridge == 8; }));
    networks.reset();
    EXPECT_TRUE(eventually([&] { return count_veths() == 0; }));
  });
}

TEST_F(NetworksOnTheKernel, opening_again_changes_nothing) {
  in_new_namespace([] {
    std::string rules;
    sys::MacAddress mac{};
    {
      auto networks = ready();
      rules = run("nft list ruleset");
      mac = link_named("wherry0")->mac;
    }
    auto networks = ready();
    EXPECT_EQ(run("nft list ruleset"), rules);
    EXPECT_EQ(link_named("wherry0")->mac, mac);
    EXPECT_EQ(taken(*networks, 1).endpoint->ip, "172.17.0.2");
  });
}

TEST_F(NetworksOnTheKernel, the_table_reads_as_documented) {
  in_new_namespace([] {
    auto networks = ready();
    const std::string rules = run("nft list ruleset");
    if (rules.empty()) GTEST_SKIP() << "needs nft to read the rules back";
    for (const char* line :
         {"iifname @bridges ip daddr 127.0.0.0/8 drop", "iifname @bridges ip saddr 127.0.0.0/8 drop",
          "oifname @bridges ct state established,related accept",
          "iifname . oifname @talking accept", "iifname @internal drop",
          "oifname @bridges ct status dnat accept", "oifname @bridges drop",
          "dnat ip to ip daddr . meta l4proto . th dport map @ports",
          "fib daddr type local meta nfproto ipv4 dnat ip to meta l4proto . th dport map @ports_any",
          "ip saddr 172.17.0.0/16 oifname != \"wherry0\" masquerade"})
      EXPECT_NE(rules.find(line), std::string::npos) << line << " is not in\n" << rules;
  });
}

TEST_F(NetworksOnTheKernel, removing_everything_leaves_an_empty_namespace) {
  in_new_namespace([] {
    auto networks = ready();
    const Sandbox sandbox = taken(*networks, 1);
    const auto removed = networks->remove_everything();
    ASSERT_TRUE(removed) << removed.error().message();
    EXPECT_EQ(run("nft list ruleset"), "");
    EXPECT_TRUE(eventually([] { return count_veths() == 0; }));
    EXPECT_FALSE(link_named("wherry0"));
  });
}

// A process that is killed with everything it holds, and what it leaves: one container that
// runs, and one that nobody knows of any more. Both are namespaces held by a process.
struct Crashed {
  Endpoint live;
  pid_t holder = -1;
};

Crashed crash_an_engine() {
  int pipe[2];
  EXPECT_EQ(::pipe2(pipe, O_CLOEXEC), 0);
  const pid_t engine = ::fork();
  if (engine == 0) {
    auto networks = ready();
    const Sandbox live = taken(*networks, 1);
    const Sandbox unknown = taken(*networks, 2);
    const Sandbox unheld = taken(*networks, 3);
    const pid_t holder = ::fork();
    if (holder == 0) {
      ::setns(live.netns.get(), CLONE_NEWNET);
      for (int fd = 3; fd < 1000; ++fd)
        if (fd != unknown.netns.get()) ::close(fd);
      for (;;) ::pause();
    }
    const std::string text = fmt::format("{} {}", holder, live.endpoint->host_interface);
    EXPECT_GT(::write(pipe[1], text.c_str(), text.size()), 0);
    for (;;) ::pause();
  }
  ::close(pipe[1]);
  std::array<char, 128> text{};
  EXPECT_GT(::read(pipe[0], text.data(), text.size() - 1), 0);
  ::close(pipe[0]);
  ::kill(engine, SIGKILL);
  ::waitpid(engine, nullptr, 0);
  Crashed crashed;
  std::array<char, 32> interface{};
  EXPECT_EQ(std::sscanf(text.data(), "%d %31s", &crashed.holder, interface.data()), 2);
  crashed.live = {.ip = "172.17.0.2",
                  .prefix = 16,
                  .gateway = "172.17.0.1",
                  .mac = "02:42:ac:11:00:02",
                  .host_interface = interface.data()};
  return crashed;
}

TEST_F(NetworksOnTheKernel, a_killed_engine_leaves_only_what_lives) {
#ifdef __SANITIZE_THREAD__
  GTEST_SKIP() << "ThreadSanitizer allows no threads after fork";
#endif
  in_new_namespace([] {
    Crashed crashed = crash_an_engine();
    EXPECT_TRUE(eventually([] { return count_veths() == 2; }));
    auto networks = opened();
    crashed.live.network_id = networks->find_network("bridge")->id;
    std::vector<LiveEndpoint> live{{container(1), crashed.live}};
    live.front().endpoint.host_interface.clear();
    const auto restored = networks->restore(live);
    ASSERT_TRUE(restored) << restored.error().message();

    // The engine stores what inspect shows, which the name of our interface is no part of.
    EXPECT_EQ(networks->endpoint(container(1)), crashed.live);
    EXPECT_EQ(permanent_neighbours("wherry0").size(), 1U);
    EXPECT_TRUE(
        eventually([&] { return count_veths() == 1 + networks->pool_counts().ready_bridge; }));
    const auto process = sys::Pidfd::open(crashed.holder);
    ASSERT_TRUE(process);
    const auto netns = open_netns(*process);
    ASSERT_TRUE(netns) << netns.error().message();
    const Listener on_host("0.0.0.0", 7000);
    inside(*netns, [] { EXPECT_TRUE(can_connect("172.17.0.1", 7000)); });
    // Its address is not given out a second time.
    EXPECT_EQ(taken(*networks, 4).endpoint->ip, "172.17.0.3");
    ::kill(crashed.holder, SIGKILL);
  });
}

TEST_F(NetworksOnTheKernel, a_live_container_gets_its_lost_bridge_back) {
  in_new_namespace([] {
    Sandbox sandbox;
    {
      auto networks = ready();
      sandbox = taken(*networks, 1);
      auto route = *sys::NetlinkSocket::open(NETLINK_ROUTE);
      ASSERT_TRUE(remove_bridge(route, "wherry0"));
    }
    auto networks = opened();
    const std::vector<LiveEndpoint> live{{container(1), *sandbox.endpoint}};
    ASSERT_TRUE(networks->restore(live));
    const Listener on_host("0.0.0.0", 7000);
    inside(sandbox.netns, [] { EXPECT_TRUE(can_connect("172.17.0.1", 7000)); });
  });
}

TEST_F(NetworksOnTheKernel, two_engines_live_side_by_side) {
  in_new_namespace([] {
    auto first = ready();
    auto second = ready({.engine_id = "other", .suffix = "e2"});
    const Sandbox a = taken(*first, 1);
    const Sandbox b = taken(*second, 1);
    EXPECT_EQ(b.endpoint->ip, "172.18.0.2");
    EXPECT_NE(a.endpoint->network_id, b.endpoint->network_id);
    inside(b.netns, [&] {
      const Listener listener("0.0.0.0", 80);
      inside(a.netns, [] { EXPECT_TRUE(stays_unreachable("172.18.0.2", 80)); });
    });
    ASSERT_TRUE(first->remove_everything());
    const Listener on_host("0.0.0.0", 7000);
    inside(b.netns, [] { EXPECT_TRUE(can_connect("172.18.0.1", 7000)); });
  });
}

TEST_F(NetworksOnTheKernel, bip_is_honoured_also_when_it_changes) {
  in_new_namespace([] {
    {
      auto networks = ready();
    }
    auto networks = ready({.engine_id = "test", .bridge = {.bip = "10.9.8.1/24"}});
    const Sandbox sandbox = taken(*networks, 1);
    EXPECT_EQ(sandbox.endpoint->ip, "10.9.8.2");
    EXPECT_EQ(sandbox.endpoint->prefix, 24U);
    const auto bridge = networks->descriptions().front();
    EXPECT_EQ(bridge.subnet, "10.9.8.0/24");
    EXPECT_EQ(bridge.gateway, "10.9.8.1");
    EXPECT_EQ(run("ip -4 -o addr show dev wherry0 | wc -l"), "1\n");
  });
}

TEST_F(NetworksOnTheKernel, routed_subnets_are_skipped) {
  in_new_namespace([] {
    const sys::Fd remote = remote_host("172.17.5.1", "172.17.5.2");
    auto networks = ready();
    EXPECT_EQ(networks->descriptions().front().subnet, "172.18.0.0/16");
  });
}

TEST_F(NetworksOnTheKernel, requests_that_cannot_be_met_are_refused) {
  in_new_namespace([] {
    auto networks = opened();
    EXPECT_EQ(networks->take({.container = container(1)}).error().kind(), ErrorKind::Internal);
    ASSERT_TRUE(networks->restore({}));
    auto asked =
        networks->take({.container = container(1), .ip = "172.17.9.9", .mac = "02:00:00:00:00:09"});
    ASSERT_TRUE(asked) << asked.error().message();
    EXPECT_EQ(asked->endpoint->ip, "172.17.9.9");
    EXPECT_EQ(asked->endpoint->mac, "02:00:00:00:00:09");
    const auto kind = [&](SandboxRequest request) {
      auto sandbox = networks->take(request);
      return sandbox ? ErrorKind::NotModified : sandbox.error().kind();
    };
    EXPECT_EQ(kind({.container = container(1)}), ErrorKind::Conflict);
    EXPECT_EQ(kind({.container = container(2), .ip = "172.17.9.9"}), ErrorKind::Conflict);
    EXPECT_EQ(kind({.container = container(2), .ip = "10.0.0.1"}), ErrorKind::InvalidArgument);
    EXPECT_EQ(kind({.container = container(2), .ip = "x"}), ErrorKind::InvalidArgument);
    EXPECT_EQ(kind({.container = container(2), .mac = "01:00:00:00:00:00"}),
              ErrorKind::InvalidArgument);
    // None of the refusals kept the container or the address.
    EXPECT_EQ(taken(*networks, 2).endpoint->ip, "172.17.0.2");
  });
}

TEST_F(NetworksOnTheKernel, a_foreign_chain_that_drops_is_named) {
  in_new_namespace([] {
    run("nft add table ip docker");
    run("nft 'add chain ip docker FORWARD { type filter hook forward priority 0; policy drop; }'");
    if (run("nft list ruleset").empty()) GTEST_SKIP() << "needs nft to add a foreign chain";
    auto networks = ready();
    auto netfilter = *sys::NetlinkSocket::open(NETLINK_NETFILTER);
    EXPECT_EQ(*foreign_forward_drops(netfilter, "wherry"),
              std::vector<std::string>{"ip docker FORWARD"});
    // And it is left alone.
    ASSERT_TRUE(networks->remove_everything());
    EXPECT_NE(run("nft list ruleset").find("policy drop"), std::string::npos);
  });
}

TEST_F(NetworksOnTheKernel, an_interface_of_that_name_is_not_taken_over) {
  in_new_namespace([] {
    run("ip link add wherry0 type veth peer name other0");
    auto networks = Networks::open({.engine_id = "test"});
    ASSERT_TRUE(networks);
    const auto problem = (*networks)->bridge_problem();
    ASSERT_TRUE(problem);
    EXPECT_EQ(problem->kind(), ErrorKind::Conflict);
    ASSERT_TRUE((*networks)->restore({}));
    EXPECT_EQ((*networks)->take({.container = container(1)}).error().kind(), ErrorKind::Conflict);
    EXPECT_TRUE((*networks)->take({.container = container(2), .mode = Mode::None}));
  });
}

TEST_F(NetworksOnTheKernel, without_net_admin_only_none_works_and_the_reason_is_told) {
  in_new_namespace([] {
    drop_capability(CAP_NET_ADMIN);
    auto networks = Networks::open({.engine_id = "test"});
    ASSERT_TRUE(networks);
    ASSERT_TRUE((*networks)->restore({}));
    const auto refused = (*networks)->take({.container = container(1)});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind(), ErrorKind::Unsupported);
    EXPECT_NE(refused.error().message().find("CAP_NET_ADMIN"), std::string::npos);
    EXPECT_NE(refused.error().message().find("--network none"), std::string::npos);
    EXPECT_TRUE((*networks)->take({.container = container(1), .mode = Mode::None}));
    EXPECT_EQ((*networks)->descriptions().size(), 3U);
    for (const Probe& probe : probe_host())
      EXPECT_EQ(probe.state == Probe::State::Missing,
                probe.feature == "bridge" || probe.feature == "nf_tables")
          << probe.feature << ": " << probe.detail;
  });
}

TEST_F(NetworksOnTheKernel, without_sys_admin_nothing_works_and_nothing_hangs) {
  in_new_namespace([] {
    drop_capability(CAP_SYS_ADMIN);
    auto networks = Networks::open({.engine_id = "test"});
    ASSERT_TRUE(networks);
    ASSERT_TRUE((*networks)->restore({}));
    for (const Mode mode : {Mode::Bridge, Mode::None}) {
      const auto refused = (*networks)->take({.container = container(1), .mode = mode});
      ASSERT_FALSE(refused);
      EXPECT_EQ(refused.error().kind(), ErrorKind::Unsupported) << refused.error().message();
      EXPECT_NE(refused.error().message().find("CAP_SYS_ADMIN"), std::string::npos);
    }
    EXPECT_EQ(probe_host().front().state, Probe::State::Missing);
  });
}

TEST_F(NetworksOnTheKernel, without_nf_tables_the_bridge_is_refused_and_none_works) {
  in_new_namespace([] {
    refuse_netfilter_sockets();
    auto networks = Networks::open({.engine_id = "test"});
    ASSERT_TRUE(networks);
    ASSERT_TRUE((*networks)->restore({}));
    const auto refused = (*networks)->take({.container = container(1)});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind(), ErrorKind::Unsupported);
    EXPECT_NE(refused.error().message().find("nf_tables"), std::string::npos);
    EXPECT_TRUE((*networks)->take({.container = container(1), .mode = Mode::None}));
    ASSERT_TRUE((*networks)->remove_everything());
    EXPECT_FALSE(link_named("wherry0"));
  });
}

TEST_F(NetworksOnTheKernel, the_probe_finds_everything_and_leaves_nothing) {
  in_new_namespace([] {
    const std::size_t before = links().size();
    const auto probes = probe_host();
    EXPECT_EQ(probes.size(), 5U);
    for (const Probe& probe : probes)
      EXPECT_EQ(probe.state, Probe::State::Ok) << probe.feature << ": " << probe.detail;
    EXPECT_EQ(links().size(), before);
    EXPECT_EQ(run("nft list ruleset"), "");
  });
}

TEST(Networks, invalid_options_are_refused_before_anything_is_made) {
  for (Options options :
       {Options{.suffix = "with-dash"}, Options{.suffix = "ninechars"}, Options{.bridge = {.bip = "nonsense"}},
        Options{.bridge = {.bip = "172.18.0.0/16"}}, Options{.bridge = {.bip = "172.18.0.1/32"}}, Options{.mtu = 1}}) {
    const auto networks = Networks::open(options);
    ASSERT_FALSE(networks);
    EXPECT_EQ(networks.error().kind(), ErrorKind::InvalidArgument);
  }
  EXPECT_EQ(Networks::open({.bridge = {.bip = "nonsense"}}).error().message(),
            "invalid CIDR address: nonsense");
}

TEST(VethPrefix, differs_between_engines_and_leaves_room_for_seven_digits) {
  EXPECT_EQ(veth_prefix("").size(), 8U);
  EXPECT_NE(veth_prefix(""), veth_prefix("e2"));
  EXPECT_EQ(veth_prefix("e2"), veth_prefix("e2"));
}

}  // namespace
}  // namespace wherry::network
