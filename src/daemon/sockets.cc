#include "daemon/sockets.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <optional>

#include "base/log.h"
#include "base/strings.h"
#include "sys/socket.h"

namespace wherry::daemon {
namespace {

constexpr std::string_view kDefaultSocket = "/run/wherry/wherry.sock";
constexpr int kBacklog = 4096;
constexpr int kFirstPassedFd = 3;  // sd_listen_fds(3)

Error bad_address(std::string_view host) {
  return Error::invalid(fmt::format("invalid bind address format: {}", host));
}

// The number in /etc/group, "name:password:number:members".
std::optional<gid_t> look_up_group(const std::string& name) {
  const auto file = sys::read_file("/etc/group");
  if (!file) return std::nullopt;
  for (const std::string_view line : split(*file, '\n')) {
    const auto fields = split(line, ':');
    if (fields.size() < 3 || fields[0] != name) continue;
    if (const auto number = parse_u64(fields[2])) return static_cast<gid_t>(*number);
  }
  return std::nullopt;
}

// root's group if the default one does not exist.
Result<gid_t> group_id(const ListenOptions& options) {
  if (const auto found = look_up_group(options.group)) return *found;
  if (const auto number = parse_u64(options.group)) return static_cast<gid_t>(*number);
  if (options.group_given) return Error::invalid(fmt::format("group {} not found", options.group));
  log::debug("group {} not found: the socket is for root only", options.group);
  return gid_t{0};
}

// A socket file that nobody listens on is left from an engine that was killed.
Result<> make_room(const std::string& path) {
  struct stat status{};
  if (::lstat(path.c_str(), &status) < 0) return {};
  if (!S_ISSOCK(status.st_mode))
    return Error::conflict(fmt::format("{} exists and is no socket", path));
  if (sys::connect_unix(path, SOCK_STREAM))
    return Error::conflict(fmt::format("an engine is already running on {}", path));
  if (::unlink(path.c_str()) < 0 && errno != ENOENT)
    return Error::from_errno(errno, fmt::format("remove {}", path));
  return {};
}

Result<http::Listener> listen_on_path(const std::string& path, const ListenOptions& options) {
  if (!path.starts_with('/')) return bad_address("unix://" + path);
  TRY(sys::make_directories(path.substr(0, std::max<std::size_t>(path.rfind('/'), 1)), 0711));
  TRY(make_room(path));
  const gid_t group = TRY(group_id(options));
  // Nobody but root gets in between bind and chown.
  sys::Fd socket = TRY(sys::listen_unix(path, SOCK_STREAM | SOCK_NONBLOCK, 0600, kBacklog));
  if (::chown(path.c_str(), 0, group) < 0 || ::chmod(path.c_str(), 0660) < 0)
    return Error::from_errno(errno, fmt::format("chown {}", path));
  return http::Listener{std::move(socket), http::Transport::Unix};
}

// "127.0.0.1:2375", "[::1]:2375", "localhost:2375", ":2375" (docker's default is loopback).
Result<sys::Fd> bind_tcp(std::string_view host) {
  const std::size_t colon = host.rfind(':');
  const auto port =
      parse_u64(host.substr(colon == std::string_view::npos ? host.size() : colon + 1));
  if (!port || *port > 65535) return bad_address(fmt::format("tcp://{}", host));
  std::string name(host.substr(0, colon));
  if (name.starts_with('[') && name.ends_with(']')) name = name.substr(1, name.size() - 2);
  if (name.empty() || name == "localhost") name = "127.0.0.1";
  sockaddr_in v4{.sin_family = AF_INET, .sin_port = htons(static_cast<std::uint16_t>(*port))};
  sockaddr_in6 v6{.sin6_family = AF_INET6, .sin6_port = v4.sin_port};
  const bool is_v4 = ::inet_pton(AF_INET, name.c_str(), &v4.sin_addr) == 1;
  if (!is_v4 && ::inet_pton(AF_INET6, name.c_str(), &v6.sin6_addr) != 1)
    return Error::invalid(fmt::format("tcp://{}: want an address, not a name", host));
  const auto* address =
      is_v4 ? reinterpret_cast<const sockaddr*>(&v4) : reinterpret_cast<const sockaddr*>(&v6);
  sys::Fd socket(::socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return Error::from_errno(errno, "socket");
  const int on = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(socket.get(), address, is_v4 ? sizeof v4 : sizeof v6) < 0 ||
      ::listen(socket.get(), kBacklog) < 0)
    return Error::from_errno(errno, fmt::format("listen tcp {}", host));
  return socket;
}

Result<http::Listener> listen_on_tcp(std::string_view host, const ListenOptions& options) {
  if (!options.plain_tcp)
    return Error::invalid(fmt::format(
        "tcp://{} would give everybody who reaches it root on this host: add "
        "--tls=false if that is meant (TLS is not available in wherry " WHERRY_VERSION ")",
        host));
  sys::Fd socket = TRY(bind_tcp(host));
  log::warning(
      "the API is served on tcp://{} without encryption and without a password: everybody who "
      "reaches it is root on this host",
      host);
  return http::Listener{std::move(socket), http::Transport::Tcp};
}

// Sockets of a systemd .socket unit, for us alone (LISTEN_PID).
Result<std::vector<http::Listener>> passed_sockets() {
  const char* pid = std::getenv("LISTEN_PID");
  const char* count = std::getenv("LISTEN_FDS");
  const auto number = count == nullptr ? std::nullopt : parse_u64(count);
  const bool ours = pid != nullptr && parse_u64(pid) == static_cast<std::uint64_t>(::getpid());
  if (!ours || !number || *number == 0)
    return Error::invalid(
        "no sockets found via socket activation: make sure the service was started by systemd");
  std::vector<http::Listener> listeners;
  for (int fd = kFirstPassedFd; fd < kFirstPassedFd + static_cast<int>(*number); ++fd) {
    ::fcntl(fd, F_SETFD, FD_CLOEXEC);
    ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
    int domain = 0;
    socklen_t size = sizeof domain;
    ::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size);
    listeners.push_back(
        {sys::Fd(fd), domain == AF_UNIX ? http::Transport::Unix : http::Transport::Tcp});
  }
  ::unsetenv("LISTEN_PID");
  ::unsetenv("LISTEN_FDS");
  return listeners;
}

Result<> open_host(const std::string& host, const ListenOptions& options, Sockets& sockets) {
  const std::string_view text = host;
  if (text == "fd://" || text == "fd://*") {
    for (http::Listener& listener : TRY(passed_sockets()))
      sockets.listeners.push_back(std::move(listener));
    return {};
  }
  if (text.starts_with("unix://")) {
    std::string path(text.substr(7));
    if (path.empty()) path = kDefaultSocket;
    sockets.listeners.push_back(TRY(listen_on_path(path, options)));
    sockets.paths.push_back(std::move(path));
    return {};
  }
  if (!text.starts_with("tcp://")) return bad_address(host);
  sockets.listeners.push_back(TRY(listen_on_tcp(text.substr(6), options)));
  return {};
}

}  // namespace

Result<Sockets> open_sockets(const std::vector<std::string>& hosts, const ListenOptions& options) {
  Sockets sockets;
  for (const std::string& host : hosts) TRY(open_host(host, options, sockets));
  return sockets;
}

}  // namespace wherry::daemon
