#include "network/name_redirect.h"

#include <sched.h>

#include <array>
#include <cerrno>
#include <thread>

#include "network/nftables.h"

namespace wherry::network {
namespace {

constexpr Ipv4 kResolver{0x7f00000b};  // 127.0.0.11
constexpr std::uint16_t kDns = 53;
constexpr std::int32_t kNatDestination = -100;  // NF_IP_PRI_NAT_DST

Result<> redirect_here(const NamePorts& ports) {
  auto netfilter = TRY(sys::NetlinkSocket::open(NETLINK_NETFILTER));
  NftBatch batch("wherry-dns");
  batch.replace_table();
  const NftSet map = port_map("ports", NftRule::MapKey::Address);
  batch.set(map);
  const std::array elements = {port_element({.protocol = IPPROTO_UDP,
                                             .host_ip = kResolver.bytes(),
                                             .host_port = kDns,
                                             .container_ip = kResolver.bytes(),
                                             .container_port = ports.udp}),
                               port_element({.protocol = IPPROTO_TCP,
                                             .host_ip = kResolver.bytes(),
                                             .host_port = kDns,
                                             .container_ip = kResolver.bytes(),
                                             .container_port = ports.tcp})};
  batch.add_elements(map, elements);
  batch.chain({"output", "nat", NF_INET_LOCAL_OUT, kNatDestination});
  batch.rule("output", NftRule()
                           .translate_by("ports", NftRule::MapKey::Address)
                           .comment("wherry: names of containers"));
  return std::move(batch).commit(netfilter);
}

}  // namespace

Result<> redirect_names(const sys::Fd& netns, const NamePorts& ports) {
  Result<> done;
  std::thread([&] {
    if (::setns(netns.get(), CLONE_NEWNET) < 0)
      done = Error::from_errno(errno, "enter network namespace");
    else
      done = redirect_here(ports);
  }).join();
  return done;
}

}  // namespace wherry::network
