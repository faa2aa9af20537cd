#include "resolver/netns_sockets.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>

#include <cerrno>
#include <thread>

namespace wherry::resolver {
namespace {

constexpr std::uint32_t kResolverAddress = 0x7f00000b;  // 127.0.0.11
constexpr std::uint16_t kPort = 53;
constexpr int kServiceBacklog = 64;

Result<sys::Fd> bound_socket(int type) {
  sys::Fd socket(::socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return Error::from_errno(errno, "socket");
  // A name server of the container's own may bind 0.0.0.0:53 over UDP if it says so too; and a
  // new listener is not kept out by connections of the old one.
  const int on = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{.sin_family = AF_INET, .sin_port = htons(kPort)};
  address.sin_addr.s_addr = htonl(kResolverAddress);
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0)
    return Error::from_errno(errno, "bind 127.0.0.11:53");
  return socket;
}

Result<ContainerFds> open_here() {
  ContainerFds fds;
  fds.udp = TRY(bound_socket(SOCK_DGRAM));
  fds.tcp = TRY(bound_socket(SOCK_STREAM));
  if (::listen(fds.tcp.get(), kServiceBacklog) < 0) return Error::from_errno(errno, "listen");
  return fds;
}

}  // namespace

Result<ContainerFds> open_sockets(const sys::Fd& netns) {
  Result<ContainerFds> fds;
  std::thread([&] {
    if (::setns(netns.get(), CLONE_NEWNET) < 0)
      fds = Error::from_errno(errno, "enter network namespace");
    else
      fds = open_here();
  }).join();
  return fds;
}

}  // namespace wherry::resolver
