#include "client/endpoint.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <spawn.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include "base/strings.h"
#include "sys/socket.h"

namespace wherry::client {
namespace {

constexpr std::string_view kDefaultPort = "2375";

Error unreachable(const Endpoint& endpoint) {
  return {ErrorKind::Unavailable,
          fmt::format("Cannot connect to the Docker daemon at {}. Is the docker daemon running?",
                      endpoint.text)};
}

Result<Endpoint> parse_tcp(Endpoint endpoint, std::string_view address) {
  endpoint.kind = Endpoint::Kind::Tcp;
  const std::size_t slash = address.find('/');
  if (slash != std::string_view::npos) {
    endpoint.base_path = address.substr(slash);
    while (endpoint.base_path.ends_with('/')) endpoint.base_path.pop_back();
    address = address.substr(0, slash);
  }
  std::string_view host = address;
  std::string_view port = kDefaultPort;
  const std::size_t colon = address.rfind(':');
  const bool in_brackets =
      address.starts_with('[') && colon != std::string_view::npos && address[colon - 1] != ']';
  if (colon != std::string_view::npos && !in_brackets) {
    host = address.substr(0, colon);
    port = address.substr(colon + 1);
  }
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  endpoint.host = host.empty() ? "127.0.0.1" : std::string(host);
  endpoint.port = port;
  const auto number = parse_u64(port);
  if (!number || *number == 0 || *number > 65535) {
    return Error::invalid(
        fmt::format("unable to parse docker host {}: invalid port", quote(endpoint.text)));
  }
  return endpoint;
}

Result<Endpoint> parse_ssh(Endpoint endpoint, std::string_view address) {
  endpoint.kind = Endpoint::Kind::Ssh;
  address = address.substr(0, address.find('/'));
  if (const auto pair = cut(address, ':')) {
    endpoint.ssh_port = pair->after;
    address = pair->before;
  }
  // A target that begins with a dash would be an option of ssh.
  if (address.empty() || address[0] == '-' || endpoint.ssh_port.starts_with('-')) {
    return Error::invalid(fmt::format("unable to parse docker host {}", quote(endpoint.text)));
  }
  endpoint.ssh_target = address;
  return endpoint;
}

// A name of /etc/hosts: the only look-up that a static program can do without the C
// library's resolver plug-ins.
std::string look_up(const std::string& host) {
  if (host == "localhost") return "127.0.0.1";
  const auto hosts = sys::read_file("/etc/hosts");
  if (!hosts) return host;
  for (const std::string_view line : split(*hosts, '\n')) {
    std::string text(line.substr(0, line.find('#')));
    for (char& c : text) c = c == '\t' ? ' ' : c;
    const auto words = split(text, ' ');
    for (std::size_t i = 1; i < words.size(); ++i) {
      if (words[i] == host && !words[0].empty()) return std::string(words[0]);
    }
  }
  return host;
}

Result<sys::Fd> connect_tcp(const Endpoint& endpoint) {
  const std::string address = look_up(endpoint.host);
  sockaddr_in v4{};
  sockaddr_in6 v6{};
  const auto port = htons(static_cast<std::uint16_t>(*parse_u64(endpoint.port)));
  const bool is_v4 = ::inet_pton(AF_INET, address.c_str(), &v4.sin_addr) == 1;
  if (!is_v4 && ::inet_pton(AF_INET6, address.c_str(), &v6.sin6_addr) != 1) {
    return Error(ErrorKind::Unavailable,
                 fmt::format("error during connect: cannot look up {}: only addresses and names of "
                             "/etc/hosts are understood",
                             endpoint.host));
  }
  v4.sin_family = AF_INET;
  v4.sin_port = port;
  v6.sin6_family = AF_INET6;
  v6.sin6_port = port;
  sys::Fd socket(::socket(is_v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket) return Error::from_errno(errno, "socket");
  const int one = 1;
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  const auto* where =
      is_v4 ? reinterpret_cast<const sockaddr*>(&v4) : reinterpret_cast<const sockaddr*>(&v6);
  const socklen_t length = is_v4 ? sizeof v4 : sizeof v6;
  if (::connect(socket.get(), where, length) < 0) return unreachable(endpoint);
  return socket;
}

Result<sys::Fd> connect_unix(const Endpoint& endpoint) {
  auto socket = sys::connect_unix(endpoint.path, SOCK_STREAM);
  if (socket) return socket;
  if (socket.error().errno_value() == EACCES || socket.error().errno_value() == EPERM) {
    return Error(ErrorKind::Forbidden,
                 fmt::format("permission denied while trying to connect to the Docker daemon "
                             "socket at {}: dial unix {}: connect: permission denied",
                             endpoint.text, endpoint.path));
  }
  return unreachable(endpoint);
}

// Speaks through `ssh HOST docker system dial-stdio`, as docker's client does; ssh ends with
// the socket.
Result<sys::Fd> connect_ssh(const Endpoint& endpoint) {
  sys::SocketPair pair = TRY(sys::make_socket_pair(SOCK_STREAM));
  std::vector<std::string> words = {"ssh", "-T", "-o", "ConnectTimeout=30"};
  if (!endpoint.ssh_port.empty()) words.insert(words.end(), {"-p", endpoint.ssh_port});
  words.insert(words.end(), {"--", endpoint.ssh_target, "docker", "system", "dial-stdio"});
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, pair.second.get(), 0);
  ::posix_spawn_file_actions_adddup2(&actions, pair.second.get(), 1);
  pid_t pid = 0;
  const int failed = ::posix_spawnp(&pid, "ssh", &actions, nullptr, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) {
    return Error(ErrorKind::Unavailable,
                 fmt::format("error during connect: exec: \"ssh\": {}", std::strerror(failed)));
  }
  return std::move(pair.first);
}

}  // namespace

Result<Endpoint> parse_endpoint(std::string_view text) {
  Endpoint endpoint{.text = std::string(text)};
  const std::size_t mark = text.find("://");
  if (mark == std::string_view::npos || mark + 3 == text.size()) {
    return Error::invalid(fmt::format("unable to parse docker host {}", quote(text)));
  }
  const std::string_view scheme = text.substr(0, mark);
  const std::string_view rest = text.substr(mark + 3);
  if (scheme == "unix") {
    endpoint.path = rest;
    return endpoint;
  }
  if (scheme == "tcp" || scheme == "http") return parse_tcp(std::move(endpoint), rest);
  if (scheme == "ssh") return parse_ssh(std::move(endpoint), rest);
  return Error::invalid(fmt::format(
      "Failed to initialize: unable to resolve docker endpoint: invalid bind address format: {}",
      text));
}

Result<sys::Fd> connect(const Endpoint& endpoint) {
  switch (endpoint.kind) {
    case Endpoint::Kind::Unix: return connect_unix(endpoint);
    case Endpoint::Kind::Tcp: return connect_tcp(endpoint);
    case Endpoint::Kind::Ssh: return connect_ssh(endpoint);
  }
  return unreachable(endpoint);
}

}  // namespace wherry::client
