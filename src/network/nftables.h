// nf_tables messages of tables of one name, mostly of family inet, encoded by us: the libraries for it are
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
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "network/address.h"
#include "network/ipv6.h"
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
  NftRule& source(const Subnet6& subnet) { return address6(8, subnet); }
  // The interface is in a set of names.
  NftRule& in_interface_of(std::string_view set) { return in_set(NFT_META_IIFNAME, set); }
  NftRule& out_interface_of(std::string_view set) { return in_set(NFT_META_OIFNAME, set); }
  // Incoming and outgoing interface, as a pair, are in a set of pairs.
  NftRule& interfaces_of(std::string_view set);
  // Source and destination address, as a pair, are in a set of pairs.
  NftRule& addresses_of(std::string_view set);
  NftRule& destination_is_local();  // fib daddr type local
  // Rewrites destination and port by a map: address . protocol . port -> address . port, or,
  // with MapKey::AnyAddress, protocol . port -> address . port. No element: the next rule.
  enum class MapKey : bool { AnyAddress, Address };
  enum class Family : bool { Ipv4, Ipv6 };
  NftRule& translate_by(std::string_view map, MapKey key, Family family = Family::Ipv4);
  // The packet's protocol and port, with MapKey::Address behind its address, are in a set of
  // ports: port_set. In families ip and ip6 only (nft 1.0.6 ends where it reads "nfproto" there).
  NftRule& port_in(std::string_view set, MapKey key, Family family = Family::Ipv4);
  // Sends a copy, which has no connection, to `gateway` by the interface. In families ip and ip6 only.
  NftRule& copy_to(const sys::IpBytes& gateway, int interface_index);
  NftRule& opens_connection();  // ct state new
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
  NftRule& address6(std::uint32_t offset, const Subnet6& subnet);
  NftRule& ipv4_only() { return protocol_only(NFPROTO_IPV4); }
  NftRule& protocol_only(std::uint8_t protocol);
  NftRule& in_set(std::uint32_t key, std::string_view set);
  NftRule& meta(std::uint32_t key, std::uint32_t target);
  struct Field {  // of a header
    nft_payload_bases base;
    std::uint32_t offset;
    std::uint32_t length;
  };
  NftRule& payload(const Field& field, std::uint32_t target);
  NftRule& load_port(MapKey key, Family family);
  NftRule& lookup(std::string_view set, std::optional<std::uint32_t> target);
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

// A named set, or a map if its data has a length. Types are nft(8)'s numbers, of which the
// kernel keeps only the lengths.
struct NftSet {
  std::string name;
  std::uint32_t key_type = 0;
  std::uint32_t key_length = 0;
  std::uint32_t data_type = 0;
  std::uint32_t data_length = 0;
};
NftSet interface_set(std::string name);
NftSet interface_pair_set(std::string name);
NftSet address_pair_set(std::string name);
NftSet port_map(std::string name, NftRule::MapKey key,
                NftRule::Family family = NftRule::Family::Ipv4);
// The keys of such a map.
NftSet port_set(std::string name, NftRule::MapKey key,
                NftRule::Family family = NftRule::Family::Ipv4);

struct NftElement {
  std::string key;  // bytes; see below
  std::string data = {};
};
NftElement interface_element(std::string_view name);
NftElement interface_pair_element(std::string_view in, std::string_view out);

struct AddressPair {
  Ipv4 source;
  Ipv4 destination;
  auto operator<=>(const AddressPair&) const = default;
};
NftElement address_pair_element(const AddressPair& pair);

// Both addresses are of one family.
struct PortTarget {
  std::uint8_t protocol = 6;  // IPPROTO_*
  std::optional<sys::IpBytes> host_ip;  // nothing: any of the host's
  std::uint16_t host_port = 0;
  sys::IpBytes container_ip;
  std::uint16_t container_port = 0;
};
NftElement port_element(const PortTarget& port);

class NftBatch {
 public:
  explicit NftBatch(std::string table);

  // What follows is said of the table of that name in this family; inet at first.
  void use_family(std::uint8_t family) { family_ = family; }

  // The table as it is described after this call; what it held before is gone at the same
  // instant.
  void replace_table();
  void delete_table();
  void chain(const NftBaseChain& chain);  // policy accept
  void rule(std::string_view chain, const NftRule& rule);
  void set(const NftSet& set);
  void add_elements(const NftSet& set, std::span<const NftElement> elements);
  void delete_elements(const NftSet& set, std::span<const NftElement> elements);

  // Closes the batch and sends it.
  Result<> commit(sys::NetlinkSocket& socket) &&;
  // Closes the batch, for tests.
  sys::NetlinkBatch finish() &&;

 private:
  void message(std::string_view name, std::uint16_t type, std::uint16_t flags);
  void elements(std::uint16_t type, const NftSet& set, std::span<const NftElement> elements);

  std::string table_;
  std::uint8_t family_ = NFPROTO_INET;
  sys::NetlinkBatch batch_;
  std::uint32_t next_set_id_ = 1;
  bool acknowledged_ = false;  // the first message asks for an answer
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
// Its last rule drops or rejects whatever gets there, as firewalld's does.
Result<bool> ends_with_drop(sys::NetlinkSocket& socket, const NftChainInfo& chain);

}  // namespace wherry::network
