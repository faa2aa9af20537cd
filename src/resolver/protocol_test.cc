#include "resolver/protocol.h"

#include <fcntl.h>
#include <gtest/gtest.h>

namespace wherry::resolver {
namespace {

sys::Fd any_fd() { return std::move(*sys::open_at({}, "/dev/null", O_RDONLY)); }

Packet full_put() {
  Packet packet{.say = Say::Put};
  packet.container = {.id = "abc",
                      .attachments = {{"id", "net", "172.18.0.2", "fd00::2", {"web", "www"}}},
                      .links = {{"db", "store"}},
                      .upstreams = {"1.1.1.1", "::1"},
                      .forward = Forward::No,
                      .ndots = Ndots::Given};
  return packet;
}

// As the other end receives it.
Result<Packet> passed(const Packet& packet) {
  const Encoded encoded = encode(packet);
  std::vector<sys::Fd> fds;
  for (const int fd : encoded.fds) fds.push_back(sys::Fd(::fcntl(fd, F_DUPFD_CLOEXEC, 0)));
  return decode(encoded.bytes, std::move(fds));
}

TEST(ResolverProtocol, a_container_arrives_as_it_was_sent) {
  Packet packet = full_put();
  packet.fds.push_back({.udp = any_fd(), .tcp = any_fd(), .process = any_fd()});
  const auto back = passed(packet);
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(back->container, packet.container);
  ASSERT_EQ(back->fds.size(), 1U);
  EXPECT_TRUE(back->fds[0].udp && back->fds[0].tcp && back->fds[0].process);
}

TEST(ResolverProtocol, a_pidfd_may_come_alone) {
  Packet packet = full_put();
  packet.fds.push_back({.process = any_fd()});
  const auto back = passed(packet);
  ASSERT_TRUE(back);
  EXPECT_FALSE(back->fds[0].udp);
  EXPECT_TRUE(back->fds[0].process);
}

TEST(ResolverProtocol, what_is_held_comes_with_its_sockets) {
  Packet packet{.say = Say::Holding, .ids = {"a", "b"}, .resolver_pid = 7, .last = false};
  for (int i = 0; i < 2; ++i) packet.fds.push_back({.udp = any_fd(), .tcp = any_fd()});
  const auto back = passed(packet);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->ids, packet.ids);
  EXPECT_EQ(back->resolver_pid, 7U);
  EXPECT_FALSE(back->last);
  EXPECT_TRUE(back->fds[1].tcp);
}

TEST(ResolverProtocol, every_cut_and_every_extra_byte_is_refused) {
  const Encoded encoded = encode(full_put());
  for (std::size_t size = 0; size < encoded.bytes.size(); ++size)
    EXPECT_FALSE(decode(encoded.bytes.substr(0, size), {})) << size;
  EXPECT_TRUE(decode(encoded.bytes, {}));
  EXPECT_FALSE(decode(encoded.bytes + "x", {}));
}

TEST(ResolverProtocol, descriptors_must_be_those_that_are_named) {
  std::vector<sys::Fd> one;
  one.push_back(any_fd());
  EXPECT_FALSE(decode(encode(full_put()).bytes, std::move(one)));
  Packet packet = full_put();
  packet.fds.push_back({.udp = any_fd(), .tcp = any_fd()});
  EXPECT_FALSE(decode(encode(packet).bytes, {}));
}

TEST(ResolverProtocol, another_version_is_named) {
  std::string bytes = encode({.say = Say::Hello}).bytes;
  bytes[4] = 9;
  EXPECT_EQ(decode(bytes, {}).error().message(),
            "resolver protocol version 9 is not spoken here (version 1)");
}

TEST(ResolverProtocol, a_container_beyond_the_limits_is_refused) {
  Packet packet = full_put();
  packet.container.upstreams.assign(4, "1.1.1.1");
  EXPECT_FALSE(passed(packet));
}

}  // namespace
}  // namespace wherry::resolver
