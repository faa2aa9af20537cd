// Questions to upstream servers, asked from the network namespace of this process (the
// host's): a socket of its own with a port of the kernel's choice and a random id per question,
// so that an answer can be forged by nobody who does not see the question. One thread.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "io/loop.h"
#include "resolver/message.h"
#include "sys/fd.h"

namespace wherry::resolver {

enum class Transport : std::uint8_t { Udp, Tcp };

struct Question {
  std::string asker;   // whose share of the table it takes
  std::string packet;  // as the client sent it
  Query query;         // parsed from it
  std::vector<std::string> servers;
  Transport transport = Transport::Udp;
};

// What came back, with the client's id; nothing: no server answered.
struct UpstreamAnswer {
  std::string packet;
  Response parsed;
};

class Upstreams {
 public:
  static constexpr std::size_t kInFlight = 1024;
  static constexpr std::size_t kInFlightOfOne = 256;
  // Shorter in sum than the five seconds that a C library waits: it learns that nobody answered.
  static constexpr int kAttempts = 3;
  static constexpr std::chrono::milliseconds kAttemptTime{1500};

  using Done = std::function<void(std::optional<UpstreamAnswer>)>;

  // port: 53 but in tests.
  explicit Upstreams(io::Loop& loop, std::uint16_t port = 53) : loop_(loop), port_(port) {}
  Upstreams(const Upstreams&) = delete;
  Upstreams& operator=(const Upstreams&) = delete;

  // The servers are asked in turn until one answers with anything but SERVFAIL or REFUSED;
  // `done` runs once, from the loop. False: the table is full and `done` never runs.
  bool ask(Question question, Done done);
  [[nodiscard]] std::size_t in_flight() const { return flights_.size(); }

 private:
  struct Flight {
    Question question;
    Done done;
    int attempt = 0;
    std::uint16_t id = 0;
    std::string out;  // TCP: what is still to be sent
    std::string in;   // TCP: what has come
    std::optional<UpstreamAnswer> refusal;  // a SERVFAIL or REFUSED, if nobody says better
    sys::Fd socket;
    io::Watch watch;
    io::Timer timer;
  };
  void next_attempt(std::uint64_t number);
  Result<> start(std::uint64_t number, Flight& flight);
  void on_event(std::uint64_t number, std::uint32_t events);
  [[nodiscard]] Result<bool> receive_datagrams(std::uint64_t number, Flight& flight);
  [[nodiscard]] Result<bool> exchange_stream(std::uint64_t number, Flight& flight);
  bool take(std::uint64_t number, Flight& flight, std::string packet);
  void finish(std::uint64_t number, std::optional<UpstreamAnswer> answer);

  io::Loop& loop_;
  std::uint16_t port_;
  std::uint64_t next_number_ = 1;
  std::unordered_map<std::uint64_t, std::unique_ptr<Flight>> flights_;
  std::unordered_map<std::string, std::size_t> of_asker_;
};

}  // namespace wherry::resolver
