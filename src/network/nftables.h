// nf_tables messages of one table of family inet, encoded by us: the libraries for it are
// GPL. A batch is carried out whole or not at all, and takes effect at one instant.
// Formats: <linux/netfilter/nf_tables.h> and nft(8).
#pragma once

// The C library's addresses come first: the kernel's headers then leave theirs out.
// clang-format off
#include <netinet/in.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
// clang-format on

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "network/address.h"
#include "sys/netlink.h"

namespace wherry::network {

// The expressions of one rule, in order; each narrows what reaches the next. Registers are
// of no concern outside.
class NftRule {
 public:
  NftRule& in_interface(std::string_view name) {
    return interface(NFT_META_IIFNAME, name, NFT_CMP_EQ);
  }
  NftRule& out_interface(std::string_view name) {
    return interface(NFT_META_OIFNAME, name, NFT_CMP_EQ);
  }
  NftRule& not_out_interface(std::string_view name) {
    return interface(NFT_META_OIFNAME, name, NFT_CMP_NEQ);
  }
  NftRule& source(const Subnet& subnet) { return address(12, subnet); }
  NftRule& destination(const Subnet& subnet) { return address(16, subnet); }
  NftRule& established();  // ct state established,related
  NftRule& translated();   // ct status dnat: came in through a published port
  NftRule& accept() { return verdict(NF_ACCEPT); }
  NftRule& drop() { return verdict(NF_DROP); }
  NftRule& masquerade();
  NftRule& comment(std::string_view text);  // what `nft list` shows; at most 127 bytes

 private:
  friend class NftBatch;
  using Step = std::function<void(sys::NetlinkBatch&)>;
  NftRule& interface(std::uint32_t key, std::string_view name, nft_cmp_ops operation);
  NftRule& address(std::uint32_t offset, const Subnet& subnet);
  NftRule& conntrack_bits(std::uint32_t key, std::uint32_t bits);
  NftRule& verdict(std::uint32_t code);
  NftRule& add(std::string_view expression, Step data);

  std::vector<Step> steps_;
  std::string comment_;
};

struct NftBaseChain {
  std::string name;
  std::string type;    // "filter" or "nat"
  std::uint32_t hook;  // NF_INET_*
  std::int32_t priority;
};

class NftBatch {
 public:
  explicit NftBatch(std::string table);

  // The table as it is described after this call; what it held before is gone at the same
  // instant.
  void replace_table();
  void delete_table();
  void chain(const NftBaseChain& chain);  // policy accept
  void rule(std::string_view chain, const NftRule& rule);

  // Closes the batch and sends it.
  Result<> commit(sys::NetlinkSocket& socket) &&;
  // Closes the batch, for tests.
  sys::NetlinkBatch finish() &&;

 private:
  void message(std::string_view name, std::uint16_t type, std::uint16_t flags);

  std::string table_;
  sys::NetlinkBatch batch_;
};

// A base chain of any table, as the kernel lists it.
struct NftChainInfo {
  std::uint8_t family = 0;  // NFPROTO_*
  std::string table;
  std::string name;
  std::uint32_t hook = 0;
  bool drops = false;  // policy drop
};
Result<std::vector<NftChainInfo>> list_base_chains(sys::NetlinkSocket& socket);

}  // namespace wherry::network
