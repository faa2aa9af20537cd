#include "sys/netlink.h"

#include <gtest/gtest.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sys/socket.h>

#include "base/strings.h"
#include "sys/netlink_route.h"

namespace wherry::sys {
namespace {

std::string hex(std::span<const std::byte> bytes) {
  return to_hex({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
}

constexpr std::size_t kHeaderBytes = sizeof(nlmsghdr);

struct Family {
  std::uint32_t value = 0x11223344;
};

// clang-format off: bytes stand in the groups of the layout
TEST(NetlinkBatch, a_message_is_its_header_and_the_fixed_part) {
  NetlinkBatch batch;
  batch.message("test", 0x1234, NLM_F_CREATE, Family{});
  // length 20, type 0x1234, flags CREATE|REQUEST, sequence 0, port 0, then the family header.
  EXPECT_EQ(hex(batch.encoded()),
            "14000000" "3412" "0104" "00000000" "00000000" "44332211");
}

TEST(NetlinkBatch, attributes_are_padded_to_four_bytes_and_counted_without_padding) {
  NetlinkBatch batch;
  batch.message("test", 1, 0, Family{});
  batch.text(3, "lo");
  batch.u8(4, 7);
  batch.u16(5, 0x0102);
  batch.u32_be(6, 0x01020304);
  batch.u64_be(7, 0x0102030405060708);
  batch.flag(8);
  EXPECT_EQ(hex(batch.encoded().subspan(kHeaderBytes + 4)),
            "0700" "0300" "6c6f0000"
            "0500" "0400" "07000000"
            "0600" "0500" "02010000"
            "0800" "0600" "01020304"
            "0c00" "0700" "0102030405060708"
            "0400" "0800");
}

TEST(NetlinkBatch, a_nest_spans_what_is_inside) {
  NetlinkBatch batch;
  batch.message("test", 1, 0, Family{});
  batch.nest(18, [&] {
    batch.text(1, "veth");
    batch.nest(2, [&] { batch.u32(1, 5); });
  });
  EXPECT_EQ(hex(batch.encoded().subspan(kHeaderBytes + 4)),
            "1c00" "1280"
            "0900" "0100" "7665746800000000"
            "0c00" "0280" "0800" "0100" "05000000");
}
// clang-format on

TEST(NetlinkBatch, each_message_of_a_batch_has_its_own_length) {
  NetlinkBatch batch;
  batch.message("first", 1, 0, Family{});
  batch.u32(1, 1);
  batch.message("second", 2, 0, Family{});
  const std::string text = hex(batch.encoded());
  EXPECT_EQ(text.substr(0, 8), "1c000000");
  EXPECT_EQ(text.substr(2 * 28, 8), "14000000");
}

TEST(NetlinkAttributes, are_read_back_by_type) {
  NetlinkBatch batch;
  batch.message("test", 1, 0, Family{});
  batch.text(3, "eth0");
  batch.u32(4, 42);
  batch.u32_be(5, 7);
  batch.nest(6, [&] { batch.u8(1, 9); });
  const NetlinkAttributes attributes(batch.encoded().subspan(kHeaderBytes + 4));
  EXPECT_EQ(attributes.text(3), "eth0");
  EXPECT_EQ(attributes.u32(4), 42U);
  EXPECT_EQ(attributes.u32_be(5), 7U);
  ASSERT_TRUE(attributes.nested(6));
  EXPECT_EQ(attributes.nested(6)->u8(1), 9);
  EXPECT_EQ(attributes.all().size(), 4U);
  EXPECT_FALSE(attributes.find(99));
  EXPECT_EQ(attributes.text(99), "");
}

TEST(NetlinkAttributes, a_length_beyond_the_end_or_below_the_header_ends_the_list) {
  for (const std::uint16_t bad_length : {0, 3, 200}) {
    NetlinkBatch batch;
    batch.message("test", 1, 0, Family{});
    batch.u32(1, 1);
    batch.u32(2, 2);
    std::vector<std::byte> bytes(batch.encoded().begin() + kHeaderBytes + 4, batch.encoded().end());
    std::memcpy(bytes.data() + 8, &bad_length, sizeof bad_length);
    const NetlinkAttributes attributes(bytes);
    EXPECT_EQ(attributes.all().size(), 1U) << bad_length;
    EXPECT_EQ(attributes.u32(1), 1U);
  }
  EXPECT_TRUE(NetlinkAttributes({}).all().empty());
}

TEST(NetlinkRoute, a_veth_peer_is_made_inside_its_namespace) {
  NetlinkBatch batch;
  add_veth(batch, {.name = "v0", .peer_name = "eth0", .peer_netns = 9, .mtu = 1400});
  const NetlinkAttributes link(batch.encoded().subspan(kHeaderBytes + sizeof(ifinfomsg)));
  EXPECT_EQ(link.text(IFLA_IFNAME), "v0");
  EXPECT_EQ(link.u32(IFLA_MTU), 1400U);
  const auto info = link.nested(IFLA_LINKINFO);
  ASSERT_TRUE(info);
  EXPECT_EQ(info->text(IFLA_INFO_KIND), "veth");
  const auto peer = info->nested(IFLA_INFO_DATA)->find(VETH_INFO_PEER);
  ASSERT_TRUE(peer);
  const NetlinkAttributes inside(peer->subspan(sizeof(ifinfomsg)));
  EXPECT_EQ(inside.text(IFLA_IFNAME), "eth0");
  EXPECT_EQ(inside.u32(IFLA_NET_NS_FD), 9U);
}

// clang-format off
TEST(NetlinkRoute, an_address_brings_its_broadcast_address) {
  NetlinkBatch batch;
  add_address(batch, {.index = 3, .ip = {{172, 17, 0, 2}, 4}, .prefix = 20});
  EXPECT_EQ(hex(batch.encoded().subspan(kHeaderBytes)),
            "02" "14" "00" "00" "03000000"
            "0800" "0200" "ac110002"
            "0800" "0100" "ac110002"
            "0800" "0400" "ac110fff");
}

TEST(NetlinkRoute, a_default_route_has_no_destination) {
  NetlinkBatch batch;
  add_default_route(batch, {{172, 17, 0, 1}, 4});
  EXPECT_EQ(hex(batch.encoded().subspan(kHeaderBytes)),
            "02" "00" "00" "00" "fe" "03" "00" "01" "00000000" "0800" "0500" "ac110001");
}
// clang-format on

TEST(NetlinkSocket, an_error_names_the_message_and_carries_errno) {
  auto socket = NetlinkSocket::open(NETLINK_ROUTE);
  ASSERT_TRUE(socket);
  NetlinkBatch batch;
  delete_link(batch, 0x7ffffff0);
  const auto deleted = socket->transact(batch);
  ASSERT_FALSE(deleted);
  // EPERM for an ordinary user, ENODEV for root.
  EXPECT_NE(deleted.error().errno_value(), 0);
  EXPECT_TRUE(deleted.error().message().starts_with("delete link: "));
}

TEST(NetlinkSocket, lists_the_loopback_link_and_finds_it_by_name) {
  auto socket = NetlinkSocket::open(NETLINK_ROUTE);
  ASSERT_TRUE(socket);
  const auto links = list_links(*socket);
  ASSERT_TRUE(links);
  ASSERT_FALSE(links->empty());
  EXPECT_EQ(links->front().name, "lo");
  const auto found = find_link(*socket, "lo");
  ASSERT_TRUE(found);
  ASSERT_TRUE(*found);
  EXPECT_EQ((*found)->index, 1);
}

TEST(NetlinkSocket, a_missing_link_is_not_an_error) {
  auto socket = NetlinkSocket::open(NETLINK_ROUTE);
  ASSERT_TRUE(socket);
  const auto found = find_link(*socket, "nosuchlink0");
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_FALSE(*found);
}

}  // namespace
}  // namespace wherry::sys
