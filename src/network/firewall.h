// The engine's own nf_tables table: `table inet wherry`.
//
//   prerouting (raw)   a container's packets to or from 127.0.0.0/8 are dropped
//   forward (filter)   answers pass; container to container as icc says; what a published
//                      port translated passes; anything else towards containers is dropped
//   postrouting (nat)  containers' packets that leave the bridge are masqueraded
//
// Published ports come as two chains of type nat (prerouting, output) that look up a verdict
// map by protocol, address and port; the rule on `ct status dnat` already lets them through.
// The policy of every chain is accept: traffic that is not ours is not judged here.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "network/address.h"
#include "network/network.h"
#include "network/nftables.h"

namespace wherry::network {

struct FirewallSpec {
  std::string table;
  std::string bridge;
  Subnet subnet;
  Icc icc = Icc::Off;
};

NftBatch firewall_batch(const FirewallSpec& spec);
// Replaces the table at one instant; running it twice changes nothing.
Result<> apply_firewall(sys::NetlinkSocket& netfilter, const FirewallSpec& spec);
// A missing table is success.
Result<> remove_firewall(sys::NetlinkSocket& netfilter, const std::string& table);

// Foreign base chains whose policy drops forwarded packets, so that containers may have no
// way out although our table accepts: "ip filter FORWARD". Legacy iptables is not seen.
Result<std::vector<std::string>> foreign_forward_drops(sys::NetlinkSocket& netfilter,
                                                       const std::string& own_table);

}  // namespace wherry::network
