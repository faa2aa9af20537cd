#include "network/nftables.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <linux/netfilter/nfnetlink.h>

#include "base/strings.h"
#include "network/firewall.h"

namespace wherry::network {
namespace {

struct Message {
  std::uint16_t type;
  std::span<const std::byte> body;  // behind nlmsghdr
};

std::vector<Message> messages(const sys::NetlinkBatch& batch) {
  std::vector<Message> found;
  auto rest = batch.encoded();
  while (!rest.empty()) {
    nlmsghdr header{};
    std::memcpy(&header, rest.data(), sizeof header);
    found.push_back(
        {header.nlmsg_type, rest.subspan(sizeof header, header.nlmsg_len - sizeof header)});
    rest = rest.subspan(header.nlmsg_len);
  }
  return found;
}

std::string hex(std::span<const std::byte> bytes) {
  return to_hex({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
}

// The expressions of the only rule of a batch: what stands in NFTA_RULE_EXPRESSIONS.
std::string expressions(const NftRule& rule) {
  NftBatch batch("t");
  batch.rule("c", rule);
  const sys::NetlinkBatch encoded = std::move(batch).finish();
  const sys::NetlinkAttributes attributes(messages(encoded)[1].body.subspan(sizeof(nfgenmsg)));
  return hex(*attributes.find(NFTA_RULE_EXPRESSIONS));
}

// clang-format off: bytes stand in the groups of the layout
TEST(NftBatch, stands_between_begin_and_end) {
  NftBatch batch("t");
  batch.delete_table();
  const sys::NetlinkBatch encoded = std::move(batch).finish();
  const auto parts = messages(encoded);
  ASSERT_EQ(parts.size(), 3U);
  EXPECT_EQ(parts[0].type, NFNL_MSG_BATCH_BEGIN);
  EXPECT_EQ(hex(parts[0].body), "0000000a");  // unspecified family, version 0, subsystem 10 (be)
  EXPECT_EQ(parts[1].type, 10 << 8 | NFT_MSG_DELTABLE);
  EXPECT_EQ(hex(parts[1].body), "01000000" "0600" "0100" "74000000");  // family inet, name "t"
  EXPECT_EQ(parts[2].type, NFNL_MSG_BATCH_END);
}

TEST(NftBatch, replacing_creates_deletes_and_creates) {
  NftBatch batch("t");
  batch.replace_table();
  const sys::NetlinkBatch encoded = std::move(batch).finish();
  const auto parts = messages(encoded);
  ASSERT_EQ(parts.size(), 5U);
  EXPECT_EQ(parts[1].type & 255, NFT_MSG_NEWTABLE);
  EXPECT_EQ(parts[2].type & 255, NFT_MSG_DELTABLE);
  EXPECT_EQ(parts[3].type & 255, NFT_MSG_NEWTABLE);
}

TEST(NftBatch, a_base_chain_carries_hook_priority_and_policy) {
  NftBatch batch("t");
  batch.chain({"pre", "filter", NF_INET_PRE_ROUTING, -300});
  const sys::NetlinkBatch encoded = std::move(batch).finish();
  EXPECT_EQ(hex(messages(encoded)[1].body.subspan(sizeof(nfgenmsg))),
            "0600" "0100" "74000000"                                  // table "t"
            "0800" "0300" "70726500"                                  // name "pre"
            "1400" "0480" "0800" "0100" "00000000"                    // hook: number 0
            "0800" "0200" "fffffed4"                                  // hook: priority -300
            "0800" "0500" "00000001"                                  // policy accept
            "0b00" "0700" "66696c7465720000");                        // type "filter"
}

TEST(NftRule, an_interface_is_compared_with_all_sixteen_bytes) {
  EXPECT_EQ(expressions(NftRule().in_interface("wherry0")),
            "2400" "0180" "0900" "0100" "6d65746100000000"            // "meta"
            "1400" "0280" "0800" "0100" "00000001" "0800" "0200" "00000006"
            "3800" "0180" "0800" "0100" "636d7000"                    // "cmp"
            "2c00" "0280" "0800" "0100" "00000001" "0800" "0200" "00000000"
            "1800" "0380" "1400" "0100" "77686572727930000000000000000000");
}

TEST(NftRule, a_verdict_goes_into_register_zero) {
  EXPECT_EQ(expressions(NftRule().drop()),
            "3000" "0180" "0e00" "0100" "696d6d656469617465000000"    // "immediate"
            "1c00" "0280" "0800" "0100" "00000000"
            "1000" "0280" "0c00" "0280" "0800" "0100" "00000000");
  EXPECT_TRUE(expressions(NftRule().accept()).ends_with("0800" "0100" "00000001"));
}

TEST(NftRule, an_address_asks_for_the_protocol_first_and_masks) {
  const std::string text = expressions(NftRule().source(subnet_of(*parse_ipv4("172.17.0.0"), 16)));
  const auto protocol = text.find("0500" "0100" "02000000");  // nfproto ipv4
  const auto payload = text.find("7061796c6f616400");         // "payload"
  const auto offset = text.find("0800" "0300" "0000000c");    // the source address
  const auto mask = text.find("ffff0000");
  const auto address = text.find("ac110000");
  EXPECT_LT(protocol, payload);
  EXPECT_LT(payload, offset);
  EXPECT_LT(offset, mask);
  EXPECT_LT(mask, address);
  EXPECT_NE(address, std::string::npos);
}

TEST(NftRule, connection_states_are_masked_in_host_order) {
  // established is bit 1, related bit 2: 0x06000000 as this machine stores it.
  EXPECT_NE(expressions(NftRule().established()).find("0800" "0100" "06000000"),
            std::string::npos);
  EXPECT_NE(expressions(NftRule().translated()).find("0800" "0100" "20000000"), std::string::npos);
}

TEST(NftRule, a_comment_is_kept_as_nft_reads_it) {
  NftBatch batch("t");
  batch.rule("c", NftRule().accept().comment("hi"));
  const sys::NetlinkBatch encoded = std::move(batch).finish();
  const sys::NetlinkAttributes attributes(messages(encoded)[1].body.subspan(sizeof(nfgenmsg)));
  EXPECT_EQ(hex(*attributes.find(NFTA_RULE_USERDATA)), "0003" "686900");
}
// clang-format on

TEST(Firewall, icc_is_one_element_of_a_set) {
  FirewallSpec spec{"wherry", {{"wherry0", subnet_of(*parse_ipv4("172.17.0.0"), 16)}}, {}};
  const sys::NetlinkBatch off = firewall_batch(spec).finish();
  spec.networks.front().icc = Icc::On;
  const sys::NetlinkBatch on = firewall_batch(spec).finish();
  EXPECT_EQ(messages(on).size(), messages(off).size() + 1);
}

TEST(Firewall, a_thousand_ports_cost_messages_of_five_hundred) {
  FirewallSpec spec{"wherry", {{"wherry0", subnet_of(*parse_ipv4("172.17.0.0"), 16)}}, {}};
  const std::size_t without = messages(firewall_batch(spec).finish()).size();
  for (std::uint16_t port = 1; port <= 1000; ++port)
    spec.ports.push_back({.host_port = port, .container_ip = *parse_ip("172.17.0.2"),
                          .container_port = port});
  EXPECT_EQ(messages(firewall_batch(spec).finish()).size(), without + 2);
}

TEST(Firewall, a_port_is_its_address_protocol_and_number_in_network_order) {
  const auto text = [](const std::string& bytes) {
    return hex(std::as_bytes(std::span(bytes)));
  };
  const PortTarget port{.protocol = 17,
                        .host_ip = *parse_ip("10.0.0.1"),
                        .host_port = 0x1234,
                        .container_ip = *parse_ip("172.17.0.2"),
                        .container_port = 53};
  const NftElement element = port_element(port);
  EXPECT_EQ(text(element.key), "0a000001" "11000000" "12340000");
  EXPECT_EQ(text(element.data), "ac110002" "00350000");
  PortTarget any = port;
  any.host_ip.reset();
  EXPECT_EQ(text(port_element(any).key), "11000000" "12340000");
}

TEST(Firewall, an_ipv6_port_has_addresses_of_four_words) {
  const auto text = [](const std::string& bytes) {
    return hex(std::as_bytes(std::span(bytes)));
  };
  const PortTarget port{.protocol = 6,
                        .host_ip = *parse_ip("::1"),
                        .host_port = 0x1234,
                        .container_ip = *parse_ip("fd00::2"),
                        .container_port = 80};
  const NftElement element = port_element(port);
  EXPECT_EQ(text(element.key), "00000000" "00000000" "00000000" "00000001" "06000000" "12340000");
  EXPECT_EQ(text(element.data), "fd000000" "00000000" "00000000" "00000002" "00500000");
  EXPECT_EQ(port_map("m", NftRule::MapKey::Address, NftRule::Family::Ipv6).key_length,
            element.key.size());
  EXPECT_EQ(port_map("m", NftRule::MapKey::Address, NftRule::Family::Ipv6).data_length,
            element.data.size());
}

TEST(Firewall, ports_of_two_families_go_into_maps_of_their_own) {
  FirewallSpec spec{"wherry", {{"wherry0", subnet_of(*parse_ipv4("172.17.0.0"), 16)}}, {}};
  const std::size_t without = messages(firewall_batch(spec).finish()).size();
  for (const char* ip : {"172.17.0.2", "fd00::2"})
    spec.ports.push_back({.host_port = 80, .container_ip = *parse_ip(ip), .container_port = 80});
  EXPECT_EQ(messages(firewall_batch(spec).finish()).size(), without + 2);
}

StrictPath strict_path() {
  return {.enters_by = "in", .leaves_by = 7, .gateway = *parse_ip("192.0.0.8"),
          .gateway6 = parse_ip("fe80::8")};
}

// Families of the messages about elements, in their order.
std::string element_families(const sys::NetlinkBatch& batch) {
  std::string families;
  for (const Message& message : messages(batch))
    if ((message.type & 255) == NFT_MSG_NEWSETELEM || (message.type & 255) == NFT_MSG_DELSETELEM)
      families += fmt::format("{} ", static_cast<int>(message.body.front()));
  return families;
}

TEST(Firewall, strict_mode_has_the_ports_in_three_families_and_its_rules_in_two) {
  FirewallSpec spec{"wherry", {{"wherry0", subnet_of(*parse_ipv4("172.17.0.0"), 16)}}, {}};
  for (const char* ip : {"172.17.0.2", "fd00::2"})
    spec.ports.push_back({.host_port = 80, .container_ip = *parse_ip(ip), .container_port = 80});
  const sys::NetlinkBatch open = firewall_batch(spec).finish();
  spec.strict = strict_path();
  const sys::NetlinkBatch strict = firewall_batch(spec).finish();
  const auto families = element_families(strict);
  EXPECT_EQ(families, element_families(open) + fmt::format("{} {} ", NFPROTO_IPV4, NFPROTO_IPV6));
  spec.strict->gateway6.reset();
  EXPECT_EQ(element_families(firewall_batch(spec).finish()),
            element_families(open) + fmt::format("{} ", NFPROTO_IPV4));
}

// clang-format off: bytes stand in the groups of the layout
TEST(NftRule, a_copy_goes_to_an_address_by_an_interface) {
  const std::string text = expressions(NftRule().copy_to(*parse_ip("192.0.0.8"), 7));
  EXPECT_NE(text.find("c0000008"), std::string::npos);            // the address as it is on the wire
  EXPECT_NE(text.find("07000000"), std::string::npos);            // the index in the host's order
  EXPECT_NE(text.find("64757000"), std::string::npos);            // "dup"
  EXPECT_NE(text.find("08000100" "00000001" "08000200" "00000002"), std::string::npos);  // both registers
}
// clang-format on

TEST(NftSets, a_set_of_ports_has_the_keys_of_the_map) {
  using enum NftRule::MapKey;
  for (const auto family : {NftRule::Family::Ipv4, NftRule::Family::Ipv6})
    for (const auto key : {AnyAddress, Address}) {
      const NftSet set = port_set("p", key, family);
      EXPECT_EQ(set.key_length, port_map("p", key, family).key_length);
      EXPECT_EQ(set.key_type, port_map("p", key, family).key_type);
      EXPECT_EQ(set.data_length, 0U);
    }
}

}  // namespace
}  // namespace wherry::network
