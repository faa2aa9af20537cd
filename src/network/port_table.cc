#include "network/port_table.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ranges>
#include <utility>

#include "base/log.h"
#include "network/ipv6.h"

namespace wherry::network {
namespace {

int socket_type(Protocol protocol) {
  return protocol == Protocol::Udp ? SOCK_DGRAM : SOCK_STREAM;
}

std::uint32_t key_of(const PublishedPort& port) {
  return static_cast<std::uint32_t>(port.protocol) << 16U | port.host_port;
}

bool share_address(const PublishedPort& one, const PublishedPort& other) {
  if (one.host_ip.contains(':') != other.host_ip.contains(':')) return false;
  const std::string_view any = one.host_ip.contains(':') ? "::" : "0.0.0.0";
  return one.host_ip == other.host_ip || one.host_ip == any || other.host_ip == any;
}

Error allocated(const PublishedPort& port) {
  return Error::internal(fmt::format("Bind for {}:{} failed: port is already allocated",
                                     port.host_ip, port.host_port));
}

struct BoundSocket {
  sys::Fd fd;
  std::uint16_t port = 0;
};

union SocketAddress {
  sockaddr general;
  sockaddr_in ipv4;
  sockaddr_in6 ipv6;
};

SocketAddress socket_address(const sys::IpBytes& ip, std::uint16_t port) {
  SocketAddress address{};
  if (ip.size == sizeof address.ipv4.sin_addr) {
    address.ipv4.sin_family = AF_INET;
    address.ipv4.sin_port = htons(port);
    std::memcpy(&address.ipv4.sin_addr, ip.bytes.data(), ip.size);
    return address;
  }
  address.ipv6.sin6_family = AF_INET6;
  address.ipv6.sin6_port = htons(port);
  std::memcpy(&address.ipv6.sin6_addr, ip.bytes.data(), ip.size);
  return address;
}

// Bound to the port (0: one that the kernel picks) and, for TCP, listening, because two
// sockets with SO_REUSEADDR share a port while neither listens. Nothing ever arrives: the
// firewall's map comes first.
Result<BoundSocket> bind_socket(Protocol protocol, const sys::IpBytes& ip, std::uint16_t port) {
  BoundSocket bound{sys::Fd(::socket(ip.family(), socket_type(protocol) | SOCK_CLOEXEC,
                                     static_cast<int>(protocol))),
                    port};
  if (!bound.fd) return Error::from_errno(errno, "socket");
  const int one = 1;
  if (protocol == Protocol::Tcp)
    ::setsockopt(bound.fd.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (ip.family() == AF_INET6)
    ::setsockopt(bound.fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
  SocketAddress address = socket_address(ip, port);
  socklen_t length = ip.family() == AF_INET6 ? sizeof address.ipv6 : sizeof address.ipv4;
  if (::bind(bound.fd.get(), &address.general, length) < 0)
    return Error::from_errno(errno, "bind");
  if (protocol == Protocol::Tcp && ::listen(bound.fd.get(), 0) < 0)
    return Error::from_errno(errno, "listen");
  if (::getsockname(bound.fd.get(), &address.general, &length) < 0)
    return Error::from_errno(errno, "getsockname");
  // Where both families keep it.
  bound.port = ntohs(address.ipv4.sin_port);
  return bound;
}

// A kernel without SCTP sockets still forwards SCTP: nobody on this host can have the port.
bool has_no_sockets(const Error& error, const PublishedPort& port) {
  return port.protocol == Protocol::Sctp && port.host_port != 0 &&
         (error.errno_value() == EPROTONOSUPPORT || error.errno_value() == ESOCKTNOSUPPORT);
}

}  // namespace

HeldPort::HeldPort(PortTable& table, PublishedPort port, sys::Fd socket)
    : table_(&table), port_(std::move(port)), socket_(std::move(socket)) {}

HeldPort::HeldPort(HeldPort&& other) noexcept
    : table_(std::exchange(other.table_, nullptr)),
      port_(std::move(other.port_)),
      socket_(std::move(other.socket_)) {}

HeldPort& HeldPort::operator=(HeldPort&& other) noexcept {
  if (this == &other) return *this;
  give_back();
  table_ = std::exchange(other.table_, nullptr);
  port_ = std::move(other.port_);
  socket_ = std::move(other.socket_);
  return *this;
}

HeldPort::~HeldPort() { give_back(); }

void HeldPort::give_back() noexcept {
  if (PortTable* table = std::exchange(table_, nullptr))
    table->give_back(port_, std::move(socket_));
}

Result<HeldPort> PortTable::hold(PublishedPort wanted) {
  const auto ip = parse_ip(wanted.host_ip);
  if (!ip) return Error::invalid(fmt::format("invalid IP address: {}", wanted.host_ip));
  const std::scoped_lock lock(mutex_);
  if (wanted.host_port != 0 && is_held(wanted)) return allocated(wanted);
  auto bound = bind_socket(wanted.protocol, *ip, wanted.host_port);
  if (!bound && bound.error().errno_value() == EADDRINUSE)
    return Error::internal(fmt::format("failed to bind host port {}:{}: address already in use",
                                       wanted.host_ip, wanted.host_port));
  if (!bound && !has_no_sockets(bound.error(), wanted))
    return Error::from_errno(
        bound.error().errno_value(),
        fmt::format("failed to bind host port for {}:{}", wanted.host_ip, wanted.host_port));
  sys::Fd socket;
  if (bound) {
    wanted.host_port = bound->port;
    socket = std::move(bound->fd);
  }
  write_down(wanted);
  return HeldPort(*this, std::move(wanted), std::move(socket));
}

HeldPort PortTable::adopt(PublishedPort port) {
  const std::scoped_lock lock(mutex_);
  auto bound = bind_socket(port.protocol, parse_ip(port.host_ip).value_or(Ipv4{}.bytes()),
                           port.host_port);
  if (!bound)
    log::warning("hold port {}:{}: {}", port.host_ip, port.host_port, bound.error().message());
  write_down(port);
  return HeldPort(*this, std::move(port), bound ? std::move(bound->fd) : sys::Fd());
}

bool PortTable::is_held(const PublishedPort& port) const {
  const auto [first, last] = held_.equal_range(key_of(port));
  return std::any_of(first, last,
                     [&](const auto& entry) { return share_address(entry.second, port); });
}

void PortTable::write_down(const PublishedPort& port) { held_.emplace(key_of(port), port); }

void PortTable::give_back(const PublishedPort& port, sys::Fd socket) noexcept {
  const std::scoped_lock lock(mutex_);
  socket.reset();
  const auto [first, last] = held_.equal_range(key_of(port));
  const auto own = std::find_if(first, last, [&](const auto& entry) {
    return entry.second.host_ip == port.host_ip;
  });
  if (own != last) held_.erase(own);
}

}  // namespace wherry::network
