// What the tests of this folder need of the kernel: namespaces as scratch hosts, containers
// and remote machines, and sockets in them. Every block runs in a thread of its own, because
// a network namespace belongs to a thread.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/strings.h"
#include "network/address.h"
#include "network/sandbox.h"
#include "sys/fd.h"
#include "sys/netlink_route.h"

namespace wherry::network::test {

// Below the second after which TCP sends a lost SYN again: a lost first frame is a failure.
inline constexpr int kPatience_ms = 900;
// How long an absence is watched.
inline constexpr int kSilence_ms = 400;

inline bool can_make_namespaces() {
  bool can = false;
  std::thread([&] { can = ::unshare(CLONE_NEWNET) == 0; }).join();
  return can;
}

inline sys::Fd own_namespace() {
  auto fd = sys::open_at({}, "/proc/thread-self/ns/net", O_RDONLY);
  EXPECT_TRUE(fd);
  return std::move(*fd);
}

inline void inside(const sys::Fd& netns, const std::function<void()>& body) {
  std::thread([&] {
    ASSERT_EQ(::setns(netns.get(), CLONE_NEWNET), 0);
    body();
  }).join();
}

// The namespace that stands for the host in the running test.
inline sys::Fd& host_namespace() {
  static sys::Fd fd;
  return fd;
}

inline sys::Fd new_namespace() {
  sys::Fd fd;
  std::thread([&] {
    ASSERT_EQ(::unshare(CLONE_NEWNET), 0);
    fd = own_namespace();
    auto socket = *sys::NetlinkSocket::open(NETLINK_ROUTE);
    sys::NetlinkBatch batch;
    sys::change_link(batch, {.index = 1, .up = true});
    ASSERT_TRUE(socket.transact(batch));
  }).join();
  return fd;
}

inline void in_new_namespace(const std::function<void()>& body) {
  host_namespace() = new_namespace();
  inside(host_namespace(), body);
  host_namespace().reset();
}

inline std::optional<sys::Link> link_named(const std::string& name) {
  auto socket = *sys::NetlinkSocket::open(NETLINK_ROUTE);
  return *sys::find_link(socket, name);
}

// Standard output of a command that runs in this thread's namespaces; "" if it fails.
inline std::string run(const std::string& command) {
  std::string output;
  FILE* pipe = ::popen((command + " 2>/dev/null").c_str(), "re");
  if (pipe == nullptr) return output;
  for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe))
    output.push_back(static_cast<char>(c));
  ::pclose(pipe);
  return output;
}

inline std::string sysctl(const std::string& name) {
  const std::string path = "/proc/sys/" + name;
  return std::string(trim(sys::read_file(path.c_str()).value_or("absent")));
}

inline std::size_t count_open_fds() {
  const std::filesystem::directory_iterator all("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

// For the end of namespaces, which the kernel announces nowhere.
inline bool eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return true;
}

// The calling thread, and those it starts, lose a capability for ever.
inline void drop_capability(unsigned capability) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> data{};
  ASSERT_EQ(::syscall(SYS_capget, &header, data.data()), 0);
  data[0].effective &= ~(1U << capability);
  data[0].permitted &= ~(1U << capability);
  ASSERT_EQ(::syscall(SYS_capset, &header, data.data()), 0);
}

// For the calling thread and those it starts: a kernel without nf_tables.
inline void refuse_netfilter_sockets() {
  std::array<sock_filter, 6> filter{{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[2])),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NETLINK_NETFILTER, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPROTONOSUPPORT),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  }};
  const sock_fprog program{filter.size(), filter.data()};
  ASSERT_EQ(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
  ASSERT_EQ(::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

inline sockaddr_in socket_address(const std::string& ip, std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  ::inet_pton(AF_INET, ip.c_str(), &address.sin_addr);
  return address;
}

class Listener {
 public:
  Listener(const std::string& ip, std::uint16_t port)
      : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const int one = 1;
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    const sockaddr_in address = socket_address(ip, port);
    EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(fd_.get(), 16), 0);
  }
  // The address that the next connection comes from; "" if none comes.
  [[nodiscard]] std::string accept_from() const {
    pollfd ready{fd_.get(), POLLIN, 0};
    if (::poll(&ready, 1, kPatience_ms) != 1) return "";
    sockaddr_in peer{};
    socklen_t length = sizeof peer;
    const sys::Fd accepted(::accept(fd_.get(), reinterpret_cast<sockaddr*>(&peer), &length));
    return Ipv4{ntohl(peer.sin_addr.s_addr)}.str();
  }

 private:
  sys::Fd fd_;
};

inline bool can_connect(const std::string& ip, std::uint16_t port, int patience_ms = kPatience_ms) {
  const sys::Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const sockaddr_in address = socket_address(ip, port);
  const auto* raw = reinterpret_cast<const sockaddr*>(&address);
  if (::connect(fd.get(), raw, sizeof address) == 0) return true;
  pollfd ready{fd.get(), POLLOUT, 0};
  if (::poll(&ready, 1, patience_ms) != 1) return false;
  int error = -1;
  socklen_t length = sizeof error;
  ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &length);
  return error == 0;
}

inline bool stays_unreachable(const std::string& ip, std::uint16_t port) {
  return !can_connect(ip, port, kSilence_ms);
}

// Raw Ethernet frames on an interface, as a container with CAP_NET_RAW sends them.
class FrameSocket {
 public:
  explicit FrameSocket(const char* interface)
      : fd_(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(0x0003))) {
    address_.sll_family = AF_PACKET;
    address_.sll_protocol = htons(0x0003);  // ETH_P_ALL
    address_.sll_ifindex = static_cast<int>(::if_nametoindex(interface));
    EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address_), sizeof address_), 0);
    own_ = link_named(interface)->mac;
  }

  void broadcast(std::uint16_t protocol, const std::string& payload) const {
    send({0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, own_, protocol, payload);
  }
  void send_as(const std::string& mac, std::uint16_t protocol, const std::string& payload) const {
    send({0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, *parse_mac(mac), protocol, payload);
  }
  // An unasked ARP answer to everybody: `ip` is at `mac`.
  void claim_by_arp(const std::string& ip, const std::string& mac) const {
    const std::string sender = bytes(*parse_mac(mac)) + bytes(*parse_ipv4(ip));
    broadcast(0x0806, std::string("\0\1\10\0\6\4\0\2", 8) + sender + sender);
  }
  // ICMPv6 type 134 from a link-local address to all nodes, with a lifetime of 30 minutes. The
  // checksum is left out: whoever takes part in IPv6 at all already fails the test.
  void advertise_router() const {
    std::string packet("\x60\0\0\0\0\x10\x3a\xff", 8);
    packet += std::string("\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\x66", 16);
    packet += std::string("\xff\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\x01", 16);
    packet += std::string("\x86\0\0\0\x40\0\x07\x08\0\0\0\0\0\0\0\0", 16);
    send({0x33, 0x33, 0, 0, 0, 1}, own_, 0x86dd, packet);
  }
  // Whether a frame with this source arrives, or has arrived.
  [[nodiscard]] bool receives_from(const std::string& mac) const {
    const std::string wanted = bytes(*parse_mac(mac));
    std::array<char, 2048> frame{};
    pollfd ready{fd_.get(), POLLIN, 0};
    while (::poll(&ready, 1, kSilence_ms) == 1) {
      const ssize_t got = ::recv(fd_.get(), frame.data(), frame.size(), 0);
      if (got >= 12 && std::string_view(frame.data() + 6, 6) == wanted) return true;
    }
    return false;
  }

 private:
  static std::string bytes(const sys::MacAddress& mac) { return {mac.begin(), mac.end()}; }
  static std::string bytes(Ipv4 ip) {
    const auto raw = ip.bytes().bytes;
    return {raw.begin(), raw.begin() + 4};
  }
  void send(const sys::MacAddress& to, const sys::MacAddress& from, std::uint16_t protocol,
            const std::string& payload) const {
    std::string frame = bytes(to) + bytes(from);
    frame += {static_cast<char>(protocol >> 8), static_cast<char>(protocol & 255)};
    frame += payload;
    frame.resize(std::max<std::size_t>(frame.size(), 60));
    EXPECT_EQ(::sendto(fd_.get(), frame.data(), frame.size(), 0,
                       reinterpret_cast<const sockaddr*>(&address_), sizeof address_),
              static_cast<ssize_t>(frame.size()));
  }

  sys::Fd fd_;
  sockaddr_ll address_{};
  sys::MacAddress own_{};
};

// A machine on the other side of the host's "uplink0", with its default route to the host.
inline sys::Fd remote_host(const std::string& host_ip, const std::string& remote_ip) {
  sys::Fd remote = new_namespace();
  const auto configure = [](const std::string& name, const std::string& ip) {
    auto socket = *sys::NetlinkSocket::open(NETLINK_ROUTE);
    const int index = link_named(name)->index;
    sys::NetlinkBatch batch;
    sys::add_address(batch, {index, parse_ipv4(ip)->bytes(), 24});
    sys::change_link(batch, {.index = index, .up = true});
    EXPECT_TRUE(socket.transact(batch));
  };
  auto socket = *sys::NetlinkSocket::open(NETLINK_ROUTE);
  sys::NetlinkBatch batch;
  sys::add_veth(batch, {"uplink0", "eth0", remote.get(), 1500});
  EXPECT_TRUE(socket.transact(batch));
  configure("uplink0", host_ip);
  inside(remote, [&] {
    configure("eth0", remote_ip);
    auto there = *sys::NetlinkSocket::open(NETLINK_ROUTE);
    sys::NetlinkBatch route;
    sys::add_default_route(route, parse_ipv4(host_ip)->bytes());
    EXPECT_TRUE(there.transact(route));
    EXPECT_TRUE(sys::wait_operational(there, link_named("eth0")->index, 5000));
  });
  EXPECT_TRUE(sys::wait_operational(socket, link_named("uplink0")->index, 5000));
  return remote;
}

}  // namespace wherry::network::test
