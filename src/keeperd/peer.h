// One non-blocking packet connection in a loop: messages in, messages out in order. Both ends
// of keeper <-> pump and the keeper's end of engine <-> keeper.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "io/loop.h"
#include "keeper/wire.h"
#include "sys/fd.h"

namespace wherry::keeperd {

class Peer {
 public:
  struct Handlers {
    std::function<void(keeper::Message)> message;
    // The peer is gone or broke the protocol; the last call. It may destroy the Peer.
    std::function<void(const Error& why)> closed;
  };
  static Result<std::unique_ptr<Peer>> create(io::Loop& loop, sys::Fd socket, Handlers handlers);

  // Queued if the socket is full; descriptors are kept until they are sent. A peer that lets
  // more than 16 MiB pile up is closed.
  void send(keeper::Verb verb, std::uint64_t operation, std::string_view body,
            std::vector<sys::Fd> fds = {});
  [[nodiscard]] bool is_open() const { return static_cast<bool>(socket_); }
  [[nodiscard]] const sys::Fd& socket() const { return socket_; }
  // Nothing waits to be sent and no message has come in part: another can go on with the socket.
  [[nodiscard]] bool is_idle() const { return waiting_.empty() && !assembler_.is_in_message(); }

 private:
  struct Waiting {
    keeper::Packet packet;
    std::shared_ptr<std::vector<sys::Fd>> fds;  // of the whole message
  };
  Peer(sys::Fd socket, Handlers handlers)
      : socket_(std::move(socket)), handlers_(std::move(handlers)) {}
  void on_event(std::uint32_t events);
  void receive_some();
  void flush();
  void close(const Error& why);

  sys::Fd socket_;
  Handlers handlers_;
  io::Watch watch_;
  keeper::Assembler assembler_;
  std::deque<Waiting> waiting_;
  std::size_t waiting_bytes_ = 0;
  // False once destroyed: a handler may delete its own Peer while it runs.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);

 public:
  ~Peer() { *alive_ = false; }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;
};

}  // namespace wherry::keeperd
