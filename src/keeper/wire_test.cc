#include "keeper/wire.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <random>

#include "sys/socket.h"

namespace wherry::keeper {
namespace {

// Packets of `message` through an assembler, without a socket.
Result<std::optional<Message>> through(Assembler& assembler, const Outgoing& message) {
  std::optional<Message> last;
  for (const Packet& packet : split(message)) {
    if (last) return Error::internal("message was complete too early");
    last = TRY(assembler.accept(packet.bytes, {}));
  }
  return last;
}

TEST(Wire, a_message_survives_its_packets) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, kPacketBytes, kPacketBytes + 1, 5 * kPacketBytes}) {
    const std::string body(size, 'b');
    Assembler assembler;
    const auto message = through(assembler, {Verb::Start, 77, body, {}});
    ASSERT_TRUE(message.has_value()) << message.error().message();
    ASSERT_TRUE(message->has_value());
    EXPECT_EQ((*message)->verb, Verb::Start);
    EXPECT_EQ((*message)->operation, 77U);
    EXPECT_EQ((*message)->body, body);
  }
}

TEST(Wire, more_descriptors_than_one_packet_carries_arrive_in_order) {
  auto pair = sys::make_socket_pair(SOCK_SEQPACKET);
  auto pipe = sys::make_pipe();
  ASSERT_TRUE(pair && pipe);
  std::vector<int> fds(450, pipe->read_end.get());
  fds.back() = pipe->write_end.get();
  ASSERT_TRUE(send(pair->first, {Verb::Start, 1, "body", fds}).has_value());
  Assembler assembler;
  std::optional<Message> message;
  while (!message) {
    auto part = assembler.receive(pair->second, 0);
    ASSERT_TRUE(part.has_value()) << part.error().message();
    message = std::move(*part);
  }
  ASSERT_EQ(message->fds.size(), 450U);
  EXPECT_EQ(message->body, "body");
  EXPECT_TRUE(sys::write_all(message->fds.back(), "x").has_value());
}

TEST(Wire, a_closed_peer_is_unavailable) {
  auto pair = sys::make_socket_pair(SOCK_SEQPACKET);
  ASSERT_TRUE(pair.has_value());
  pair->second.reset();
  Assembler assembler;
  const auto message = assembler.receive(pair->first, 0);
  ASSERT_FALSE(message.has_value());
  EXPECT_EQ(message.error().kind(), ErrorKind::Unavailable);
}

std::string packet_of(const Outgoing& message) { return split(message).front().bytes; }

TEST(Wire, hostile_headers_are_refused) {
  const std::string good = packet_of({Verb::Go, 3, "body", {}});
  const auto refused = [](std::string packet) { return !Assembler().accept(packet, {}).has_value(); };
  EXPECT_FALSE(refused(good));
  EXPECT_TRUE(refused(""));
  EXPECT_TRUE(refused(good.substr(0, 23)));
  EXPECT_TRUE(refused(good.substr(0, good.size() - 1)));
  EXPECT_TRUE(refused(good + "x"));
  for (const std::size_t at : {std::size_t{0}, std::size_t{5}, std::size_t{16}, std::size_t{22}}) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x40);
    EXPECT_TRUE(refused(bad)) << at;
  }
}

TEST(Wire, the_version_after_ours_is_understood_and_later_ones_are_not) {
  std::string packet = packet_of({Verb::Go, 3, "", {}});
  packet[4] = static_cast<char>(kProtocolVersion + 1);
  EXPECT_TRUE(Assembler().accept(packet, {}).has_value());
  packet[4] = static_cast<char>(kProtocolVersion + 2);
  EXPECT_FALSE(Assembler().accept(packet, {}).has_value());
  packet[4] = 0;
  EXPECT_FALSE(Assembler().accept(packet, {}).has_value());
}

TEST(Wire, packets_of_two_messages_do_not_mix) {
  const std::string body(kPacketBytes + 1, 'x');
  const auto first = split({Verb::Start, 1, body, {}});
  const auto second = split({Verb::Start, 2, body, {}});
  Assembler assembler;
  ASSERT_TRUE(assembler.accept(first[0].bytes, {}).has_value());
  EXPECT_FALSE(assembler.accept(second[0].bytes, {}).has_value());
}

TEST(Wire, a_message_without_end_is_cut_off) {
  const auto packets = split({Verb::Start, 1, std::string(2 * kPacketBytes, 'x'), {}});
  Assembler assembler;
  std::size_t accepted = 0;
  while (assembler.accept(packets[0].bytes, {}).has_value()) ASSERT_LT(++accepted, 1000U);
  EXPECT_EQ(accepted, kMessageBytes / kPacketBytes);
}

TEST(Wire, a_reader_stops_at_a_field_that_is_cut) {
  const std::string bytes = Writer().put(std::uint32_t{5}).put(std::string_view("text")).take();
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    std::uint32_t number = 9;
    std::string text = "default";
    Reader reader(std::string_view(bytes).substr(0, size));
    reader.get(number).get(text, 100);
    // Whole fields or none: an older peer ends at a boundary.
    EXPECT_EQ(reader.ok(), size == 0 || size == 4) << size;
    if (size == 4) {
      EXPECT_EQ(text, "default");
    }
  }
}

TEST(Wire, random_bytes_never_pass_the_limits) {
  std::mt19937 random(4711);
  for (int i = 0; i < 2000; ++i) {
    std::string bytes(random() % 64, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    std::string text;
    Reader(bytes).get(text, 16);
    EXPECT_LE(text.size(), 16U);
    static_cast<void>(Assembler().accept(bytes, {}));
  }
}

}  // namespace
}  // namespace wherry::keeper
