// -H: addresses -> listening sockets.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "http/server.h"

namespace wherry::daemon {

struct ListenOptions {
  std::string group;         // of unix sockets
  bool group_given = false;  // an unknown group is an error then, else it is root's
  bool plain_tcp = false;    // without it tcp:// is refused
};

struct Sockets {
  std::vector<http::Listener> listeners;
  std::vector<std::string> paths;  // unix sockets that we made: removed at the end
};

// unix://[path], tcp://[host]:port, fd:// (all that systemd passed). A unix socket on which
// somebody answers is Conflict; a stale one is replaced. Never an abstract socket.
Result<Sockets> open_sockets(const std::vector<std::string>& hosts, const ListenOptions& options);

}  // namespace wherry::daemon
