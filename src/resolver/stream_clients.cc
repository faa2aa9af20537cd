#include "resolver/stream_clients.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <vector>

#include "resolver/message.h"

namespace wherry::resolver {

void StreamClients::add(const std::string& container, sys::Fd socket) {
  if (connections_.size() >= kConnections || count_of(container) >= kConnectionsOfOne) return;
  const std::uint64_t number = next_number_++;
  auto connection = std::make_unique<Connection>();
  connection->container = container;
  connection->socket = std::move(socket);
  auto watch = loop_.watch(connection->socket, EPOLLIN,
                           [this, number](std::uint32_t events) { on_event(number, events); });
  if (!watch) return;
  connection->watch = std::move(*watch);
  connection->idle = loop_.after(kIdle, [this, number] { drop(number); });
  connections_.emplace(number, std::move(connection));
}

std::size_t StreamClients::count_of(const std::string& container) const {
  return static_cast<std::size_t>(std::ranges::count_if(
      connections_, [&](const auto& one) { return one.second->container == container; }));
}

void StreamClients::drop(std::uint64_t number) { connections_.erase(number); }

void StreamClients::drop_all_of(const std::string& container) {
  std::erase_if(connections_, [&](const auto& one) { return one.second->container == container; });
}

void StreamClients::on_event(std::uint64_t number, std::uint32_t events) {
  const auto found = connections_.find(number);
  if (found == connections_.end()) return;
  Connection& connection = *found->second;
  if ((events & EPOLLOUT) != 0 && !write_some(connection)) return drop(number);
  const bool readable = (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0;
  if (readable && !connection.waiting && !read_some(connection)) return drop(number);
  ask_next(number);
}

// False: the client has gone, or sends what is no message.
bool StreamClients::read_some(Connection& connection) {
  std::array<char, 4096> buffer;
  const ssize_t size = ::recv(connection.socket.get(), buffer.data(), buffer.size(), 0);
  if (size < 0) return errno == EAGAIN || errno == EINTR;
  if (size == 0) return false;
  connection.in.append(buffer.data(), static_cast<std::size_t>(size));
  return true;
}

bool StreamClients::write_some(Connection& connection) {
  while (!connection.out.empty()) {
    const ssize_t sent = ::send(connection.socket.get(), connection.out.data(),
                                connection.out.size(), MSG_NOSIGNAL);
    if (sent < 0) return errno == EAGAIN || errno == EINTR;
    connection.out.erase(0, static_cast<std::size_t>(sent));
  }
  return true;
}

void StreamClients::ask_next(std::uint64_t number) {
  const auto found = connections_.find(number);
  if (found == connections_.end()) return;
  Connection& connection = *found->second;
  if (!connection.out.empty()) return connection.watch.set_events(EPOLLOUT);
  const bool complete =
      connection.in.size() >= 2 && connection.in.size() - 2 >= read_u16(connection.in, 0);
  if (connection.waiting || !complete) return connection.watch.set_events(EPOLLIN);
  const std::string packet = connection.in.substr(2, read_u16(connection.in, 0));
  connection.in.erase(0, 2 + packet.size());
  connection.waiting = true;
  // Nothing is read while the question is open: what a client can pile up stays in its socket.
  connection.watch.suspend();
  ask_(connection.container, number, packet);
}

void StreamClients::respond(std::uint64_t number, std::string_view packet) {
  const auto found = connections_.find(number);
  if (found == connections_.end()) return;
  if (packet.empty() || packet.size() > kLargestMessage) return drop(number);
  Connection& connection = *found->second;
  connection.waiting = false;
  std::string length(2, '\0');
  write_u16(length, 0, static_cast<std::uint16_t>(packet.size()));
  connection.out += length;
  connection.out += packet;
  connection.idle = loop_.after(kIdle, [this, number] { drop(number); });
  if (!write_some(connection)) return drop(number);
  connection.watch.set_events(connection.out.empty() ? EPOLLIN : EPOLLOUT);
  // Not from here: a client with many small questions would make the stack deep.
  if (!connection.in.empty()) loop_.defer([this, number] { ask_next(number); });
}

}  // namespace wherry::resolver
