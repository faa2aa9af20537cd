#include "network/strict.h"

#include <fmt/format.h>
#include <linux/neighbour.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <unistd.h>

#include <cerrno>

#include "base/strings.h"
#include "network/bridge.h"
#include "sys/fd.h"

namespace wherry::network {
namespace {

// A datagram that conntrack has put together again is copied whole.
constexpr unsigned kMtu = 65535;
// The dummy address of RFC 7600: no host has it, and the copy is sent to it by a permanent
// neighbour. The entry has another of that block, because loose reverse path filtering refuses
// everything on an interface without an address.
constexpr Ipv4 kGateway{192U << 24 | 8};
constexpr Ipv4 kEntryAddress{192U << 24 | 11};
constexpr Ipv6 kGateway6{0xfe80ULL << 48, 8};

Result<> set(const std::string& family, const std::string& interface, const char* key,
             const char* value) {
  const std::string path = fmt::format("/proc/sys/net/{}/conf/{}/{}", family, interface, key);
  return sys::write_file(path.c_str(), value);
}

bool has_ipv6() { return ::access("/proc/sys/net/ipv6/conf", F_OK) == 0; }

Result<sys::Link> link_named(sys::NetlinkSocket& route, const std::string& name) {
  auto link = TRY(sys::find_link(route, name));
  if (!link) return Error::not_found(fmt::format("interface {} is gone", name));
  return std::move(*link);
}

Result<> make_pair(sys::NetlinkSocket& route, const std::string& prefix) {
  if (TRY(sys::find_link(route, strict_exit(prefix)))) return {};
  sys::NetlinkBatch batch;
  sys::add_veth(batch, {.name = strict_exit(prefix), .peer_name = strict_entry(prefix), .mtu = kMtu});
  return route.transact(batch);
}

Result<> settle_sysctls(const std::string& exit, const std::string& entry) {
  // The greater of this and `all` counts: 2 is loose whatever the host has.
  TRY(set("ipv4", entry, "rp_filter", "2"));
  TRY(set("ipv4", entry, "forwarding", "1"));
  if (!has_ipv6()) return {};
  for (const std::string& name : {exit, entry})
    for (const auto& [key, value] :
         {std::pair{"accept_ra", "0"}, {"accept_dad", "0"}, {"disable_ipv6", "0"}})
      TRY(set("ipv6", name, key, value));
  return set("ipv6", entry, "forwarding", "1");
}

}  // namespace

std::string strict_exit(const std::string& name_prefix) { return name_prefix + "-out"; }
std::string strict_entry(const std::string& name_prefix) { return name_prefix + "-in"; }

Result<StrictPath> ensure_strict_path(sys::NetlinkSocket& route, const std::string& name_prefix) {
  const std::string exit_name = strict_exit(name_prefix);
  const std::string entry_name = strict_entry(name_prefix);
  if (auto made = make_pair(route, name_prefix); !made)
    return explain(std::move(made).error(), "strict-ports");
  if (auto settled = settle_sysctls(exit_name, entry_name); !settled)
    return explain(std::move(settled).error(), "strict-ports");
  const sys::Link exit = TRY(link_named(route, exit_name));
  const sys::Link entry = TRY(link_named(route, entry_name));
  const bool ipv6 = has_ipv6();
  sys::NetlinkBatch batch;
  for (const int index : {entry.index, exit.index})
    sys::change_link(batch, {.index = index, .up = true, .mtu = kMtu, .without_ipv6_address = ipv6});
  sys::add_address(batch, {entry.index, kEntryAddress.bytes(), 32, RT_SCOPE_LINK});
  sys::add_host_route(batch, exit.index, kGateway.bytes());
  sys::set_neighbour(batch, {.index = exit.index, .ip = kGateway.bytes(), .mac = entry.mac});
  if (ipv6) {
    sys::add_host_route(batch, exit.index, kGateway6.bytes());
    sys::set_neighbour(batch, {.index = exit.index, .ip = kGateway6.bytes(), .mac = entry.mac});
  }
  if (auto raised = route.transact(batch); !raised)
    return explain(std::move(raised).error(), "strict-ports");
  StrictPath path{.enters_by = entry_name, .leaves_by = exit.index, .gateway = kGateway.bytes(),
                  .gateway6 = std::nullopt};
  if (ipv6) path.gateway6 = kGateway6.bytes();
  return path;
}

}  // namespace wherry::network
