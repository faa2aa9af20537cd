#include "network/sandbox.h"

#include <fcntl.h>
#include <linux/netlink.h>
#include <sched.h>

#include <cerrno>
#include <thread>

#include "base/check.h"
#include "base/strings.h"

namespace wherry::network {
namespace {

constexpr const char* kOwnNamespace = "/proc/thread-self/ns/net";
constexpr int kLoopbackIndex = 1;  // the first device of every namespace
constexpr int kNameAttempts = 8;
constexpr int kCarrierTimeout_ms = 2000;

// Interfaces made from now on in the thread's namespace have no IPv6 and believe no router;
// lo, which exists already, keeps ::1 as docker's does.
Result<> disable_ipv6_by_default() {
  for (const auto& [path, value] : {std::pair{"/proc/sys/net/ipv6/conf/default/disable_ipv6", "1"},
                                    {"/proc/sys/net/ipv6/conf/default/accept_ra", "0"}}) {
    auto written = sys::write_file(path, value);
    if (!written && written.error().kind() != ErrorKind::NotFound) return written;
  }
  return {};
}

Result<> raise(sys::NetlinkSocket& socket, int index) {
  sys::NetlinkBatch batch;
  sys::change_link(batch, {.index = index, .up = true});
  return socket.transact(batch);
}

Result<int> index_of(sys::NetlinkSocket& socket, const std::string& name) {
  const auto link = TRY(sys::find_link(socket, name));
  if (!link) return Error::not_found(name + ": the interface is gone");
  return link->index;
}

// Written by a thread that goes there: /proc/sys/net shows the namespace of who opens it.
Result<> allow_ipv6(const sys::Fd& netns, const std::string& interface) {
  const std::string directory = "/proc/sys/net/ipv6/conf/" + interface;
  Result<> done;
  std::thread([&] {
    done = [&]() -> Result<> {
      if (::setns(netns.get(), CLONE_NEWNET) < 0)
        return Error::from_errno(errno, "enter the network namespace");
      // Nobody else has its address: to look for one would delay the first packet by a second.
      TRY(sys::write_file((directory + "/accept_dad").c_str(), "0"));
      return sys::write_file((directory + "/disable_ipv6").c_str(), "0");
    }();
  }).join();
  return done;
}

// After the MAC is settled: the link-local address is made of it.
Result<> connect_ipv6(ReadySandbox& sandbox, const ConnectIpv6& request) {
  const auto link = TRY(sys::find_link(sandbox.inside, sandbox.eth0_index));
  if (!link) return Error::not_found("the interface is gone");
  TRY_AS("IPv6", allow_ipv6(sandbox.netns, link->name));
  sys::NetlinkBatch batch;
  sys::add_address(batch, {sandbox.eth0_index, request.ip.bytes(),
                           static_cast<std::uint8_t>(request.prefix)});
  if (request.gateway) sys::add_default_route(batch, request.gateway->bytes());
  return sandbox.inside.transact(batch);
}

// With the prefixes of RFC 3927 and RFC 4291.
Result<> add_link_local(ReadySandbox& sandbox, const ConnectSandbox& request) {
  for (const sys::IpBytes& ip : request.link_local) {
    sys::NetlinkBatch batch;
    const std::uint8_t prefix = ip.size == 16 ? 64 : 16;
    sys::add_address(batch, {sandbox.eth0_index, ip, prefix});
    TRY_AS("link-local IP " + ip_text(ip), sandbox.inside.transact(batch));
  }
  return {};
}

}  // namespace

std::string veth_prefix(std::string_view engine_suffix) {
  // FNV-1a, folded to 24 bits.
  std::uint32_t hash = 2166136261U;
  for (const char c : engine_suffix) hash = (hash ^ static_cast<std::uint8_t>(c)) * 16777619U;
  hash = (hash >> 24) ^ (hash & 0xffffff);
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string prefix = "wv";
  for (int shift = 20; shift >= 0; shift -= 4) prefix.push_back(kDigits[hash >> shift & 15]);
  return prefix;
}

Result<SandboxMaker> SandboxMaker::create() {
  SandboxMaker maker;
  maker.home_ = TRY(sys::open_at({}, kOwnNamespace, O_RDONLY));
  return maker;
}

Result<ReadySandbox> SandboxMaker::make(Mode mode, const MakeSandbox& options) {
  ReadySandbox sandbox;
  sandbox.outside = TRY(sys::NetlinkSocket::open(NETLINK_ROUTE));
  if (::unshare(CLONE_NEWNET) < 0) return Error::from_errno(errno, "create network namespace");
  auto prepared = prepare_namespace(sandbox, mode);
  // A thread that stays in a container's namespace would do all that follows in the wrong
  // place and keep the namespace alive.
  CHECK(::setns(home_.get(), CLONE_NEWNET) == 0);
  TRY(std::move(prepared));
  auto raised = raise(sandbox.inside, kLoopbackIndex);
  // Without CAP_NET_ADMIN a container of --network none still runs, with lo down.
  const bool tolerable = mode == Mode::None && !raised && raised.error().errno_value() == EPERM;
  if (!raised && !tolerable) return std::move(raised).error().within("raise lo");
  if (mode == Mode::Bridge)
    TRY(add_interface(sandbox, {.veth_prefix = options.veth_prefix, .mtu = options.mtu}));
  return sandbox;
}

Result<> SandboxMaker::prepare_namespace(ReadySandbox& sandbox, Mode mode) {
  sandbox.netns = TRY(sys::open_at({}, kOwnNamespace, O_RDONLY));
  sandbox.inside = TRY(sys::NetlinkSocket::open(NETLINK_ROUTE));
  if (mode == Mode::Bridge) TRY(disable_ipv6_by_default());
  return {};
}

Result<> add_interface(ReadySandbox& sandbox, const AddInterface& request) {
  Result<> created;
  for (int attempt = 0; attempt < kNameAttempts; ++attempt) {
    sandbox.host_interface = request.veth_prefix + random_hex(4).substr(1);
    sys::NetlinkBatch batch;
    sys::add_veth(batch, {sandbox.host_interface, request.name, sandbox.netns.get(), request.mtu});
    created = sandbox.outside.transact(batch);
    const bool name_taken = !created && created.error().errno_value() == EEXIST;
    if (!name_taken) break;
  }
  TRY(std::move(created));
  sandbox.host_index = TRY(index_of(sandbox.outside, sandbox.host_interface));
  sandbox.eth0_index = TRY(index_of(sandbox.inside, request.name));
  sys::NetlinkBatch batch;
  sys::change_link(batch, {.index = sandbox.host_index, .up = true, .without_ipv6_address = true});
  TRY(sandbox.outside.transact(batch));
  TRY(raise(sandbox.inside, sandbox.eth0_index));
  // eth0, raised with its peer already up, is operational at once.
  return sys::wait_operational(sandbox.outside, sandbox.host_index, kCarrierTimeout_ms);
}

Result<ReadySandbox> open_sandbox(const sys::Fd& netns) {
  ReadySandbox sandbox;
  sandbox.netns = TRY(netns.duplicate());
  sandbox.outside = TRY(sys::NetlinkSocket::open(NETLINK_ROUTE));
  Result<sys::NetlinkSocket> inside;
  // A socket belongs for ever to the namespace of the thread that opened it.
  std::thread([&] {
    inside = [&]() -> Result<sys::NetlinkSocket> {
      if (::setns(netns.get(), CLONE_NEWNET) < 0)
        return Error::from_errno(errno, "enter the network namespace");
      return sys::NetlinkSocket::open(NETLINK_ROUTE);
    }();
  }).join();
  sandbox.inside = TRY(std::move(inside));
  return sandbox;
}

std::string owner_alias(const ContainerId& container, const NetworkId& network) {
  return container.str() + "/" + network.str();
}

Result<> connect_port(sys::NetlinkSocket& route, int host_index, const ConnectSandbox& request) {
  sys::NetlinkBatch batch;
  sys::change_link(batch,
                   {.index = host_index,
                    .master = request.bridge_index,
                    .mtu = request.mtu,
                    .alias = request.owner});
  // Without learning a container cannot draw another's frames by sending with its MAC.
  sys::configure_port_and_raise(batch, {host_index, request.isolated, false, request.hairpin});
  sys::set_forwarding(batch, host_index, request.mac);
  if (request.ip)
    sys::set_neighbour(
        batch, {.index = request.bridge_index, .ip = request.ip->bytes(), .mac = request.mac});
  if (request.ipv6)
    sys::set_neighbour(batch, {.index = request.bridge_index,
                               .ip = request.ipv6->ip.bytes(),
                               .mac = request.mac});
  TRY(route.transact(batch));
  // With the first of its ports a bridge gets its carrier.
  return sys::wait_operational(route, request.bridge_index, kCarrierTimeout_ms);
}

Result<> disable_ipv6_of_new_interfaces(const sys::Fd& netns) {
  Result<> done;
  std::thread([&] {
    if (::setns(netns.get(), CLONE_NEWNET) < 0)
      done = Error::from_errno(errno, "enter the network namespace");
    else
      done = disable_ipv6_by_default();
  }).join();
  return done;
}

Result<> connect_inside(ReadySandbox& sandbox, const ConnectSandbox& request) {
  sys::NetlinkBatch inside;
  sys::change_link(inside, {.index = sandbox.eth0_index, .mac = request.mac, .mtu = request.mtu});
  if (request.ip)
    sys::add_address(inside, {sandbox.eth0_index, request.ip->bytes(),
                              static_cast<std::uint8_t>(request.prefix)});
  if (request.gateway) sys::add_default_route(inside, request.gateway->bytes());
  TRY(sandbox.inside.transact(inside));
  if (request.ipv6) TRY(connect_ipv6(sandbox, *request.ipv6));
  return add_link_local(sandbox, request);
}

Result<> connect_sandbox(ReadySandbox& sandbox, const ConnectSandbox& request) {
  TRY(connect_inside(sandbox, request));
  return connect_port(sandbox.outside, sandbox.host_index, request);
}

}  // namespace wherry::network
