#include "keeperd/peer.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>

#include "sys/socket.h"

namespace wherry::keeperd {
namespace {

constexpr std::size_t kWaitingLimit = 16 << 20;
constexpr int kMessagesPerTurn = 16;

}  // namespace

Result<std::unique_ptr<Peer>> Peer::create(io::Loop& loop, sys::Fd socket, Handlers handlers) {
  std::unique_ptr<Peer> peer(new Peer(std::move(socket), std::move(handlers)));
  peer->watch_ = TRY(loop.watch(peer->socket_, EPOLLIN,
                                [raw = peer.get()](std::uint32_t events) { raw->on_event(events); }));
  return peer;
}

void Peer::on_event(std::uint32_t events) {
  const std::shared_ptr<bool> alive = alive_;
  if ((events & EPOLLOUT) != 0) flush();
  if (*alive && is_open() && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) receive_some();
}

void Peer::receive_some() {
  const std::shared_ptr<bool> alive = alive_;
  for (int i = 0; i < kMessagesPerTurn && *alive && is_open(); ++i) {
    auto message = assembler_.receive(socket_, MSG_DONTWAIT);
    if (!message && message.error().errno_value() == EAGAIN) return;
    if (!message) return close(message.error());
    if (*message) handlers_.message(std::move(**message));
  }
}

void Peer::send(keeper::Verb verb, std::uint64_t operation, std::string_view body,
                std::vector<sys::Fd> fds) {
  if (!is_open()) return;
  auto owned = std::make_shared<std::vector<sys::Fd>>(std::move(fds));
  std::vector<int> raw;
  for (const sys::Fd& fd : *owned) raw.push_back(fd.get());
  for (keeper::Packet& packet : keeper::split({verb, operation, body, raw})) {
    waiting_bytes_ += packet.bytes.size();
    waiting_.push_back({std::move(packet), owned});
  }
  flush();
}

void Peer::flush() {
  while (!waiting_.empty()) {
    const keeper::Packet& packet = waiting_.front().packet;
    auto sent = sys::send_message(socket_, packet.bytes, packet.fds, MSG_DONTWAIT);
    if (!sent && sent.error().errno_value() == EAGAIN && waiting_bytes_ <= kWaitingLimit) break;
    if (!sent) {
      // The closed handler may delete us and must not run inside the caller's send(): the
      // shutdown makes it run from the loop.
      ::shutdown(socket_.get(), SHUT_RDWR);
      waiting_.clear();
      break;
    }
    waiting_bytes_ -= packet.bytes.size();
    waiting_.pop_front();
  }
  watch_.set_events(waiting_.empty() ? EPOLLIN : EPOLLIN | EPOLLOUT);
}

void Peer::close(const Error& why) {
  if (!is_open()) return;
  watch_.reset();
  socket_.reset();
  waiting_.clear();
  // Last: it may delete this object.
  const auto closed = handlers_.closed;
  closed(why);
}

}  // namespace wherry::keeperd
