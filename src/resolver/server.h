// The resolver: every container's sockets at 127.0.0.11:53, the tables, and the engine's
// connection. It answers while no engine runs; it ends when it has neither an engine nor a
// container. One thread.
#pragma once

#include <sys/socket.h>

#include <memory>
#include <string>
#include <unordered_map>

#include "io/loop.h"
#include "resolver/cache.h"
#include "resolver/protocol.h"
#include "resolver/stream_clients.h"
#include "resolver/tables.h"
#include "resolver/upstream.h"

namespace wherry::resolver {

class Server {
 public:
  // `listener`: a listening SOCK_SEQPACKET socket that only the engine can reach.
  // upstream_port: 53 but in tests.
  static Result<std::unique_ptr<Server>> create(io::Loop& loop, sys::Fd listener,
                                                std::uint16_t upstream_port = 53);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

 private:
  struct Held {
    ContainerFds fds;
    io::Watch udp;
    io::Watch tcp;
    io::Watch process;
    io::Timer accept_again;
    Cache cache;
    bool named = true;  // since Begin
  };
  struct Client {
    sockaddr_storage address{};
    socklen_t size = 0;
  };
  using Reply = std::function<void(std::string_view)>;

  Server(io::Loop& loop, sys::Fd listener, std::uint16_t upstream_port);
  void accept_engine();
  void lose_engine();
  void on_engine();
  Result<> handle(Packet packet);
  Result<> hello();
  Result<> put(Packet& packet);
  Result<> watch(const std::string& id, Held& held);
  void commit();
  void remove(const std::string& id);
  void end_if_unused();

  void on_datagrams(const std::string& id);
  void on_connections(const std::string& id);
  void on_question(const std::string& id, std::string_view packet, Transport transport, Reply reply);
  void forward(const Container& asker, Question question, Reply reply);

  io::Loop& loop_;
  sys::Fd listener_;
  io::Watch listener_watch_;
  sys::Fd engine_;
  io::Watch engine_watch_;
  io::Timer unused_;
  Tables tables_;
  Upstreams upstreams_;
  StreamClients streams_;
  std::unordered_map<std::string, std::unique_ptr<Held>> held_;
};

}  // namespace wherry::resolver
