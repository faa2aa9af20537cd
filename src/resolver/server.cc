#include "resolver/server.h"

#include <sys/epoll.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/log.h"
#include "resolver/answer.h"
#include "sys/socket.h"

namespace wherry::resolver {
namespace {

using namespace std::chrono_literals;

// A container with many questions gets this many answers before the next one's turn.
constexpr int kDatagramsPerTurn = 32;
constexpr int kAcceptsPerTurn = 16;
constexpr int kBacklog = 4;
constexpr auto kWithoutEngine = 10s;
// Without descriptors to spare a listener stays readable; it is left alone for a while.
constexpr auto kAcceptPause = 200ms;
// An engine that does not read its answers is dropped, it will connect again.
constexpr timeval kSendPatience{.tv_sec = 1, .tv_usec = 0};

bool is_whole(const ContainerFds& fds) { return fds.udp && fds.tcp; }

}  // namespace

Server::Server(io::Loop& loop, sys::Fd listener, std::uint16_t upstream_port)
    : loop_(loop),
      listener_(std::move(listener)),
      upstreams_(loop, upstream_port),
      streams_(loop, [this](const std::string& id, std::uint64_t number, std::string_view packet) {
        on_question(id, packet, Transport::Tcp,
                    [this, number](std::string_view answer) { streams_.respond(number, answer); });
      }) {}

Result<std::unique_ptr<Server>> Server::create(io::Loop& loop, sys::Fd listener,
                                               std::uint16_t upstream_port) {
  // Once more, though the engine did it: who connects is told the pid of the last listen(2).
  ::listen(listener.get(), kBacklog);
  std::unique_ptr<Server> server(new Server(loop, std::move(listener), upstream_port));
  server->listener_watch_ = TRY(loop.watch(
      server->listener_, EPOLLIN, [raw = server.get()](std::uint32_t) { raw->accept_engine(); }));
  server->lose_engine();
  return server;
}

// ---- the engine

void Server::accept_engine() {
  sys::Fd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!socket) return;
  const auto peer = sys::peer_credentials(socket);
  if (!peer || peer->uid != ::geteuid()) return;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &kSendPatience, sizeof kSendPatience);
  // There is one engine; a newer one has taken over.
  engine_watch_.reset();
  engine_ = std::move(socket);
  auto watch = loop_.watch(engine_, EPOLLIN, [this](std::uint32_t) { on_engine(); });
  if (!watch) return lose_engine();
  engine_watch_ = std::move(*watch);
  unused_.reset();
}

void Server::lose_engine() {
  engine_watch_.reset();
  engine_.reset();
  unused_ = loop_.after(kWithoutEngine, [this] { end_if_unused(); });
}

void Server::end_if_unused() {
  if (!engine_ && held_.empty()) loop_.stop();
}

void Server::on_engine() {
  auto message = sys::receive_message(engine_, kPacketBytes, MSG_DONTWAIT);
  if (!message && message.error().errno_value() == EAGAIN) return;
  if (!message || message->bytes.empty()) {
    lose_engine();
    return end_if_unused();
  }
  auto packet = decode(message->bytes, std::move(message->fds));
  Result<> done;
  if (packet) {
    done = handle(std::move(*packet));
  } else {
    done = std::move(packet).error();
  }
  Packet answer{.say = done ? Say::Ok : Say::Failed};
  if (!done) answer.text = done.error().message();
  if (engine_ && !send_packet(engine_, answer)) lose_engine();
}

Result<> Server::handle(Packet packet) {
  switch (packet.say) {
    case Say::Hello: return hello();
    case Say::Begin:
      for (auto& [id, held] : held_) held->named = false;
      return {};
    case Say::Put: return put(packet);
    case Say::Commit: return commit(), Result<>();
    case Say::Remove: return remove(packet.text), Result<>();
    case Say::Quit: return loop_.stop(), Result<>();
    default: return Error::invalid("not a request");
  }
}

// The answer to Hello is Holding alone, in as many packets as the descriptors need, and then Ok.
Result<> Server::hello() {
  Packet packet{.say = Say::Holding, .resolver_pid = static_cast<std::uint32_t>(::getpid()), .last = false};
  for (const auto& [id, held] : held_) {
    packet.ids.push_back(id);
    packet.fds.push_back({.udp = TRY(held->fds.udp.duplicate()), .tcp = TRY(held->fds.tcp.duplicate())});
    if (packet.ids.size() < kHeldPerPacket) continue;
    TRY(send_packet(engine_, packet));
    packet.ids.clear();
    packet.fds.clear();
  }
  packet.last = true;
  return send_packet(engine_, packet);
}

Result<> Server::put(Packet& packet) {
  const std::string id = packet.container.id;
  ContainerFds fds = packet.fds.empty() ? ContainerFds() : std::move(packet.fds.front());
  const auto known = held_.find(id);
  if (known == held_.end()) {
    if (!is_whole(fds)) return Error::not_found("no sockets of this container");
    if (held_.size() >= kLimits.containers) return Error(ErrorKind::Unavailable, "too many containers");
  }
  auto& held = held_[id];
  if (!held) held = std::make_unique<Held>();
  if (is_whole(fds)) {
    held->udp.reset();
    held->tcp.reset();
    held->fds.udp = std::move(fds.udp);
    held->fds.tcp = std::move(fds.tcp);
  }
  if (fds.process) {
    held->process.reset();
    held->fds.process = std::move(fds.process);
  }
  if (auto watched = watch(id, *held); !watched) {
    held_.erase(id);
    return watched;
  }
  held->named = true;
  const Container* old = tables_.find(id);
  if (old != nullptr && old->upstreams != packet.container.upstreams) held->cache.clear();
  tables_.put(std::move(packet.container));
  return {};
}

Result<> Server::watch(const std::string& id, Held& held) {
  if (!held.udp)
    held.udp = TRY(loop_.watch(held.fds.udp, EPOLLIN, [this, id](std::uint32_t) { on_datagrams(id); }));
  if (!held.tcp)
    held.tcp = TRY(loop_.watch(held.fds.tcp, EPOLLIN, [this, id](std::uint32_t) { on_connections(id); }));
  if (!held.process && held.fds.process)
    held.process = TRY(loop_.watch(held.fds.process, EPOLLIN, [this, id](std::uint32_t) {
      // Its sockets would keep its network namespace, and the engine may not be there.
      remove(id);
      end_if_unused();
    }));
  return {};
}

void Server::commit() {
  std::vector<std::string> gone;
  for (const auto& [id, held] : held_)
    if (!held->named) gone.push_back(id);
  for (const std::string& id : gone) remove(id);
}

void Server::remove(const std::string& id) {
  // `id` may be a part of what goes.
  const std::string copy = id;
  streams_.drop_all_of(copy);
  tables_.remove(copy);
  held_.erase(copy);
}

// ---- the containers

void Server::on_datagrams(const std::string& id) {
  static std::array<char, kLargestUdpBytes> buffer;
  for (int i = 0; i < kDatagramsPerTurn; ++i) {
    const auto held = held_.find(id);
    if (held == held_.end()) return;
    Client client{.size = sizeof client.address};
    const ssize_t size = ::recvfrom(held->second->fds.udp.get(), buffer.data(), buffer.size(),
                                    MSG_DONTWAIT | MSG_TRUNC,
                                    reinterpret_cast<sockaddr*>(&client.address), &client.size);
    if (size < 0) return;
    if (static_cast<std::size_t>(size) > buffer.size()) continue;
    on_question(id, {buffer.data(), static_cast<std::size_t>(size)}, Transport::Udp,
                [this, id, client](std::string_view answer) {
                  const auto still = held_.find(id);
                  if (still == held_.end()) return;
                  // A client whose port is gone or full asks again.
                  ::sendto(still->second->fds.udp.get(), answer.data(), answer.size(),
                           MSG_DONTWAIT | MSG_NOSIGNAL,
                           reinterpret_cast<const sockaddr*>(&client.address), client.size);
                });
  }
}

void Server::on_connections(const std::string& id) {
  const auto found = held_.find(id);
  if (found == held_.end()) return;
  Held& held = *found->second;
  for (int i = 0; i < kAcceptsPerTurn; ++i) {
    sys::Fd socket(::accept4(held.fds.tcp.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (socket) {
      streams_.add(id, std::move(socket));
      continue;
    }
    if (errno != EMFILE && errno != ENFILE && errno != ENOMEM && errno != ENOBUFS) return;
    held.tcp.suspend();
    held.accept_again = loop_.after(kAcceptPause, [raw = &held] { raw->tcp.set_events(EPOLLIN); });
    return;
  }
}

void Server::on_question(const std::string& id, std::string_view packet, Transport transport,
                         Reply reply) {
  const Container* asker = tables_.find(id);
  auto query = parse_query(packet);
  if (!query) {
    const auto to_answer = id_to_answer(packet);
    const bool unknown = query.error().kind() == ErrorKind::NotImplemented;
    if (to_answer) reply(make_error(*to_answer, unknown ? Rcode::NotImp : Rcode::FormErr));
    return;
  }
  if (asker == nullptr) return;
  const std::size_t limit = transport == Transport::Udp ? query->udp_bytes : kLargestMessage;
  if (const auto answer = answer_locally(tables_, *asker, packet, *query, limit))
    return reply(*answer);
  const auto cached = held_.at(id)->cache.find(packet, Clock::now());
  if (cached && cached->size() <= limit) return reply(*cached);
  forward(*asker,
          {.asker = id,
           .packet = std::string(packet),
           .query = std::move(*query),
           .servers = asker->upstreams,
           .transport = transport},
          std::move(reply));
}

void Server::forward(const Container& asker, Question question, Reply reply) {
  const auto failure = make_answer(question.packet, question.query, {.rcode = Rcode::ServFail},
                                   kPlainUdpBytes);
  const auto done = [this, id = asker.id, packet = question.packet, failure,
                     reply](const std::optional<UpstreamAnswer>& answer) {
    if (!answer) return reply(failure);
    if (const auto held = held_.find(id); held != held_.end())
      held->second->cache.store(packet, answer->packet, answer->parsed, Clock::now());
    reply(answer->packet);
  };
  if (!upstreams_.ask(std::move(question), done)) reply(failure);
}

}  // namespace wherry::resolver
