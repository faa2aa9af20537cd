// The engine's end: finds the resolver that runs or starts one, gives it the containers of user
// networks, and brings up a new one when it dies. The resolver is a process of its own that
// outlives the engine; the engine keeps second descriptors of all sockets, so that questions
// wait in them while a new resolver starts.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "resolver/tables.h"
#include "sys/fd.h"

namespace wherry::resolver {

// The descriptor that the started program listens on.
inline constexpr int kListenFd = 3;

// main() of `wherryd --resolver`: serves until it has neither engine nor container.
int run_resolver_worker();

// Leads what a network namespace sends to 127.0.0.11:53 to these ports of that address.
struct SocketPorts {
  std::uint16_t udp = 0;
  std::uint16_t tcp = 0;
};
using Redirect = std::function<Result<>(const sys::Fd& netns, const SocketPorts& ports)>;

struct Options {
  std::string run_directory;  // holds the socket; made if it is missing
  std::string program;        // "": this one
  // Empty, or where it fails: the sockets take port 53 themselves, and the container has it
  // no more.
  Redirect redirect;
};

// Thread-safe. Calls block for an answer of the resolver, at most a second.
//
// Order of calls: open, add and started for every container that runs, settle, then the rest.
class Resolver {
 public:
  // Connects to the resolver that runs, if one does. Starts no process: containers do.
  static Result<std::unique_ptr<Resolver>> open(Options options);
  virtual ~Resolver() = default;

  // All that ran before the engine did has been added: the resolver learns of it in one piece
  // and drops what it holds beyond.
  virtual Result<> settle() = 0;
  // A container joins its first user network: sockets at 127.0.0.11:53 are opened in `netns`,
  // or taken over from a resolver that has them.
  virtual Result<> add(Container container, const sys::Fd& netns) = 0;
  // Its networks, names or servers have changed. NotFound for a container that was not added.
  virtual Result<> update(Container container) = 0;
  // Its process: with the process' end it is removed, also while no engine runs.
  virtual void started(const std::string& id, const sys::Fd& process) = 0;
  // Unknown ids are ignored.
  virtual void remove(const std::string& id) = 0;
  // What was added or updated last; nothing for unknown ids.
  virtual std::optional<Container> find(const std::string& id) = 0;
  // Ends the resolver's process (`wherryd --cleanup`).
  virtual void stop() = 0;
};

}  // namespace wherry::resolver
