#include "sys/dbus.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "sys/socket.h"

namespace wherry::sys {
namespace {

using namespace std::string_literals;
using namespace std::chrono_literals;

auto soon() { return std::chrono::steady_clock::now() + 30s; }

TEST(DbusWriter, aligns_every_value_from_the_beginning) {
  EXPECT_EQ(DbusWriter().byte(1).u32(2).bytes(), "\1\0\0\0\2\0\0\0"s);
  EXPECT_EQ(DbusWriter().byte(1).u64(2).bytes(), "\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0"s);
  EXPECT_EQ(DbusWriter().text("ab").byte(9).bytes(), "\2\0\0\0ab\0\x9"s);
  EXPECT_EQ(DbusWriter().byte(0).structure().byte(7).bytes(), "\0\0\0\0\0\0\0\0\7"s);
  EXPECT_EQ(DbusWriter().boolean(true).boolean(false).bytes(), "\1\0\0\0\0\0\0\0"s);
}

// The padding before the first element belongs to no length.
TEST(DbusWriter, an_array_s_length_is_that_of_its_elements) {
  const auto empty = DbusWriter().array(8, [](DbusWriter&) {}).bytes();
  EXPECT_EQ(empty, "\0\0\0\0\0\0\0\0"s);
  const auto one = DbusWriter().array(8, [](DbusWriter& list) { list.structure().u32(5); }).bytes();
  EXPECT_EQ(one, "\4\0\0\0\0\0\0\0\5\0\0\0"s);
  const auto texts = DbusWriter().array(4, [](DbusWriter& list) { list.text("a").text("b"); }).bytes();
  EXPECT_EQ(texts, "\x0e\0\0\0\1\0\0\0a\0\0\0\1\0\0\0b\0"s);
}

struct VariantCase {
  DbusValue value;
  std::string bytes;
};
class DbusVariant : public testing::TestWithParam<VariantCase> {};

TEST_P(DbusVariant, carries_its_type) {
  EXPECT_EQ(DbusWriter().variant(GetParam().value).bytes(), GetParam().bytes);
}

INSTANTIATE_TEST_SUITE_P(Types, DbusVariant, testing::Values(
    VariantCase{true, "\1b\0\0\1\0\0\0"s},
    VariantCase{std::int32_t{-1}, "\1i\0\0\xff\xff\xff\xff"s},
    VariantCase{std::uint32_t{5}, "\1u\0\0\5\0\0\0"s},
    VariantCase{std::int64_t{-1}, "\1x\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff"s},
    VariantCase{std::uint64_t{5}, "\1t\0\0\0\0\0\0\5\0\0\0\0\0\0\0"s},
    VariantCase{"x"s, "\1s\0\0\1\0\0\0x\0"s},
    VariantCase{std::vector<std::string>{"x"}, "\2as\0\6\0\0\0\1\0\0\0x\0"s},
    VariantCase{DbusBytes{"\3"s}, "\2ay\0\1\0\0\0\3"s}));

TEST(DbusMessage, comes_back_as_it_was) {
  const DbusMessage sent{.kind = DbusKind::Error, .destination = ":1.5", .path = "/a/b", .interface = "c.d", .member = "E",
                         .error_name = "f.g", .signature = "s", .body = DbusWriter().text("why").bytes(), .reply_to = 77};
  const auto got = decode_dbus(encode(sent, 9));
  ASSERT_TRUE(got) << got.error().message();
  EXPECT_EQ(got->kind, DbusKind::Error);
  EXPECT_EQ(got->destination, ":1.5");
  EXPECT_EQ(got->path, "/a/b");
  EXPECT_EQ(got->interface, "c.d");
  EXPECT_EQ(got->member, "E");
  EXPECT_EQ(got->error_name, "f.g");
  EXPECT_EQ(got->signature, "s");
  EXPECT_EQ(got->body, sent.body);
  EXPECT_EQ(got->reply_to, 77U);
}

// Every prefix and every changed byte of a message is refused or read, never read beyond.
TEST(DbusMessage, survives_every_cut_and_every_changed_byte) {
  const std::string whole = encode({.destination = ":1.5", .path = "/a", .interface = "c.d", .member = "E",
                                    .signature = "s", .body = DbusWriter().text("why").bytes(), .reply_to = 1}, 9);
  for (std::size_t length = 0; length < whole.size(); ++length) EXPECT_FALSE(decode_dbus(std::string(whole, 0, length)));
  for (std::size_t at = 0; at < whole.size(); ++at)
    for (const int value : {0, 1, 0x7f, 0x80, 0xff}) {
      std::string changed = whole;
      changed[at] = static_cast<char>(value);
      static_cast<void>(decode_dbus(changed));
    }
}

TEST(DbusMessage, has_a_form) {
  const std::string good = encode({.kind = DbusKind::Signal, .member = "E"}, 1);
  const auto with = [&](std::size_t at, char value) {
    std::string changed = good;
    changed[at] = value;
    return decode_dbus(changed).error().message();
  };
  EXPECT_EQ(with(0, 'B'), "D-Bus: a message in another byte order");
  EXPECT_EQ(with(3, 2), "D-Bus: another protocol version");
  EXPECT_EQ(with(1, 9), "D-Bus: a message of an unknown kind");
  EXPECT_EQ(with(7, 0x7f), "D-Bus: a message of 2130706464 bytes");
  EXPECT_EQ(with(18, 'v'), "D-Bus: a header field of an unknown type");
}

// Another end of a connection, which says what it is told to.
class Peer {
 public:
  explicit Peer(std::string says) {
    path_ = testing::TempDir() + "wherry-dbus-" + std::to_string(::getpid());
    ::unlink(path_.c_str());
    listener_ = listen_unix(path_, SOCK_STREAM, 0600, 1).value();
    thread_ = std::thread([this, says = std::move(says)] {
      const Fd peer(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      static_cast<void>(write_all(peer, says));
      std::string piece(4096, '\0');
      for (ssize_t length = 1; length > 0;) {
        length = ::read(peer.get(), piece.data(), piece.size());
        if (length > 0) heard.append(piece, 0, static_cast<std::size_t>(length));
      }
    });
  }
  ~Peer() {
    finish();
    ::unlink(path_.c_str());
  }
  void finish() {
    if (thread_.joinable()) thread_.join();
  }
  [[nodiscard]] const std::string& path() const { return path_; }
  std::string heard;

 private:
  std::string path_;
  Fd listener_;
  std::thread thread_;
};

std::string reply(std::uint32_t to, DbusKind kind = DbusKind::Return, std::string error = {}) {
  return encode({.kind = kind, .error_name = std::move(error), .reply_to = to}, 1);
}

TEST(DbusConnection, takes_its_reply_and_keeps_signals) {
  const std::string signal = encode({.kind = DbusKind::Signal, .member = "First"}, 1);
  Peer peer("OK 00\r\n" + reply(99) + signal + reply(1));
  {
    auto connection = DbusConnection::open(peer.path(), soon());
    ASSERT_TRUE(connection) << connection.error().message();
    ASSERT_TRUE(connection->call({.path = "/", .member = "Ask"}, soon()));
    EXPECT_EQ(connection->next_signal(soon())->member, "First");
  }
  peer.finish();
  EXPECT_TRUE(peer.heard.starts_with("\0AUTH EXTERNAL "s));
  EXPECT_TRUE(peer.heard.contains("\r\nBEGIN\r\n"));
}

TEST(DbusConnection, an_error_is_named) {
  Peer peer("OK 00\r\n" + reply(1, DbusKind::Error, "a.UnitExists") + reply(2, DbusKind::Error, "a.NoSuchUnit") +
            reply(3, DbusKind::Error, "a.Other"));
  auto connection = DbusConnection::open(peer.path(), soon());
  ASSERT_TRUE(connection);
  EXPECT_EQ(connection->call({.path = "/"}, soon()).error().kind(), ErrorKind::Conflict);
  EXPECT_EQ(connection->call({.path = "/"}, soon()).error().kind(), ErrorKind::NotFound);
  EXPECT_EQ(connection->call({.path = "/"}, soon()).error().message(), "a.Other");
  connection = Error::internal("over");
}

TEST(DbusConnection, a_refusal_of_who_asks) {
  Peer peer("REJECTED EXTERNAL\r\n");
  const auto connection = DbusConnection::open(peer.path(), soon());
  ASSERT_FALSE(connection);
  EXPECT_TRUE(connection.error().message().contains("refused: \"REJECTED EXTERNAL\""));
}

TEST(DbusConnection, an_endless_line_has_an_end) {
  Peer peer(std::string(100000, 'x'));
  const auto connection = DbusConnection::open(peer.path(), soon());
  ASSERT_FALSE(connection);
  EXPECT_TRUE(connection.error().message().contains("without an end"));
}

TEST(DbusConnection, silence_has_a_deadline) {
  Peer peer("OK 00\r\n");
  auto connection = DbusConnection::open(peer.path(), soon());
  ASSERT_TRUE(connection);
  EXPECT_EQ(connection->call({.path = "/"}, std::chrono::steady_clock::now() + 10ms).error().kind(), ErrorKind::Deadline);
  connection = Error::internal("over");
}

}  // namespace
}  // namespace wherry::sys
