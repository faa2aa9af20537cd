// What engine and resolver say to each other: SOCK_SEQPACKET, one message per packet, every
// request answered by one packet (Hello by several).
//
//   engine                                resolver
//   Hello                          ->
//                                  <-     Holding (ids, sockets)*, the last says so
//   Begin                          ->     marks every container as unnamed
//   Put (container, fds)           ->     replaces that container
//   Commit                         ->     drops what was not put since Begin
//   Put, Remove                    ->     as networks are joined and left
//   Quit                           ->     ends
//
// All but Hello are answered by Ok or Failed (a message text). Every request can be repeated.
// Integers are little-endian; docs/formats/resolver-protocol.md describes the bytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "resolver/tables.h"
#include "sys/fd.h"

namespace wherry::resolver {

inline constexpr std::uint32_t kMagic = 0x52524857;  // "WHRR"
inline constexpr std::uint16_t kVersion = 1;
inline constexpr std::size_t kPacketBytes = 128 * 1024;
// Three descriptors each, and sys::kMaximumFdsPerMessage.
inline constexpr std::size_t kHeldPerPacket = 60;

enum class Say : std::uint16_t { Hello = 1, Begin, Put, Commit, Remove, Quit, Ok = 100, Failed, Holding };

// Which descriptors come with a container, in this order. Sockets come in pairs or not at all:
// without them those stay that the resolver has.
struct ContainerFds {
  sys::Fd udp;      // bound to 127.0.0.11:53 in the container's network namespace
  sys::Fd tcp;      // the same, listening
  sys::Fd process;  // pidfd: its end is the end of the container, whoever lives to see it
};

struct Packet {
  Say say = Say::Ok;
  std::string text;              // Remove: an id; Failed: why
  Container container;           // Put
  std::vector<std::string> ids;  // Holding
  std::uint32_t resolver_pid = 0;  // Holding
  bool last = true;              // Holding
  std::vector<ContainerFds> fds;  // one for Put, one per id for Holding
};

// The bytes, and the descriptors in wire order (still the caller's).
struct Encoded {
  std::string bytes;
  std::vector<int> fds;
};
Encoded encode(const Packet& packet);
// encode() and one sendmsg(2), which may block as `socket` does.
Result<> send_packet(const sys::Fd& socket, const Packet& packet);
// InvalidArgument for anything but a well-formed packet of this version with the descriptors
// that it names.
Result<Packet> decode(std::string_view bytes, std::vector<sys::Fd> fds);

}  // namespace wherry::resolver
