// One network sandbox: how the pool makes it and how a take finishes it.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "network/address.h"
#include "network/ipv6.h"
#include "network/pool.h"

namespace wherry::network {

struct MakeSandbox {
  std::string veth_prefix;
  unsigned mtu = 1500;
};

// Makes sandboxes. Belongs to one thread, whose network namespace changes during make() and
// is the old one again after it.
class SandboxMaker {
 public:
  static Result<SandboxMaker> create();
  // Mode::None: lo only.
  Result<ReadySandbox> make(Mode mode, const MakeSandbox& options);

 private:
  // In the new namespace: what needs the thread to be there.
  Result<> prepare_namespace(ReadySandbox& sandbox, Mode mode);
  sys::Fd home_;  // the network namespace that the thread began in
};

// A veth pair whose container's end is `name`; both ends are up and operational after it.
struct AddInterface {
  std::string veth_prefix;
  std::string name = "eth0";
  unsigned mtu = 1500;
};
Result<> add_interface(ReadySandbox& sandbox, const AddInterface& request);

// Sockets into a namespace that exists, without an interface.
Result<ReadySandbox> open_sandbox(const sys::Fd& netns);

struct ConnectIpv6 {
  Ipv6 ip;
  unsigned prefix = 64;
  std::optional<Ipv6> gateway = std::nullopt;  // nothing: no default route by this interface
};

struct ConnectSandbox {
  int bridge_index = 0;
  bool isolated = true;
  bool hairpin = false;
  std::optional<Ipv4> ip;        // nothing: IPv6 alone
  unsigned prefix = 16;
  std::optional<Ipv4> gateway;   // nothing: no default route by this interface
  std::optional<unsigned> mtu = std::nullopt;  // nothing: as it is
  sys::MacAddress mac{};
  std::string owner;  // kept as the alias of our end of the veth pair: see owner_alias
  std::optional<ConnectIpv6> ipv6 = std::nullopt;  // nothing: disabled, as the interface came
  std::vector<sys::IpBytes> link_local = {};       // --link-local-ip
};
// "<container id>/<network id>": how restore finds the interface of an endpoint again.
std::string owner_alias(const ContainerId& container, const NetworkId& network);
// Addresses and routes of the interface eth0_index: the container's side of connect_sandbox.
Result<> connect_inside(ReadySandbox& sandbox, const ConnectSandbox& request);
// What a veth pair's interface begins with: no IPv6, and no router believed.
Result<> disable_ipv6_of_new_interfaces(const sys::Fd& netns);
// Address, MAC, route and bridge port: one batch outside, one inside.
Result<> connect_sandbox(ReadySandbox& sandbox, const ConnectSandbox& request);

// The host's side of connect_sandbox alone, for a container that lost its bridge.
Result<> connect_port(sys::NetlinkSocket& route, int host_index, const ConnectSandbox& request);

}  // namespace wherry::network
