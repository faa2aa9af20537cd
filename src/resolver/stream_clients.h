// DNS over TCP from containers (RFC 1035 section 4.2.2, RFC 7766): each message behind its
// length. Questions of one connection are answered one after the other. One thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>

#include "io/loop.h"
#include "sys/fd.h"

namespace wherry::resolver {

class StreamClients {
 public:
  static constexpr std::size_t kConnections = 1024;
  static constexpr std::size_t kConnectionsOfOne = 64;
  static constexpr std::chrono::seconds kIdle{10};

  // Answers with respond(number, packet), at once or later; an empty packet hangs up.
  using Ask = std::function<void(const std::string& container, std::uint64_t number,
                                 std::string_view packet)>;
  StreamClients(io::Loop& loop, Ask ask) : loop_(loop), ask_(std::move(ask)) {}
  StreamClients(const StreamClients&) = delete;
  StreamClients& operator=(const StreamClients&) = delete;

  // A non-blocking connection; closed at once where there are too many.
  void add(const std::string& container, sys::Fd socket);
  // Unknown numbers are ignored: the client may have gone.
  void respond(std::uint64_t number, std::string_view packet);
  void drop_all_of(const std::string& container);
  [[nodiscard]] std::size_t size() const { return connections_.size(); }

 private:
  struct Connection {
    std::string container;
    sys::Fd socket;
    io::Watch watch;
    io::Timer idle;
    std::string in;
    std::string out;
    bool waiting = false;  // a question has been asked and not answered
  };
  void on_event(std::uint64_t number, std::uint32_t events);
  bool read_some(Connection& connection);
  bool write_some(Connection& connection);
  void ask_next(std::uint64_t number);
  void drop(std::uint64_t number);
  [[nodiscard]] std::size_t count_of(const std::string& container) const;

  io::Loop& loop_;
  Ask ask_;
  std::uint64_t next_number_ = 1;
  std::unordered_map<std::uint64_t, std::unique_ptr<Connection>> connections_;
};

}  // namespace wherry::resolver
