#include "network/probe.h"

#include <fmt/format.h>
#include <linux/netlink.h>
#include <sched.h>
#include <unistd.h>

#include <cerrno>
#include <thread>

#include "base/strings.h"
#include "network/bridge.h"
#include "network/firewall.h"
#include "network/sandbox.h"

namespace wherry::network {
namespace {

constexpr const char* kBridge = "wherry-probe";

Probe missing(std::string feature, std::string detail) {
  return {std::move(feature), Probe::State::Missing, std::move(detail)};
}

Probe judge(std::string feature, const Result<>& outcome) {
  if (outcome) return {std::move(feature), Probe::State::Ok, ""};
  return missing(std::move(feature), outcome.error().message());
}

Result<Bridge> try_bridge() {
  auto route = TRY(sys::NetlinkSocket::open(NETLINK_ROUTE));
  return ensure_bridge(route, {kBridge, "192.168.0.1/24", 1500});
}

Result<> try_pair(int bridge_index) {
  SandboxMaker maker = TRY(SandboxMaker::create());
  ReadySandbox sandbox = TRY(maker.make(Mode::Bridge, {veth_prefix("probe"), 1500}));
  const Ipv4 gateway = *parse_ipv4("192.168.0.1");
  const Ipv4 ip{gateway.value + 1};
  return connect_sandbox(sandbox, {.bridge_index = bridge_index,
                                   .ip = ip,
                                   .prefix = 24,
                                   .gateway = gateway,
                                   .mac = mac_for(ip),
                                   .owner = ""});
}

Result<> try_firewall() {
  auto netfilter = sys::NetlinkSocket::open(NETLINK_NETFILTER);
  if (!netfilter) return explain(std::move(netfilter).error(), "nf_tables");
  const FirewallNetwork network{kBridge, subnet_of(*parse_ipv4("192.168.0.0"), 24)};
  const PortTarget port{.host_port = 80, .container_ip = parse_ipv4("192.168.0.2")->bytes(),
                        .container_port = 80};
  auto applied = apply_firewall(*netfilter, {kBridge, {network}, {port}});
  if (!applied) return explain(std::move(applied).error(), "nf_tables");
  return {};
}

// Runs in a namespace of its own, which ends with the thread.
void probe_in_namespace(std::vector<Probe>& probes) {
  auto bridge = try_bridge();
  probes.push_back(judge("bridge", bridge ? Result<>{} : std::unexpected(bridge.error())));
  if (bridge) {
    auto pair = try_pair(bridge->index);
    if (!pair) pair = explain(std::move(pair).error(), "veth");
    probes.push_back(judge("veth and bridge port isolation", pair));
  }
  probes.push_back(judge("nf_tables", try_firewall()));
}

Probe probe_forwarding() {
  const std::string feature = "ip forwarding";
  constexpr const char* kPath = "/proc/sys/net/ipv4/ip_forward";
  const auto now = sys::read_file(kPath);
  if (!now)
    return missing(feature, now.error().message() + ": mount proc, containers stay without NAT");
  if (trim(*now) == "1") return {feature, Probe::State::Ok, ""};
  if (::access(kPath, W_OK) == 0)
    return {feature, Probe::State::Ok, "off now, the engine switches it on"};
  return {feature, Probe::State::Limited,
          "net.ipv4.ip_forward is 0 and cannot be written here: set it on the host with `sysctl "
          "-w net.ipv4.ip_forward=1`, until then containers reach only this host"};
}

}  // namespace

std::vector<Probe> probe_host() {
  std::vector<Probe> probes;
  std::thread scratch([&] {
    if (::unshare(CLONE_NEWNET) == 0) {
      probes.push_back({"network namespaces", Probe::State::Ok, ""});
      probe_in_namespace(probes);
      return;
    }
    probes.push_back(
        missing("network namespaces",
                explain(Error::from_errno(errno, "create network namespace"), "network namespaces")
                    .message()));
  });
  scratch.join();
  probes.push_back(probe_forwarding());
  return probes;
}

}  // namespace wherry::network
