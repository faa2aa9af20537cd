#include "resolver/upstream.h"

#include <arpa/inet.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace wherry::resolver {
namespace {

constexpr int kAnswersPerTurn = 8;

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

Result<SocketAddress> socket_address(const std::string& server, std::uint16_t port) {
  const auto address = parse_address(server);
  if (!address) return Error::invalid("invalid name server: " + server);
  SocketAddress result;
  if (address->size == 4) {
    sockaddr_in ipv4{.sin_family = AF_INET, .sin_port = htons(port)};
    std::memcpy(&ipv4.sin_addr, address->bytes.data(), 4);
    std::memcpy(&result.storage, &ipv4, sizeof ipv4);
    result.size = sizeof ipv4;
  } else {
    sockaddr_in6 ipv6{.sin6_family = AF_INET6, .sin6_port = htons(port)};
    std::memcpy(&ipv6.sin6_addr, address->bytes.data(), 16);
    std::memcpy(&result.storage, &ipv6, sizeof ipv6);
    result.size = sizeof ipv6;
  }
  return result;
}

std::uint16_t random_id() {
  std::uint16_t id = 0;
  // Two bytes come whole or, before the pool is filled at boot, later.
  [[maybe_unused]] const ssize_t came = ::getrandom(&id, sizeof id, 0);
  return id;
}

bool would_block(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

}  // namespace

bool Upstreams::ask(Question question, Done done) {
  std::size_t& own = of_asker_[question.asker];
  if (flights_.size() >= kInFlight || own >= kInFlightOfOne || question.servers.empty()) {
    if (own == 0) of_asker_.erase(question.asker);
    return false;
  }
  ++own;
  const std::uint64_t number = next_number_++;
  auto flight = std::make_unique<Flight>();
  flight->question = std::move(question);
  flight->done = std::move(done);
  flights_.emplace(number, std::move(flight));
  // Later, so that `done` never runs inside ask().
  loop_.defer([this, number] { next_attempt(number); });
  return true;
}

void Upstreams::next_attempt(std::uint64_t number) {
  const auto found = flights_.find(number);
  if (found == flights_.end()) return;
  Flight& flight = *found->second;
  while (flight.attempt < kAttempts) {
    ++flight.attempt;
    if (start(number, flight)) return;
  }
  finish(number, std::move(flight.refusal));
}

Result<> Upstreams::start(std::uint64_t number, Flight& flight) {
  const auto& servers = flight.question.servers;
  const std::string& server = servers[static_cast<std::size_t>(flight.attempt - 1) % servers.size()];
  const SocketAddress address = TRY(socket_address(server, port_));
  const bool udp = flight.question.transport == Transport::Udp;
  flight.watch.reset();
  flight.socket = sys::Fd(::socket(address.storage.ss_family,
                                   (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!flight.socket) return Error::from_errno(errno, "socket");
  // Connected: the kernel drops what comes from anybody else.
  if (::connect(flight.socket.get(), reinterpret_cast<const sockaddr*>(&address.storage),
                address.size) < 0 &&
      errno != EINPROGRESS)
    return Error::from_errno(errno, "connect to " + server);
  flight.id = random_id();
  std::string packet = flight.question.packet;
  write_u16(packet, 0, flight.id);
  flight.in.clear();
  flight.out.clear();
  if (udp) {
    if (::send(flight.socket.get(), packet.data(), packet.size(), MSG_NOSIGNAL) < 0)
      return Error::from_errno(errno, "send to " + server);
  } else {
    flight.out.assign(2, '\0');
    write_u16(flight.out, 0, static_cast<std::uint16_t>(packet.size()));
    flight.out += packet;
  }
  flight.watch = TRY(loop_.watch(flight.socket, udp ? EPOLLIN : EPOLLIN | EPOLLOUT,
                                 [this, number](std::uint32_t events) { on_event(number, events); }));
  flight.timer = loop_.after(kAttemptTime, [this, number] { next_attempt(number); });
  return {};
}

void Upstreams::on_event(std::uint64_t number, std::uint32_t /*events*/) {
  const auto found = flights_.find(number);
  if (found == flights_.end()) return;
  Flight& flight = *found->second;
  const auto over = flight.question.transport == Transport::Udp ? receive_datagrams(number, flight)
                                                                : exchange_stream(number, flight);
  // An unreachable server says so at once: the next one, without waiting.
  if (!over) next_attempt(number);
}

// True: the flight is over or in its next attempt.
Result<bool> Upstreams::receive_datagrams(std::uint64_t number, Flight& flight) {
  static std::array<char, kLargestMessage> buffer;
  for (int i = 0; i < kAnswersPerTurn; ++i) {
    const ssize_t size = ::recv(flight.socket.get(), buffer.data(), buffer.size(), 0);
    if (size < 0 && would_block(errno)) return false;
    if (size < 0) return Error::from_errno(errno, "receive");
    if (take(number, flight, std::string(buffer.data(), static_cast<std::size_t>(size)))) return true;
  }
  return false;
}

Result<bool> Upstreams::exchange_stream(std::uint64_t number, Flight& flight) {
  if (!flight.out.empty()) {
    const ssize_t sent =
        ::send(flight.socket.get(), flight.out.data(), flight.out.size(), MSG_NOSIGNAL);
    if (sent < 0 && !would_block(errno) && errno != ENOTCONN)
      return Error::from_errno(errno, "send");
    if (sent > 0) flight.out.erase(0, static_cast<std::size_t>(sent));
    if (!flight.out.empty()) return false;
    flight.watch.set_events(EPOLLIN);
  }
  std::array<char, 4096> buffer;
  const ssize_t size = ::recv(flight.socket.get(), buffer.data(), buffer.size(), 0);
  if (size < 0 && would_block(errno)) return false;
  if (size <= 0) return Error::from_errno(size < 0 ? errno : ECONNRESET, "receive");
  flight.in.append(buffer.data(), static_cast<std::size_t>(size));
  if (flight.in.size() < 2) return false;
  const std::size_t length = read_u16(flight.in, 0);
  if (flight.in.size() < 2 + length) return false;
  if (take(number, flight, flight.in.substr(2, length))) return true;
  return Error::invalid("name server answers another question");
}

// False: not an answer to our question. Datagrams of that kind are dropped, and waiting goes on.
bool Upstreams::take(std::uint64_t number, Flight& flight, std::string packet) {
  auto parsed = parse_response(packet, flight.question.packet, flight.question.query);
  if (!parsed || parsed->id != flight.id) return false;
  write_u16(packet, 0, flight.question.query.id);
  UpstreamAnswer answer{std::move(packet), std::move(*parsed)};
  const bool refused =
      answer.parsed.rcode == Rcode::ServFail || answer.parsed.rcode == Rcode::Refused;
  const bool others_left =
      static_cast<std::size_t>(flight.attempt) < flight.question.servers.size();
  if (refused && others_left) {
    flight.refusal = std::move(answer);
    next_attempt(number);
  } else {
    finish(number, std::move(answer));
  }
  return true;
}

void Upstreams::finish(std::uint64_t number, std::optional<UpstreamAnswer> answer) {
  const auto node = flights_.extract(number);
  const auto own = of_asker_.find(node.mapped()->question.asker);
  if (--own->second == 0) of_asker_.erase(own);
  node.mapped()->watch.reset();
  node.mapped()->timer.reset();
  node.mapped()->done(std::move(answer));
}

}  // namespace wherry::resolver
