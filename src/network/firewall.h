// The engine's own nf_tables table: `table inet wherry`.
//
//   @bridges, @internal   names of bridges; @talking: pairs (a bridge with itself) with icc on
//   @ports, @ports_any    published ports: where a packet for a port of the host goes, by
//                         address or for every address of the host; @ports6, @ports6_any for IPv6
//
//   @links                pairs of addresses of the default bridge: --link
//
//   loopback (raw)     a container's packets to or from 127.0.0.0/8 are dropped
//   forward (filter)   answers pass; containers of one network reach each other as icc and links say;
//                      nothing leaves an internal network; what a published port translated
//                      passes; anything else towards containers is dropped
//   prerouting, output (nat)  published ports, for packets of others and of this host
//   postrouting (nat)  containers' packets that leave their bridge are masqueraded, and so
//                      are those that come back to it by a published port, and what this host
//                      sends from 127.0.0.1 or ::1
//
// In strict mode (docs/decisions/0010) published ports are translated there for packets of the
// bridges and for copies only, and the tables `ip wherry` and `ip6 wherry` hold
//
//   @ports, @ports_any    the published ports again: a table cannot look into another
//   input (filter, last)  a packet that opens a connection to one of them has passed the host's own
//                         input rules: a copy goes to the pair of interfaces, the packet itself ends
//
// A packet costs a few hash lookups, however many networks and ports there are. The policy of
// every chain is accept: traffic that is not ours is not judged here.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "network/address.h"
#include "network/ipv6.h"
#include "network/network.h"
#include "network/nftables.h"

namespace wherry::network {

enum class Internal : bool { No, Yes };
enum class Masquerade : bool { No, Yes };

struct FirewallNetwork {
  std::string bridge;
  std::optional<Subnet> subnet;
  Icc icc = Icc::Off;
  Internal internal = Internal::No;
  Masquerade masquerade = Masquerade::Yes;
  std::optional<Subnet6> subnet6 = std::nullopt;
};

// The pair of interfaces through which copies come back: strict.h.
struct StrictPath {
  std::string enters_by;  // name
  int leaves_by = 0;      // index
  sys::IpBytes gateway;
  std::optional<sys::IpBytes> gateway6;  // nothing: a host without IPv6
};

struct FirewallSpec {
  std::string table;
  std::vector<FirewallNetwork> networks;
  std::vector<PortTarget> ports;
  std::vector<AddressPair> links;  // the first may open connections to the second
  std::optional<StrictPath> strict = std::nullopt;
};

// Whose ports change: the table, and whether strict mode's tables hold them too.
struct PortTables {
  std::string name;
  bool strict = false;
  bool strict6 = false;
};

NftBatch firewall_batch(const FirewallSpec& spec);
// Replaces the table at one instant; running it twice changes nothing.
Result<> apply_firewall(sys::NetlinkSocket& netfilter, const FirewallSpec& spec);
// One batch each, beside the table as it is; nothing is done for an empty list.
Result<> add_ports(sys::NetlinkSocket& netfilter, const PortTables& tables,
                   std::span<const PortTarget> ports);
Result<> delete_ports(sys::NetlinkSocket& netfilter, const PortTables& tables,
                      std::span<const PortTarget> ports);
// A missing table is success.
Result<> remove_firewall(sys::NetlinkSocket& netfilter, const std::string& table);
// Strict mode's tables alone.
Result<> remove_strict_tables(sys::NetlinkSocket& netfilter, const std::string& table);
// Whether the kernel can copy packets to an address; Unsupported, with the option's name.
Result<> probe_copies(sys::NetlinkSocket& netfilter, const StrictPath& path);

// Foreign base chains whose policy or last rule drops forwarded packets, so that containers may
// have no way out although our table accepts: "ip filter FORWARD". Legacy iptables is not seen.
Result<std::vector<std::string>> foreign_forward_drops(sys::NetlinkSocket& netfilter,
                                                       const std::string& own_table);

}  // namespace wherry::network
