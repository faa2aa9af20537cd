// The server with sockets on the loopback: no namespace, no root.
#include "resolver/server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "resolver/testing.h"
#include "sys/pidfd.h"
#include "sys/socket.h"

namespace wherry::resolver {
namespace {

using namespace std::chrono_literals;
using testing::make_query;
using testing::read_answer;

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{.sin_family = AF_INET, .sin_port = htons(port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

sys::Fd bound(int type, std::uint16_t port = 0) {
  sys::Fd fd(::socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const sockaddr_in address = loopback(port);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0) return {};
  if (type == SOCK_STREAM) ::listen(fd.get(), 64);
  return fd;
}

std::uint16_t port_of(const sys::Fd& fd) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

sys::Fd connected(int type, std::uint16_t port) {
  sys::Fd fd(::socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const sockaddr_in address = loopback(port);
  static_cast<void>(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address));
  return fd;
}

std::optional<std::string> receive(const sys::Fd& fd) {
  std::array<char, 65536> buffer{};
  const ssize_t size = ::recv(fd.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (size < 0) return std::nullopt;
  return std::string(buffer.data(), static_cast<std::size_t>(size));
}

std::string with_length(const std::string& packet) {
  std::string framed(2, '\0');
  write_u16(framed, 0, static_cast<std::uint16_t>(packet.size()));
  return framed + packet;
}

class ResolverServer : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "/resolver-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    upstream_ = bound(SOCK_DGRAM);
    upstream_tcp_ = bound(SOCK_STREAM, port_of(upstream_));
    loop_ = std::move(*io::Loop::create());
    start();
  }
  void TearDown() override {
    ::unlink((directory_ + "/s").c_str());
    ::rmdir(directory_.c_str());
  }

  void start() {
    ::unlink((directory_ + "/s").c_str());
    auto listener = sys::listen_unix(directory_ + "/s", SOCK_SEQPACKET, 0600, 4);
    ASSERT_TRUE(listener);
    server_ = std::move(*Server::create(*loop_, std::move(*listener), port_of(upstream_)));
    connect();
  }
  void connect() { engine_ = std::move(*sys::connect_unix(directory_ + "/s", SOCK_SEQPACKET)); }

  // Turns of the loop until `condition` gives something.
  template <class Condition>
  auto spin(Condition condition) -> decltype(condition()) {
    const auto end = Clock::now() + 5s;
    while (Clock::now() < end) {
      if (auto value = condition()) return value;
      static_cast<void>(loop_->run_once(2ms));
    }
    return {};
  }

  Packet receive_packet() {
    const auto ready = spin([&]() -> std::optional<sys::Message> {
      auto message = sys::receive_message(engine_, kPacketBytes, MSG_DONTWAIT);
      if (!message) return std::nullopt;
      last_ = std::move(*message);
      return sys::Message{};
    });
    EXPECT_TRUE(ready);
    auto packet = decode(last_.bytes, std::move(last_.fds));
    EXPECT_TRUE(packet);
    return packet ? std::move(*packet) : Packet{};
  }
  Say request(const Packet& packet) {
    const Encoded encoded = encode(packet);
    EXPECT_TRUE(sys::send_message(engine_, encoded.bytes, encoded.fds));
    return receive_packet().say;
  }

  Container container(const std::string& id, const std::string& ip) {
    return {.id = id,
            .attachments = {{.network_id = "n", .network_name = "net", .ipv4 = ip, .names = {id}}},
            .upstreams = {"127.0.0.1"}};
  }
  // A container with sockets of its own; gives its UDP port (its TCP port is the same).
  std::uint16_t put(const Container& one) {
    Packet packet{.say = Say::Put, .container = one};
    ContainerFds fds{.udp = bound(SOCK_DGRAM)};
    fds.tcp = bound(SOCK_STREAM, port_of(fds.udp));
    const std::uint16_t port = port_of(fds.udp);
    packet.fds.push_back(std::move(fds));
    EXPECT_EQ(request(packet), Say::Ok);
    return port;
  }

  std::string ask(std::uint16_t port, const std::string& packet) {
    const sys::Fd client = connected(SOCK_DGRAM, port);
    ::send(client.get(), packet.data(), packet.size(), 0);
    return spin([&] { return receive(client); }).value_or("");
  }

  struct Asked {
    std::string packet;
    sockaddr_in from{};
  };
  // The next question that reaches the upstream server.
  Asked asked() {
    Asked one;
    std::array<char, 4096> buffer{};
    spin([&] {
      socklen_t size = sizeof one.from;
      const ssize_t got = ::recvfrom(upstream_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT,
                                     reinterpret_cast<sockaddr*>(&one.from), &size);
      if (got > 0) one.packet.assign(buffer.data(), static_cast<std::size_t>(got));
      return got > 0;
    });
    return one;
  }
  void tell(const Asked& to, const std::string& packet) {
    ::sendto(upstream_.get(), packet.data(), packet.size(), 0,
             reinterpret_cast<const sockaddr*>(&to.from), sizeof to.from);
  }
  static std::string answer_to(const std::string& packet, const Answers& answers) {
    const auto query = parse_query(packet);
    return query ? make_answer(packet, *query, answers, 512) : "";
  }

  std::string directory_;
  sys::Fd upstream_;
  sys::Fd upstream_tcp_;
  std::unique_ptr<io::Loop> loop_;
  std::unique_ptr<Server> server_;
  sys::Fd engine_;
  sys::Message last_;
};

TEST_F(ResolverServer, answers_names_over_udp) {
  const std::uint16_t port = put(container("web", "172.18.0.2"));
  put(container("db", "172.18.0.3"));
  const auto read = read_answer(ask(port, make_query({.name = "db", .id = 77})));
  EXPECT_EQ(read.id, 77);
  EXPECT_EQ(read.ipv4, std::vector<std::string>{"172.18.0.3"});
}

TEST_F(ResolverServer, answers_over_tcp_one_after_the_other) {
  const std::uint16_t port = put(container("web", "172.18.0.2"));
  const sys::Fd client = connected(SOCK_STREAM, port);
  const std::string both = with_length(make_query({.name = "web", .id = 1})) +
                           with_length(make_query({.name = "web", .id = 2}));
  std::string got;
  bool sent = false;
  spin([&] {
    if (!sent) sent = ::send(client.get(), both.data(), both.size(), MSG_NOSIGNAL) > 0;
    got += receive(client).value_or("");
    return got.size() >= 4 && got.size() >= 2U * (2U + read_u16(got, 0));
  });
  ASSERT_GT(got.size(), 4U);
  const std::size_t length = read_u16(got, 0);
  EXPECT_EQ(read_answer(got.substr(2, length)).id, 1);
  EXPECT_EQ(read_answer(got.substr(4 + length)).id, 2);
}

TEST_F(ResolverServer, answers_after_the_engine_has_gone) {
  const std::uint16_t port = put(container("web", "172.18.0.2"));
  engine_.reset();
  for (int i = 0; i < 5; ++i) static_cast<void>(loop_->run_once(1ms));
  EXPECT_EQ(read_answer(ask(port, make_query({.name = "web"}))).ipv4.size(), 1U);
}

TEST_F(ResolverServer, forwards_with_an_id_of_its_own_and_keeps_the_answer) {
  const std::uint16_t port = put(container("web", "172.18.0.2"));
  const sys::Fd client = connected(SOCK_DGRAM, port);
  const std::string packet = make_query({.name = "example.org", .id = 5});
  ::send(client.get(), packet.data(), packet.size(), 0);
  const Asked question = asked();
  EXPECT_EQ(question.packet.substr(2), packet.substr(2));
  tell(question, answer_to(question.packet, {.ipv4 = {{192, 0, 2, 1}}, .ttl_s = 60}));
  const auto read = read_answer(spin([&] { return receive(client); }).value_or(""));
  EXPECT_EQ(read.id, 5);
  EXPECT_EQ(read.ipv4, std::vector<std::string>{"192.0.2.1"});
  // The second time nobody is asked.
  EXPECT_EQ(read_answer(ask(port, make_query({.name = "example.org", .id = 6}))).id, 6);
}

TEST_F(ResolverServer, a_forged_answer_is_dropped) {
  const std::uint16_t port = put(container("web", "172.18.0.2"));
  const sys::Fd client = connected(SOCK_DGRAM, port);
  const std::string packet = make_query({.name = "example.org", .id = 5});
  ::send(client.get(), packet.data(), packet.size(), 0);
  const Asked question = asked();
  std::string forged = answer_to(question.packet, {.ipv4 = {{6, 6, 6, 6}}, .ttl_s = 60});
  write_u16(forged, 0, static_cast<std::uint16_t>(read_u16(forged, 0) + 1));
  tell(question, forged);
  std::string other = make_query({.name = "example.net", .id = read_u16(question.packet, 0)});
  tell(question, answer_to(other, {.ipv4 = {{6, 6, 6, 6}}, .ttl_s = 60}));
  tell(question, "x");
  tell(question, answer_to(question.packet, {.ipv4 = {{192, 0, 2, 1}}, .ttl_s = 60}));
  const auto read = read_answer(spin([&] { return receive(client); }).value_or(""));
  EXPECT_EQ(read.ipv4, std::vector<std::string>{"192.0.2.1"});
}

TEST_F(ResolverServer, asks_the_next_server_when_one_refuses) {
  Container one = container("web", "172.18.0.2");
  one.upstreams = {"127.0.0.1", "127.0.0.1"};
  const sys::Fd client = connected(SOCK_DGRAM, put(one));
  const std::string packet = make_query({.name = "example.org"});
  ::send(client.get(), packet.data(), packet.size(), 0);
  const Asked first = asked();
  tell(first, answer_to(first.packet, {.rcode = Rcode::Refused}));
  const Asked second = asked();
  EXPECT_NE(second.from.sin_port, first.from.sin_port);
  tell(second, answer_to(second.packet, {.ipv4 = {{192, 0, 2, 9}}, .ttl_s = 1}));
  const auto read = read_answer(spin([&] { return receive(client); }).value_or(""));
  EXPECT_EQ(read.ipv4, std::vector<std::string>{"192.0.2.9"});
}

TEST_F(ResolverServer, without_any_server_that_answers_it_fails) {
  const std::uint16_t port = put(container("web", "172.18.0.2"));
  upstream_.reset();
  EXPECT_EQ(read_answer(ask(port, make_query({.name = "example.org"}))).rcode, Rcode::ServFail);
}

TEST_F(ResolverServer, forwards_tcp_over_tcp) {
  const std::uint16_t port = put(container("web", "172.18.0.2"));
  const sys::Fd client = connected(SOCK_STREAM, port);
  const std::string framed = with_length(make_query({.name = "example.org", .id = 8}));
  bool sent = false;
  sys::Fd server;
  std::string question;
  std::string got;
  spin([&] {
    if (!sent) sent = ::send(client.get(), framed.data(), framed.size(), MSG_NOSIGNAL) > 0;
    if (!server) server = sys::Fd(::accept4(upstream_tcp_.get(), nullptr, nullptr, SOCK_NONBLOCK));
    if (server) question += receive(server).value_or("");
    return question.size() == framed.size();
  });
  ASSERT_EQ(question.size(), framed.size());
  Answers many{.ttl_s = 60};
  many.ipv4.resize(100);
  const std::string packet = question.substr(2);
  const std::string answer = with_length(make_answer(packet, *parse_query(packet), many, kLargestMessage));
  ASSERT_EQ(::send(server.get(), answer.data(), answer.size(), 0), static_cast<ssize_t>(answer.size()));
  spin([&] {
    got += receive(client).value_or("");
    return got.size() >= answer.size();
  });
  ASSERT_EQ(got.size(), answer.size());
  EXPECT_EQ(read_answer(got.substr(2)).id, 8);
  EXPECT_EQ(read_answer(got.substr(2)).ipv4.size(), 100U);
}

TEST_F(ResolverServer, says_what_it_holds_and_drops_what_is_not_named_again) {
  const std::uint16_t port = put(container("web", "172.18.0.2"));
  put(container("db", "172.18.0.3"));
  connect();
  const Encoded hello = encode({.say = Say::Hello});
  ASSERT_TRUE(sys::send_message(engine_, hello.bytes));
  const Packet holding = receive_packet();
  EXPECT_EQ(holding.say, Say::Holding);
  EXPECT_EQ(holding.ids.size(), 2U);
  EXPECT_TRUE(holding.last && holding.fds[0].udp && holding.fds[1].tcp);
  EXPECT_EQ(holding.resolver_pid, static_cast<std::uint32_t>(::getpid()));
  EXPECT_EQ(receive_packet().say, Say::Ok);
  EXPECT_EQ(request({.say = Say::Begin}), Say::Ok);
  EXPECT_EQ(request({.say = Say::Put, .container = container("web", "172.18.0.2")}), Say::Ok);
  EXPECT_EQ(request({.say = Say::Commit}), Say::Ok);
  EXPECT_EQ(read_answer(ask(port, make_query({.name = "web"}))).ipv4.size(), 1U);
  engine_.reset();
  connect();
  ASSERT_TRUE(sys::send_message(engine_, hello.bytes));
  EXPECT_EQ(receive_packet().ids, std::vector<std::string>{"web"});
}

TEST_F(ResolverServer, a_container_without_sockets_is_refused) {
  EXPECT_EQ(request({.say = Say::Put, .container = container("web", "172.18.0.2")}), Say::Failed);
}

TEST_F(ResolverServer, a_removed_containers_sockets_are_closed) {
  const std::uint16_t port = put(container("web", "172.18.0.2"));
  EXPECT_EQ(request({.say = Say::Remove, .text = "web"}), Say::Ok);
  EXPECT_TRUE(bound(SOCK_STREAM, port));
  EXPECT_TRUE(bound(SOCK_DGRAM, port));
}

TEST_F(ResolverServer, a_container_goes_with_its_process) {
  const std::uint16_t port = put(container("web", "172.18.0.2"));
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  sys::Fd write_end(ends[1]);
  // A pipe's end that becomes readable stands in for a pidfd.
  Packet packet{.say = Say::Put, .container = container("web", "172.18.0.2")};
  packet.fds.push_back({.process = sys::Fd(ends[0])});
  EXPECT_EQ(request(packet), Say::Ok);
  EXPECT_FALSE(bound(SOCK_DGRAM, port));
  ASSERT_EQ(::write(write_end.get(), "x", 1), 1);
  EXPECT_TRUE(spin([&] { return static_cast<bool>(bound(SOCK_DGRAM, port)); }));
}

TEST_F(ResolverServer, malformed_questions_get_formerr_and_answers_nothing) {
  const std::uint16_t port = put(container("web", "172.18.0.2"));
  std::string two = make_query({.name = "web", .id = 3});
  write_u16(two, 4, 2);
  EXPECT_EQ(read_answer(ask(port, two)).rcode, Rcode::FormErr);
  std::string notify = make_query({.name = "web"});
  notify[2] = 0x20;
  EXPECT_EQ(read_answer(ask(port, notify)).rcode, Rcode::NotImp);
  // After these it still answers; the first two get nothing at all.
  const sys::Fd client = connected(SOCK_DGRAM, port);
  std::string response = make_query({.name = "web"});
  response[2] = static_cast<char>(0x81);
  ::send(client.get(), "xyz", 3, 0);
  ::send(client.get(), response.data(), response.size(), 0);
  const std::string good = make_query({.name = "web", .id = 9});
  ::send(client.get(), good.data(), good.size(), 0);
  EXPECT_EQ(read_answer(spin([&] { return receive(client); }).value_or("")).id, 9);
}

TEST_F(ResolverServer, one_container_cannot_fill_the_table_of_questions) {
  const std::uint16_t greedy = put(container("greedy", "172.18.0.2"));
  const std::uint16_t other = put(container("other", "172.18.0.3"));
  const sys::Fd client = connected(SOCK_DGRAM, greedy);
  // One more than its share: that one fails at once.
  for (std::size_t i = 0; i <= Upstreams::kInFlightOfOne; ++i) {
    const std::string packet =
        make_query({.name = fmt::format("n{}.example", i), .id = static_cast<std::uint16_t>(i)});
    ASSERT_GT(::send(client.get(), packet.data(), packet.size(), 0), 0);
    if (i % 32 == 31) static_cast<void>(loop_->run_once(1ms));
  }
  const auto refused = read_answer(spin([&] { return receive(client); }).value_or(""));
  EXPECT_EQ(refused.rcode, Rcode::ServFail);
  EXPECT_EQ(refused.id, Upstreams::kInFlightOfOne);
  const sys::Fd second = connected(SOCK_DGRAM, other);
  const std::string packet = make_query({.name = "other.example"});
  ::send(second.get(), packet.data(), packet.size(), 0);
  Asked question = asked();
  while (!question.packet.empty() && parse_query(question.packet)->name != "other.example")
    question = asked();
  EXPECT_FALSE(question.packet.empty());
}

}  // namespace
}  // namespace wherry::resolver
