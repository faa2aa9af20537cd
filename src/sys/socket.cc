#include "sys/socket.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "sys/path.h"

namespace wherry::sys {
namespace {

// The address, and the directory descriptor that keeps a long path reachable.
struct UnixAddress {
  sockaddr_un address{};
  socklen_t size = 0;
  Fd directory;
};

Result<UnixAddress> address_of(const std::string& path) {
  UnixAddress result;
  result.address.sun_family = AF_UNIX;
  std::string reachable = path;
  if (reachable.size() >= sizeof result.address.sun_path) {
    const auto slash = path.rfind('/');
    if (slash == std::string::npos) return Error::invalid("socket path is too long: " + path);
    result.directory = TRY(open_at({}, path.substr(0, slash + 1).c_str(), O_PATH | O_DIRECTORY));
    reachable = fd_path(result.directory) + path.substr(slash);
    if (reachable.size() >= sizeof result.address.sun_path)
      return Error::invalid("socket name is too long: " + path);
  }
  std::memcpy(result.address.sun_path, reachable.c_str(), reachable.size() + 1);
  result.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + reachable.size() + 1);
  return result;
}

Result<Fd> unix_socket(int type) {
  Fd fd(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
  if (!fd) return Error::from_errno(errno, "socket");
  return fd;
}

void collect_fds(cmsghdr* part, std::vector<Fd>& fds) {
  const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
  for (std::size_t i = 0; i < count; ++i) {
    int raw = -1;
    std::memcpy(&raw, CMSG_DATA(part) + i * sizeof(int), sizeof(int));
    fds.emplace_back(raw);
  }
}

void collect_control(const msghdr& header, Message& message) {
  for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr;
       part = CMSG_NXTHDR(const_cast<msghdr*>(&header), part)) {
    if (part->cmsg_level != SOL_SOCKET) continue;
    if (part->cmsg_type == SCM_RIGHTS) collect_fds(part, message.fds);
    if (part->cmsg_type != SCM_CREDENTIALS || part->cmsg_len != CMSG_LEN(sizeof(ucred))) continue;
    ucred credentials{};
    std::memcpy(&credentials, CMSG_DATA(part), sizeof credentials);
    message.sender = credentials.pid;
  }
}

}  // namespace

Result<SocketPair> make_socket_pair(int type) {
  int ends[2];
  if (::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends) < 0)
    return Error::from_errno(errno, "socketpair");
  return SocketPair{Fd(ends[0]), Fd(ends[1])};
}

Result<Fd> listen_unix(const std::string& path, int type, unsigned mode, int backlog) {
  const UnixAddress target = TRY(address_of(path));
  Fd fd = TRY(unix_socket(type));
  // The umask alone decides the mode at bind, so nobody can connect before the chmod.
  const mode_t old_mask = ::umask(0777);
  const int bound =
      ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&target.address), target.size);
  const int bind_errno = errno;
  ::umask(old_mask);
  if (bound < 0) return Error::from_errno(bind_errno, fmt::format("bind {}", path));
  if (::chmod(target.address.sun_path, mode) < 0)
    return Error::from_errno(errno, fmt::format("chmod {}", path));
  if (::listen(fd.get(), backlog) < 0) return Error::from_errno(errno, fmt::format("listen {}", path));
  return fd;
}

Result<Fd> connect_unix(const std::string& path, int type) {
  const UnixAddress target = TRY(address_of(path));
  Fd fd = TRY(unix_socket(type));
  while (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&target.address), target.size) < 0) {
    if (errno == EINTR) continue;
    return Error::from_errno(errno, fmt::format("connect {}", path));
  }
  return fd;
}

Result<> send_message(const Fd& socket, std::string_view bytes, std::span<const int> fds,
                      int flags) {
  if (fds.size() > kMaximumFdsPerMessage) return Error::invalid("too many descriptors in a message");
  alignas(cmsghdr) char control[CMSG_SPACE(kMaximumFdsPerMessage * sizeof(int))] = {};
  iovec data{const_cast<char*>(bytes.data()), bytes.size()};
  msghdr header{};
  header.msg_iov = &data;
  header.msg_iovlen = 1;
  if (!fds.empty()) {
    header.msg_control = control;
    header.msg_controllen = CMSG_SPACE(fds.size_bytes());
    cmsghdr* part = CMSG_FIRSTHDR(&header);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(part), fds.data(), fds.size_bytes());
  }
  for (;;) {
    const ssize_t sent = ::sendmsg(socket.get(), &header, flags | MSG_NOSIGNAL);
    if (sent == static_cast<ssize_t>(bytes.size())) return {};
    if (sent >= 0) return Error::internal("message was sent in part");
    if (errno != EINTR) return Error::from_errno(errno, "send message");
  }
}

Result<> tell_senders(const Fd& socket) {
  const int yes = 1;
  if (::setsockopt(socket.get(), SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes) < 0)
    return Error::from_errno(errno, "ask for the senders of messages");
  return {};
}

Result<Message> receive_message(const Fd& socket, std::size_t limit, int flags) {
  Message message;
  message.bytes.resize(limit);
  alignas(cmsghdr) char control[CMSG_SPACE(kMaximumFdsPerMessage * sizeof(int)) + CMSG_SPACE(sizeof(ucred))];
  iovec data{message.bytes.data(), limit};
  msghdr header{};
  header.msg_iov = &data;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = sizeof control;
  ssize_t received = -1;
  do {
    received = ::recvmsg(socket.get(), &header, flags | MSG_CMSG_CLOEXEC);
  } while (received < 0 && errno == EINTR);
  if (received < 0) return Error::from_errno(errno, "receive message");
  collect_control(header, message);
  if ((header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0)
    return Error::invalid("received message is too large");
  message.bytes.resize(static_cast<std::size_t>(received));
  return message;
}

Result<PeerCredentials> peer_credentials(const Fd& socket) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &credentials, &size) < 0)
    return Error::from_errno(errno, "peer credentials");
  return PeerCredentials{credentials.pid, credentials.uid, credentials.gid};
}

}  // namespace wherry::sys
