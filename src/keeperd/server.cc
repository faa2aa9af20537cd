#include "keeperd/server.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "sys/socket.h"

namespace wherry::keeperd {
namespace {

constexpr std::size_t kMostPeers = 256;
// Without an engine and without anything to keep, a keeper has no reason to stay.
constexpr std::chrono::seconds kIdleLife{30};

}  // namespace

Result<> Server::begin() {
  watch_ = TRY(loop_.watch(listener_, EPOLLIN, [this](std::uint32_t) { accept_all(); }));
  arm_idle_timer();
  return {};
}

void Server::accept_all() {
  for (;;) {
    sys::Fd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!socket) return;
    if (auto accepted = accept_one(std::move(socket)); !accepted)
      log::warning("keeper: {}", accepted.error().message());
  }
}

Result<> Server::accept_one(sys::Fd socket) {
  const sys::PeerCredentials credentials = TRY(sys::peer_credentials(socket));
  if (credentials.uid != ::geteuid())
    return Error(ErrorKind::Forbidden, "refused a connection of another user");
  if (peers_.size() >= kMostPeers)
    return Error(ErrorKind::Unavailable, "refused a connection: there are too many");
  const std::uint64_t id = next_peer_++;
  peers_[id] = TRY(Peer::create(
      loop_, std::move(socket),
      {.message = [this, id](keeper::Message message) { on_message(id, std::move(message)); },
       .closed = [this, id](const Error&) { on_closed(id); }}));
  idle_timer_.reset();
  return {};
}

void Server::on_message(std::uint64_t id, keeper::Message message) {
  const std::shared_ptr<Peer> peer = peers_.at(id);
  const Reply reply(peer, message.operation);
  if (message.verb == keeper::Verb::Subscribe) return keeper_.subscribe(peer, reply);
  if (message.verb != keeper::Verb::Shutdown) return keeper_.handle(std::move(message), reply);
  if (!keeper_.is_idle()) return reply.fail(Error::conflict("the keeper still has processes"));
  reply.ok();
  loop_.stop();
}

void Server::on_closed(std::uint64_t id) {
  // Later: the peer's own call is on the stack.
  loop_.defer([this, id] {
    peers_.erase(id);
    arm_idle_timer();
  });
}

void Server::arm_idle_timer() {
  if (!peers_.empty()) return;
  idle_timer_ = loop_.after(kIdleLife, [this] {
    idle_timer_.reset();
    if (peers_.empty() && keeper_.is_idle()) return loop_.stop();
    arm_idle_timer();
  });
}

}  // namespace wherry::keeperd
