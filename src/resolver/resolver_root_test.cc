// Engine's end and process together, in a network namespace of the test's: needs root and the
// program wherryd beside the tests.
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <linux/if.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <poll.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <filesystem>
#include <thread>

#include "base/strings.h"
#include "resolver/netns_sockets.h"
#include "resolver/resolver.h"
#include "resolver/testing.h"
#include "sys/pidfd.h"
#include "sys/socket.h"

namespace wherry::resolver {
namespace {

std::string wherryd() {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  return (self.parent_path().parent_path() / "bin/wherryd").string();
}

void raise_loopback() {
  const sys::Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::strncpy(request.ifr_name, "lo", IFNAMSIZ);
  request.ifr_flags = IFF_UP;
  ::ioctl(socket.get(), SIOCSIFFLAGS, &request);
}

class ResolverProcess : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0 || ::access(wherryd().c_str(), X_OK) != 0)
      GTEST_SKIP() << "needs root and bin/wherryd";
    std::string pattern = ::testing::TempDir() + "/resolver-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    std::thread([&] {
      if (::unshare(CLONE_NEWNET) < 0) return;
      raise_loopback();
      netns_ = sys::open_at({}, "/proc/thread-self/ns/net", O_RDONLY).value_or(sys::Fd());
    }).join();
    ASSERT_TRUE(netns_);
    open();
  }
  void TearDown() override {
    if (resolver_) resolver_->stop();
    resolver_.reset();
    // A failed test's: nobody has told it to end.
    if (const int left = directory_.empty() ? -1 : resolver_pid(); left > 1) ::kill(left, SIGKILL);
    if (!directory_.empty()) std::filesystem::remove_all(directory_);
  }

  void open() {
    auto opened = Resolver::open({.run_directory = directory_, .program = wherryd()});
    ASSERT_TRUE(opened) << opened.error().message();
    resolver_ = std::move(*opened);
  }
  static Container web() {
    return {.id = "web",
            .attachments = {{.network_id = "n", .network_name = "net", .ipv4 = "172.18.0.2", .names = {"web"}}},
            .upstreams = {"127.0.0.1"}};
  }
  // Asks from inside the namespace; "" without an answer within five seconds.
  std::string ask(const std::string& name) {
    std::string shown;
    std::thread([&] {
      if (::setns(netns_.get(), CLONE_NEWNET) < 0) return;
      const sys::Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
      sockaddr_in address{.sin_family = AF_INET, .sin_port = htons(53)};
      address.sin_addr.s_addr = htonl(0x7f00000b);
      const std::string packet = testing::make_query({.name = name});
      ::sendto(socket.get(), packet.data(), packet.size(), 0,
               reinterpret_cast<const sockaddr*>(&address), sizeof address);
      pollfd watched{socket.get(), POLLIN, 0};
      if (::poll(&watched, 1, 5000) <= 0) return;
      std::array<char, 512> buffer{};
      const ssize_t size = ::recv(socket.get(), buffer.data(), buffer.size(), 0);
      if (size <= 0) return;
      const auto read = testing::read_answer({buffer.data(), static_cast<std::size_t>(size)});
      shown = read.ipv4.empty() ? "nothing" : read.ipv4[0];
    }).join();
    return shown;
  }
  // Our one child that lives. Not by a connection: the resolver takes that for a new engine's, and
  // the engine under test, whose place is lost, for the resolver's end.
  [[nodiscard]] int resolver_pid() const {
    int found = -1;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
      const auto pid = parse_i64(entry.path().filename().string());
      const auto stat = pid ? sys::read_file((entry.path() / "stat").c_str()) : std::unexpected(Error::internal(""));
      if (!stat) continue;
      const std::string own = fmt::format(" {} ", ::getpid());
      const std::size_t state = stat->rfind(") ");
      if (state == std::string::npos || (*stat)[state + 2] == 'Z') continue;
      if (std::string_view(*stat).substr(state + 3).starts_with(own)) found = static_cast<int>(*pid);
    }
    return found;
  }

  std::string directory_;
  sys::Fd netns_;
  std::unique_ptr<Resolver> resolver_;
};

TEST_F(ResolverProcess, a_container_is_answered_at_127_0_0_11) {
  ASSERT_TRUE(resolver_->settle());
  ASSERT_TRUE(resolver_->add(web(), netns_));
  EXPECT_EQ(ask("web"), "172.18.0.2");
  Container moved = web();
  moved.attachments[0].ipv4 = "172.18.0.9";
  ASSERT_TRUE(resolver_->update(moved));
  EXPECT_EQ(ask("web"), "172.18.0.9");
}

TEST_F(ResolverProcess, answers_while_no_engine_runs_and_is_found_by_the_next) {
  ASSERT_TRUE(resolver_->settle());
  ASSERT_TRUE(resolver_->add(web(), netns_));
  const int pid = resolver_pid();
  resolver_.reset();
  EXPECT_EQ(ask("web"), "172.18.0.2");
  open();
  ASSERT_TRUE(resolver_->add(web(), netns_));
  ASSERT_TRUE(resolver_->settle());
  EXPECT_EQ(ask("web"), "172.18.0.2");
  EXPECT_EQ(resolver_pid(), pid);
}

TEST_F(ResolverProcess, a_new_engine_drops_what_it_does_not_name) {
  ASSERT_TRUE(resolver_->settle());
  ASSERT_TRUE(resolver_->add(web(), netns_));
  EXPECT_FALSE(open_sockets(netns_));
  resolver_.reset();
  open();
  ASSERT_TRUE(resolver_->settle());
  EXPECT_TRUE(open_sockets(netns_));
}

TEST_F(ResolverProcess, a_question_waits_while_a_dead_resolver_is_replaced) {
  ASSERT_TRUE(resolver_->settle());
  ASSERT_TRUE(resolver_->add(web(), netns_));
  for (int i = 0; i < 3; ++i) {
    const int pid = resolver_pid();
    ASSERT_GT(pid, 1);
    ASSERT_EQ(::kill(pid, SIGKILL), 0);
    EXPECT_EQ(ask("web"), "172.18.0.2");
    EXPECT_NE(resolver_pid(), pid);
  }
}

TEST_F(ResolverProcess, has_no_capabilities_and_a_filter) {
  ASSERT_TRUE(resolver_->settle());
  ASSERT_TRUE(resolver_->add(web(), netns_));
  const auto status = sys::read_file(fmt::format("/proc/{}/status", resolver_pid()).c_str());
  ASSERT_TRUE(status);
  for (const char* line : {"CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "Seccomp:\t2",
                           "NoNewPrivs:\t1", "Threads:\t1"})
    EXPECT_NE(status->find(line), std::string::npos) << line;
}

TEST_F(ResolverProcess, ends_with_its_last_container_when_no_engine_runs) {
  ASSERT_TRUE(resolver_->settle());
  ASSERT_TRUE(resolver_->add(web(), netns_));
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  sys::Fd write_end(ends[1]);
  // A pipe's end stands in for the pidfd: readable when the process has ended.
  resolver_->started("web", sys::Fd(ends[0]));
  auto process = sys::Pidfd::open(resolver_pid());
  ASSERT_TRUE(process);
  resolver_.reset();
  EXPECT_EQ(ask("web"), "172.18.0.2");
  write_end.reset();
  EXPECT_TRUE(*process->wait_ended(5000));
  open();
  ASSERT_TRUE(resolver_->settle());
}

}  // namespace
}  // namespace wherry::resolver
