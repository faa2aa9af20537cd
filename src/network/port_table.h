// The host's ports that containers have: each held by a bound socket, so that nobody else
// gets it, and written down, so that a container that asks for it is told who is to blame.
#pragma once

#include <cstdint>
#include <mutex>
#include <unordered_map>

#include "base/result.h"
#include "network/address.h"
#include "network/network.h"
#include "sys/fd.h"

namespace wherry::network {

class PortTable;

// A port of the host that is one container's. Destroying it gives the port back; the table
// must live longer.
class HeldPort {
 public:
  HeldPort(HeldPort&& other) noexcept;
  HeldPort& operator=(HeldPort&& other) noexcept;
  HeldPort(const HeldPort&) = delete;
  HeldPort& operator=(const HeldPort&) = delete;
  ~HeldPort();

  [[nodiscard]] const PublishedPort& port() const { return port_; }

 private:
  friend class PortTable;
  HeldPort(PortTable& table, PublishedPort port, sys::Fd socket);
  void give_back() noexcept;

  PortTable* table_;  // null: moved away
  PublishedPort port_;
  sys::Fd socket_;  // empty where the kernel lacks the protocol's sockets, or after adopt()
};

// Any thread; locks itself, for as long as a bind(2) takes.
class PortTable {
 public:
  // The port `wanted.host_port` of `wanted.host_ip`, or (0) one that the kernel picks. "::"
  // is the IPv6 addresses alone. Errors, in docker's words: "port is already allocated" when a
  // container has it, "address already in use" when somebody else of the host has it; the
  // kernel's errno for anything else.
  Result<HeldPort> hold(PublishedPort wanted);

  // The same port as before the engine was restarted. One that somebody took meanwhile is
  // held without a socket: the packets go where they went.
  HeldPort adopt(PublishedPort port);

 private:
  friend class HeldPort;
  [[nodiscard]] bool is_held(const PublishedPort& port) const;
  void write_down(const PublishedPort& port);
  void give_back(const PublishedPort& port, sys::Fd socket) noexcept;

  // Held over bind(2) and close(2): the table and the sockets never differ for another thread.
  std::mutex mutex_;
  std::unordered_multimap<std::uint32_t, PublishedPort> held_;  // by protocol and port
};

}  // namespace wherry::network
