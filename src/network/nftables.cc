#include "network/nftables.h"

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "base/check.h"

namespace wherry::network {
namespace {

constexpr std::uint32_t kRegister = NFT_REG_1;
// Type of a comment in a rule's user data, as nft(8) writes and reads it.
constexpr char kUserDataComment = 0;
constexpr std::size_t kMaximumComment = 127;

// Registers of four bytes; the first four of them are kRegister.
constexpr std::uint32_t kFirstWord = NFT_REG32_00;
// nft(8)'s numbers of types; a concatenation has six bits for each.
constexpr std::uint32_t kTypeIpv4 = 7;
constexpr std::uint32_t kTypeIpv6 = 8;
constexpr std::uint32_t kTypeProtocol = 12;
constexpr std::uint32_t kTypePort = 13;
constexpr std::uint32_t kTypeInterface = 41;
// User data of a set: type 0 (byte order of the key), length 4, 1 (the host's).
constexpr std::array<std::uint8_t, 6> kHostByteOrder = {0, 4, 1, 0, 0, 0};
constexpr unsigned kTypeBits = 6;
constexpr std::uint32_t kWord = 4;
// An attribute is at most 64 KiB long: one message has so many elements.
constexpr std::size_t kElementsPerMessage = 500;
constexpr std::uint32_t kSourceOffset = 12;   // of the addresses in an IPv4 header
constexpr std::uint32_t kAddressOffset = 16;  // of the destination in an IPv4 header
constexpr std::uint32_t kAddress6Offset = 24;
constexpr std::uint32_t kAddress6Length = 16;
constexpr std::uint32_t kPortOffset = 2;  // of the destination's in all three protocols

constexpr std::uint16_t table_message(std::uint16_t message) {
  return static_cast<std::uint16_t>(NFNL_SUBSYS_NFTABLES << 8 | message);
}

void batch_border(sys::NetlinkBatch& batch, std::string_view name, std::uint16_t type) {
  nfgenmsg header{};
  header.version = NFNETLINK_V0;
  header.res_id = htons(NFNL_SUBSYS_NFTABLES);
  batch.message(name, type, 0, header);
}

void value(sys::NetlinkBatch& batch, std::uint16_t type, std::span<const std::byte> bytes) {
  batch.nest(type, [&] { batch.bytes(NFTA_DATA_VALUE, bytes); });
}

void compare(sys::NetlinkBatch& batch, nft_cmp_ops operation, std::span<const std::byte> bytes) {
  batch.u32_be(NFTA_CMP_SREG, kRegister);
  batch.u32_be(NFTA_CMP_OP, operation);
  value(batch, NFTA_CMP_DATA, bytes);
}

// register = (register & mask) ^ 0
void mask_bytes(sys::NetlinkBatch& batch, std::span<const std::byte> mask) {
  constexpr std::array<std::byte, 16> kZero{};
  batch.u32_be(NFTA_BITWISE_SREG, kRegister);
  batch.u32_be(NFTA_BITWISE_DREG, kRegister);
  batch.u32_be(NFTA_BITWISE_LEN, static_cast<std::uint32_t>(mask.size()));
  value(batch, NFTA_BITWISE_MASK, mask);
  value(batch, NFTA_BITWISE_XOR, std::span(kZero).first(mask.size()));
}

template <class T>
std::vector<std::byte> bytes_of(const T& object) {
  const auto view = std::as_bytes(std::span(&object, 1));
  return {view.begin(), view.end()};
}

}  // namespace

NftRule& NftRule::add(std::string_view expression, Step data) {
  steps_.push_back(
      [name = std::string(expression), data = std::move(data)](sys::NetlinkBatch& batch) {
        batch.nest(NFTA_LIST_ELEM, [&] {
          batch.text(NFTA_EXPR_NAME, name);
          batch.nest(NFTA_EXPR_DATA, [&] { data(batch); });
        });
      });
  return *this;
}

NftRule& NftRule::interface(std::uint32_t key, std::string_view name, nft_cmp_ops operation) {
  CHECK(name.size() < IFNAMSIZ);
  std::array<char, IFNAMSIZ> padded{};
  std::copy(name.begin(), name.end(), padded.begin());
  add("meta", [key](sys::NetlinkBatch& batch) {
    batch.u32_be(NFTA_META_DREG, kRegister);
    batch.u32_be(NFTA_META_KEY, key);
  });
  return add("cmp", [padded, operation](sys::NetlinkBatch& batch) {
    compare(batch, operation, std::as_bytes(std::span(padded)));
  });
}

NftRule& NftRule::meta(std::uint32_t key, std::uint32_t target) {
  return add("meta", [key, target](sys::NetlinkBatch& batch) {
    batch.u32_be(NFTA_META_DREG, target);
    batch.u32_be(NFTA_META_KEY, key);
  });
}

NftRule& NftRule::payload(const Field& field, std::uint32_t target) {
  return add("payload", [=](sys::NetlinkBatch& batch) {
    batch.u32_be(NFTA_PAYLOAD_DREG, target);
    batch.u32_be(NFTA_PAYLOAD_BASE, field.base);
    batch.u32_be(NFTA_PAYLOAD_OFFSET, field.offset);
    batch.u32_be(NFTA_PAYLOAD_LEN, field.length);
  });
}

NftRule& NftRule::lookup(std::string_view set, std::optional<std::uint32_t> target) {
  return add("lookup", [set = std::string(set), target](sys::NetlinkBatch& batch) {
    batch.text(NFTA_LOOKUP_SET, set);
    batch.u32_be(NFTA_LOOKUP_SREG, kRegister);
    if (target) batch.u32_be(NFTA_LOOKUP_DREG, *target);
  });
}

NftRule& NftRule::in_set(std::uint32_t key, std::string_view set) {
  return meta(key, kRegister).lookup(set, std::nullopt);
}

NftRule& NftRule::interfaces_of(std::string_view set) {
  // Two names of sixteen bytes fill two registers.
  return meta(NFT_META_IIFNAME, NFT_REG_1)
      .meta(NFT_META_OIFNAME, NFT_REG_2)
      .lookup(set, std::nullopt);
}

NftRule& NftRule::addresses_of(std::string_view set) {
  ipv4_only();
  return payload({NFT_PAYLOAD_NETWORK_HEADER, kSourceOffset, kWord}, kFirstWord)
      .payload({NFT_PAYLOAD_NETWORK_HEADER, kAddressOffset, kWord}, kFirstWord + 1)
      .lookup(set, std::nullopt);
}

NftRule& NftRule::destination_is_local() {
  add("fib", [](sys::NetlinkBatch& batch) {
    batch.u32_be(NFTA_FIB_DREG, kRegister);
    batch.u32_be(NFTA_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
    batch.u32_be(NFTA_FIB_FLAGS, NFTA_FIB_F_DADDR);
  });
  return add("cmp", [](sys::NetlinkBatch& batch) {
    compare(batch, NFT_CMP_EQ, bytes_of(std::uint32_t{RTN_LOCAL}));
  });
}

namespace {

constexpr std::uint8_t protocol_of(NftRule::Family family) {
  return family == NftRule::Family::Ipv4 ? NFPROTO_IPV4 : NFPROTO_IPV6;
}

}  // namespace

NftRule& NftRule::load_port(MapKey key, Family family) {
  const bool is_ipv4 = family == Family::Ipv4;
  const Field address = is_ipv4
                            ? Field{NFT_PAYLOAD_NETWORK_HEADER, kAddressOffset, kWord}
                            : Field{NFT_PAYLOAD_NETWORK_HEADER, kAddress6Offset, kAddress6Length};
  std::uint32_t word = kFirstWord;
  if (key == MapKey::Address) {
    payload(address, word);
    word += address.length / kWord;
  }
  meta(NFT_META_L4PROTO, word++);
  return payload({NFT_PAYLOAD_TRANSPORT_HEADER, kPortOffset, 2}, word);
}

NftRule& NftRule::port_in(std::string_view set, MapKey key, Family family) {
  return load_port(key, family).lookup(set, std::nullopt);
}

NftRule& NftRule::copy_to(const sys::IpBytes& gateway, int interface_index) {
  constexpr std::uint32_t kDevice = NFT_REG_2;
  const auto load = [this](std::uint32_t target, std::vector<std::byte> bytes) {
    add("immediate", [target, bytes = std::move(bytes)](sys::NetlinkBatch& batch) {
      batch.u32_be(NFTA_IMMEDIATE_DREG, target);
      batch.nest(NFTA_IMMEDIATE_DATA, [&] { batch.bytes(NFTA_DATA_VALUE, bytes); });
    });
  };
  const auto view = gateway.view();
  load(kRegister, {view.begin(), view.end()});
  load(kDevice, bytes_of(static_cast<std::uint32_t>(interface_index)));
  return add("dup", [](sys::NetlinkBatch& batch) {
    batch.u32_be(NFTA_DUP_SREG_ADDR, kRegister);
    batch.u32_be(NFTA_DUP_SREG_DEV, kDevice);
  });
}

NftRule& NftRule::opens_connection() {
  return conntrack_bits(NFT_CT_STATE, NF_CT_STATE_BIT(IP_CT_NEW));
}

NftRule& NftRule::translate_by(std::string_view map, MapKey key, Family family) {
  const std::uint8_t protocol = protocol_of(family);
  const std::uint32_t words = family == Family::Ipv4 ? 1 : kAddress6Length / kWord;
  protocol_only(protocol).load_port(key, family).lookup(map, kRegister);
  return add("nat", [=](sys::NetlinkBatch& batch) {
    batch.u32_be(NFTA_NAT_TYPE, NFT_NAT_DNAT);
    batch.u32_be(NFTA_NAT_FAMILY, protocol);
    batch.u32_be(NFTA_NAT_REG_ADDR_MIN, kFirstWord);
    batch.u32_be(NFTA_NAT_REG_PROTO_MIN, kFirstWord + words);
  });
}

NftRule& NftRule::protocol_only(std::uint8_t protocol) {
  meta(NFT_META_NFPROTO, kRegister);
  return add("cmp", [protocol](sys::NetlinkBatch& batch) {
    compare(batch, NFT_CMP_EQ, bytes_of(protocol));
  });
}

NftRule& NftRule::address(std::uint32_t offset, const Subnet& subnet) {
  // In family inet the offset of an address means nothing before the protocol is known.
  ipv4_only();
  payload({NFT_PAYLOAD_NETWORK_HEADER, offset, kWord}, kRegister);
  add("bitwise", [mask = htonl(subnet.mask())](sys::NetlinkBatch& batch) {
    mask_bytes(batch, bytes_of(mask));
  });
  return add("cmp", [base = subnet.base.bytes()](sys::NetlinkBatch& batch) {
    compare(batch, NFT_CMP_EQ, base.view());
  });
}

NftRule& NftRule::address6(std::uint32_t offset, const Subnet6& subnet) {
  protocol_only(NFPROTO_IPV6);
  payload({NFT_PAYLOAD_NETWORK_HEADER, offset, kAddress6Length}, kRegister);
  add("bitwise", [mask = subnet.mask().bytes()](sys::NetlinkBatch& batch) {
    mask_bytes(batch, mask.view());
  });
  return add("cmp", [base = subnet.base.bytes()](sys::NetlinkBatch& batch) {
    compare(batch, NFT_CMP_EQ, base.view());
  });
}

NftRule& NftRule::conntrack_bits(std::uint32_t key, std::uint32_t bits) {
  add("ct", [key](sys::NetlinkBatch& batch) {
    batch.u32_be(NFTA_CT_DREG, kRegister);
    batch.u32_be(NFTA_CT_KEY, key);
  });
  // Conntrack's words are in host order.
  add("bitwise", [bits](sys::NetlinkBatch& batch) { mask_bytes(batch, bytes_of(bits)); });
  return add("cmp", [](sys::NetlinkBatch& batch) {
    compare(batch, NFT_CMP_NEQ, bytes_of(std::uint32_t{0}));
  });
}

NftRule& NftRule::established() {
  return conntrack_bits(NFT_CT_STATE,
                        NF_CT_STATE_BIT(IP_CT_ESTABLISHED) | NF_CT_STATE_BIT(IP_CT_RELATED));
}

NftRule& NftRule::translated() {
  return conntrack_bits(NFT_CT_STATUS, IPS_DST_NAT);
}

NftRule& NftRule::verdict(std::uint32_t code) {
  return add("immediate", [code](sys::NetlinkBatch& batch) {
    batch.u32_be(NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
    batch.nest(NFTA_IMMEDIATE_DATA, [&] {
      batch.nest(NFTA_DATA_VERDICT, [&] { batch.u32_be(NFTA_VERDICT_CODE, code); });
    });
  });
}

NftRule& NftRule::masquerade() {
  return add("masq", [](sys::NetlinkBatch&) {});
}

NftRule& NftRule::comment(std::string_view text) {
  CHECK(text.size() <= kMaximumComment);
  comment_ = std::string{kUserDataComment, static_cast<char>(text.size() + 1)};
  comment_.append(text).push_back('\0');
  return *this;
}

namespace {

std::string padded_name(std::string_view name) {
  CHECK(name.size() < IFNAMSIZ);
  std::string bytes(name);
  bytes.resize(IFNAMSIZ);
  return bytes;
}

// A number in network order at the beginning of a word of four bytes.
std::string word_of(std::uint32_t value, std::size_t bytes) {
  std::string word(kWord, '\0');
  for (std::size_t i = 0; i < bytes; ++i)
    word[i] = static_cast<char>(value >> 8 * (bytes - 1 - i));
  return word;
}

std::string address_bytes(const sys::IpBytes& ip) {
  return {reinterpret_cast<const char*>(ip.bytes.data()), ip.size};
}

}  // namespace

NftSet interface_set(std::string name) {
  return {.name = std::move(name), .key_type = kTypeInterface, .key_length = IFNAMSIZ};
}

NftSet interface_pair_set(std::string name) {
  return {.name = std::move(name),
          .key_type = kTypeInterface << kTypeBits | kTypeInterface,
          .key_length = 2 * IFNAMSIZ};
}

NftSet address_pair_set(std::string name) {
  return {.name = std::move(name),
          .key_type = kTypeIpv4 << kTypeBits | kTypeIpv4,
          .key_length = 2 * kWord};
}

NftSet port_map(std::string name, NftRule::MapKey key, NftRule::Family family) {
  constexpr std::uint32_t kPort = kTypeProtocol << kTypeBits | kTypePort;
  const bool is_ipv4 = family == NftRule::Family::Ipv4;
  const std::uint32_t type = is_ipv4 ? kTypeIpv4 : kTypeIpv6;
  const std::uint32_t length = is_ipv4 ? kWord : kAddress6Length;
  const bool address = key == NftRule::MapKey::Address;
  return {.name = std::move(name),
          .key_type = address ? type << 2 * kTypeBits | kPort : kPort,
          .key_length = address ? length + 2 * kWord : 2 * kWord,
          .data_type = type << kTypeBits | kTypePort,
          .data_length = length + kWord};
}

NftSet port_set(std::string name, NftRule::MapKey key, NftRule::Family family) {
  NftSet set = port_map(std::move(name), key, family);
  set.data_type = set.data_length = 0;
  return set;
}

NftElement interface_element(std::string_view name) { return {.key = padded_name(name)}; }

NftElement interface_pair_element(std::string_view in, std::string_view out) {
  return {.key = padded_name(in) + padded_name(out)};
}

NftElement address_pair_element(const AddressPair& pair) {
  return {.key = word_of(pair.source.value, 4) + word_of(pair.destination.value, 4)};
}

NftElement port_element(const PortTarget& port) {
  NftElement element;
  if (port.host_ip) element.key = address_bytes(*port.host_ip);
  element.key += word_of(port.protocol, 1) + word_of(port.host_port, 2);
  element.data = address_bytes(port.container_ip) + word_of(port.container_port, 2);
  return element;
}

NftBatch::NftBatch(std::string table) : table_(std::move(table)) {
  batch_border(batch_, "begin nf_tables batch", NFNL_MSG_BATCH_BEGIN);
}

void NftBatch::message(std::string_view name, std::uint16_t type, std::uint16_t flags) {
  nfgenmsg header{};
  header.nfgen_family = family_;
  header.version = NFNETLINK_V0;
  batch_.message(name, table_message(type), flags, header);
}

void NftBatch::replace_table() {
  // Deleting needs the table to exist: create it first where it does not. The first message
  // carries the acknowledgement, because kernels before 6.10 do not acknowledge the end of
  // a batch.
  const std::uint16_t answer = std::exchange(acknowledged_, true) ? 0 : NLM_F_ACK;
  message("create table " + table_, NFT_MSG_NEWTABLE,
          static_cast<std::uint16_t>(NLM_F_CREATE | answer));
  batch_.text(NFTA_TABLE_NAME, table_);
  message("delete table " + table_, NFT_MSG_DELTABLE, 0);
  batch_.text(NFTA_TABLE_NAME, table_);
  message("create table " + table_, NFT_MSG_NEWTABLE, NLM_F_CREATE);
  batch_.text(NFTA_TABLE_NAME, table_);
}

void NftBatch::delete_table() {
  message("delete table " + table_, NFT_MSG_DELTABLE, NLM_F_ACK);
  batch_.text(NFTA_TABLE_NAME, table_);
}

void NftBatch::chain(const NftBaseChain& chain) {
  message("create chain " + chain.name, NFT_MSG_NEWCHAIN, NLM_F_CREATE);
  batch_.text(NFTA_CHAIN_TABLE, table_);
  batch_.text(NFTA_CHAIN_NAME, chain.name);
  batch_.nest(NFTA_CHAIN_HOOK, [&] {
    batch_.u32_be(NFTA_HOOK_HOOKNUM, chain.hook);
    batch_.u32_be(NFTA_HOOK_PRIORITY, static_cast<std::uint32_t>(chain.priority));
  });
  batch_.u32_be(NFTA_CHAIN_POLICY, NF_ACCEPT);
  batch_.text(NFTA_CHAIN_TYPE, chain.type);
}

void NftBatch::rule(std::string_view chain, const NftRule& rule) {
  message("add rule to chain " + std::string(chain), NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
  batch_.text(NFTA_RULE_TABLE, table_);
  batch_.text(NFTA_RULE_CHAIN, chain);
  batch_.nest(NFTA_RULE_EXPRESSIONS, [&] {
    for (const auto& step : rule.steps_) step(batch_);
  });
  if (!rule.comment_.empty())
    batch_.bytes(NFTA_RULE_USERDATA, std::as_bytes(std::span(rule.comment_)));
}

void NftBatch::set(const NftSet& set) {
  message("create set " + set.name, NFT_MSG_NEWSET, NLM_F_CREATE);
  batch_.text(NFTA_SET_TABLE, table_);
  batch_.text(NFTA_SET_NAME, set.name);
  batch_.u32_be(NFTA_SET_FLAGS, set.data_length == 0 ? 0 : NFT_SET_MAP);
  batch_.u32_be(NFTA_SET_KEY_TYPE, set.key_type);
  batch_.u32_be(NFTA_SET_KEY_LEN, set.key_length);
  if (set.data_length != 0) {
    batch_.u32_be(NFTA_SET_DATA_TYPE, set.data_type);
    batch_.u32_be(NFTA_SET_DATA_LEN, set.data_length);
  }
  batch_.u32_be(NFTA_SET_ID, next_set_id_++);
  // What nft(8) needs to show names of interfaces: the kernel does not read it.
  if (set.key_type == kTypeInterface)
    batch_.bytes(NFTA_SET_USERDATA, std::as_bytes(std::span(kHostByteOrder)));
}

void NftBatch::elements(std::uint16_t type, const NftSet& set,
                        std::span<const NftElement> elements) {
  const bool adds = type == NFT_MSG_NEWSETELEM;
  while (!elements.empty()) {
    const auto some = elements.first(std::min(elements.size(), kElementsPerMessage));
    elements = elements.subspan(some.size());
    const std::uint16_t flags = (adds ? NLM_F_CREATE | NLM_F_EXCL : 0) |
                                (std::exchange(acknowledged_, true) ? 0 : NLM_F_ACK);
    message((adds ? "add elements to " : "delete elements of ") + set.name, type, flags);
    batch_.text(NFTA_SET_ELEM_LIST_TABLE, table_);
    batch_.text(NFTA_SET_ELEM_LIST_SET, set.name);
    batch_.nest(NFTA_SET_ELEM_LIST_ELEMENTS, [&] {
      for (const NftElement& element : some) {
        batch_.nest(NFTA_LIST_ELEM, [&] {
          batch_.nest(NFTA_SET_ELEM_KEY, [&] {
            batch_.bytes(NFTA_DATA_VALUE, std::as_bytes(std::span(element.key)));
          });
          if (element.data.empty() || !adds) return;
          batch_.nest(NFTA_SET_ELEM_DATA, [&] {
            batch_.bytes(NFTA_DATA_VALUE, std::as_bytes(std::span(element.data)));
          });
        });
      }
    });
  }
}

void NftBatch::add_elements(const NftSet& set, std::span<const NftElement> added) {
  elements(NFT_MSG_NEWSETELEM, set, added);
}

void NftBatch::delete_elements(const NftSet& set, std::span<const NftElement> deleted) {
  elements(NFT_MSG_DELSETELEM, set, deleted);
}

sys::NetlinkBatch NftBatch::finish() && {
  batch_border(batch_, "end nf_tables batch", NFNL_MSG_BATCH_END);
  return std::move(batch_);
}

Result<> NftBatch::commit(sys::NetlinkSocket& socket) && {
  return socket.transact(std::move(*this).finish());
}

namespace {

bool is_drop(const sys::NetlinkAttributes& expression) {
  const auto data = expression.nested(NFTA_EXPR_DATA);
  const auto value = data ? data->nested(NFTA_IMMEDIATE_DATA) : std::nullopt;
  const auto verdict = value ? value->nested(NFTA_DATA_VERDICT) : std::nullopt;
  return verdict && verdict->u32_be(NFTA_VERDICT_CODE) == std::uint32_t{NF_DROP};
}

// Of a rule that asks for nothing: the packet's end for every packet.
bool drops_everything(const sys::NetlinkAttributes& rule) {
  const auto expressions = rule.nested(NFTA_RULE_EXPRESSIONS);
  if (!expressions) return false;
  for (const auto& element : expressions->all()) {
    const sys::NetlinkAttributes expression(element.value);
    const std::string name = expression.text(NFTA_EXPR_NAME);
    if (name == "reject" || (name == "immediate" && is_drop(expression))) return true;
    if (name != "counter" && name != "log") return false;
  }
  return false;
}

}  // namespace

Result<bool> ends_with_drop(sys::NetlinkSocket& socket, const NftChainInfo& chain) {
  bool drops = false;
  sys::NetlinkBatch request;
  nfgenmsg header{};
  header.nfgen_family = chain.family;
  header.version = NFNETLINK_V0;
  request.message("list rules", table_message(NFT_MSG_GETRULE), 0, header);
  request.text(NFTA_RULE_TABLE, chain.table);
  request.text(NFTA_RULE_CHAIN, chain.name);
  const auto visit = [&](std::uint16_t, std::span<const std::byte> body) {
    if (body.size() >= sizeof(nfgenmsg))
      drops = drops_everything(sys::NetlinkAttributes(body.subspan(sizeof(nfgenmsg))));
  };
  TRY(socket.dump(request, visit, [&] { drops = false; }));
  return drops;
}

Result<std::vector<NftChainInfo>> list_base_chains(sys::NetlinkSocket& socket) {
  std::vector<NftChainInfo> chains;
  sys::NetlinkBatch request;
  nfgenmsg header{};
  header.nfgen_family = NFPROTO_UNSPEC;
  header.version = NFNETLINK_V0;
  request.message("list chains", table_message(NFT_MSG_GETCHAIN), 0, header);
  const auto visit = [&](std::uint16_t, std::span<const std::byte> body) {
    if (body.size() < sizeof(nfgenmsg)) return;
    const sys::NetlinkAttributes attributes(body.subspan(sizeof(nfgenmsg)));
    const auto hook = attributes.nested(NFTA_CHAIN_HOOK);
    if (!hook) return;
    chains.push_back({static_cast<std::uint8_t>(body.front()), attributes.text(NFTA_CHAIN_TABLE),
                      attributes.text(NFTA_CHAIN_NAME), hook->u32_be(NFTA_HOOK_HOOKNUM).value_or(0),
                      attributes.u32_be(NFTA_CHAIN_POLICY).value_or(NF_ACCEPT) == NF_DROP});
  };
  TRY(socket.dump(request, visit, [&] { chains.clear(); }));
  return chains;
}

}  // namespace wherry::network
