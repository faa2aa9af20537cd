#include "resolver/netns_sockets.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>

#include <cerrno>
#include <thread>

#include "base/log.h"

namespace wherry::resolver {
namespace {

constexpr std::uint32_t kResolverAddress = 0x7f00000b;  // 127.0.0.11
constexpr std::uint16_t kDnsPort = 53;
constexpr std::uint16_t kAnyPort = 0;
constexpr int kServiceBacklog = 64;

Result<sys::Fd> bound_socket(int type, std::uint16_t port) {
  sys::Fd socket(::socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return Error::from_errno(errno, "socket");
  // A name server of the container's own may bind 0.0.0.0:53 over UDP if it says so too; and a
  // new listener is not kept out by connections of the old one.
  const int on = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{.sin_family = AF_INET, .sin_port = htons(port)};
  address.sin_addr.s_addr = htonl(kResolverAddress);
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0)
    return Error::from_errno(errno, fmt::format("bind 127.0.0.11:{}", port));
  return socket;
}

Result<ContainerFds> open_here(std::uint16_t port) {
  ContainerFds fds;
  fds.udp = TRY(bound_socket(SOCK_DGRAM, port));
  fds.tcp = TRY(bound_socket(SOCK_STREAM, port));
  if (::listen(fds.tcp.get(), kServiceBacklog) < 0) return Error::from_errno(errno, "listen");
  return fds;
}

Result<ContainerFds> open_at_port(const sys::Fd& netns, std::uint16_t port) {
  Result<ContainerFds> fds;
  std::thread([&] {
    if (::setns(netns.get(), CLONE_NEWNET) < 0)
      fds = Error::from_errno(errno, "enter network namespace");
    else
      fds = open_here(port);
  }).join();
  return fds;
}

std::uint16_t port_of(const sys::Fd& socket) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  if (::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) < 0) return 0;
  return ntohs(address.sin_port);
}

}  // namespace

Result<ContainerFds> open_sockets(const sys::Fd& netns, const Redirect& redirect) {
  if (!redirect) return open_at_port(netns, kDnsPort);
  ContainerFds fds = TRY(open_at_port(netns, kAnyPort));
  const auto done = redirect(netns, {.udp = port_of(fds.udp), .tcp = port_of(fds.tcp)});
  if (done) return fds;
  log::debug("127.0.0.11:53 is bound itself: {}", done.error().message());
  return open_at_port(netns, kDnsPort);
}

}  // namespace wherry::resolver
