// Unix sockets and the passing of descriptors. Messages with descriptors go over
// SOCK_SEQPACKET or SOCK_STREAM pairs; every received descriptor is close-on-exec.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sys/fd.h"

namespace wherry::sys {

// SCM_MAX_FD of the kernel is 253; we stay below it.
inline constexpr std::size_t kMaximumFdsPerMessage = 200;

struct SocketPair {
  Fd first;
  Fd second;
};
// type: SOCK_SEQPACKET or SOCK_STREAM, with SOCK_NONBLOCK where wanted.
Result<SocketPair> make_socket_pair(int type);

// `path` may be longer than sun_path's 107 bytes: it is reached through its directory's fd.
Result<Fd> listen_unix(const std::string& path, int type, unsigned mode, int backlog);
Result<Fd> connect_unix(const std::string& path, int type);

struct Message {
  std::string bytes;    // empty and no fds: the peer closed
  std::vector<Fd> fds;
  int sender = 0;       // with tell_senders: the pid that the kernel vouches for, 0 where we do not see it
};
// Messages that this socket receives from now on say who sent them (SO_PASSCRED).
Result<> tell_senders(const Fd& socket);
// One sendmsg(2); MSG_NOSIGNAL. EAGAIN comes back as Error with errno_value() EAGAIN.
Result<> send_message(const Fd& socket, std::string_view bytes, std::span<const int> fds = {},
                      int flags = 0);
// One recvmsg(2); fails if the message was cut (more than `limit` bytes or too many fds).
Result<Message> receive_message(const Fd& socket, std::size_t limit, int flags = 0);

struct PeerCredentials {
  int pid;
  unsigned uid;
  unsigned gid;
};
Result<PeerCredentials> peer_credentials(const Fd& socket);

}  // namespace wherry::sys
