// The engine's side of the keeper: blocking calls, safe from any thread, each with a
// deadline. A call whose keeper is gone starts a new one beside the engine (which adopts
// what runs) and is sent again: every verb is idempotent.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "keeper/protocol.h"
#include "sys/fd.h"
#include "sys/pidfd.h"

namespace wherry::keeper {

struct ClientOptions {
  std::string run_directory;  // <exec-root>/keeper: socket, lock and records live here (0700)
  std::string program;        // path of wherry-keeper; empty: never start one
  std::chrono::milliseconds timeout{35'000};  // of one call
};

struct StartFds {
  sys::Fd plan;                // sealed memfd with runtime::encode(plan)
  std::vector<sys::Fd> fds;    // the plan's table, at most 4,000
  sys::Fd log_directory;       // with LogDriver::JsonFile
  sys::Fd oom_counter;         // memory.events (v2) or memory.oom_control (v1); may be empty
};

struct StartedProcess {
  Started process;
  sys::Pidfd pidfd;
};

class Client {
 public:
  // Connects; starts the keeper if nobody answers and `program` is set.
  static Result<std::unique_ptr<Client>> connect(ClientOptions options);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Clones the process; it waits before exec. Errors carry docker's words for a failed start;
  // clients that were attached to the target are closed then, as docker does.
  Result<StartedProcess> start(const StartRequest& request, const StartFds& fds);
  // Lets a started process exec. Returns once exec has succeeded; an error means that the
  // process is gone, and no Exited event will come. Calling it on a running target succeeds.
  Result<> go(const Target& target);
  // start() and go() in one round trip, for execs.
  Result<StartedProcess> exec_start(StartRequest request, const StartFds& fds);

  // Lets attach() come before start(). Ends with start(), or with forget().
  Result<> reserve(const Target& target);
  // Gives the connection to the pump; on success the caller's `connection` is empty. On
  // error it still belongs to the caller, who can answer on it. NotFound: neither running nor
  // reserved. With request.hold, replay the log up to `position` on a duplicate of the
  // connection, then release().
  Result<Attached> attach(const AttachRequest& request, sys::Fd& connection);
  Result<> release(const Target& target, const Attached& attached);

  Result<> resize(const Target& target, WindowSize size);
  Result<> close_stdin(const Target& target);
  // By pidfd: NotFound once the process has been reaped.
  Result<> signal(const Target& target, int number);

  // The engine is done with an exited target: a container's record becomes a tombstone that
  // lookup() finds for ten minutes, an exec's is removed. Also ends a reservation (its clients
  // are closed) and kills a start that was not let go. Unknown targets succeed.
  Result<> forget(const Target& target);
  Result<std::vector<Record>> list();  // without tombstones
  Result<std::optional<Record>> lookup(const Target& target);  // with tombstones
  Result<KeeperInfo> info();

  // The engine, as child subreaper, reaped a process that a dead keeper had cloned.
  Result<> reaped(pid_t pid, sys::ExitStatus status);

  // The next event, waiting until `deadline` (nullopt). One thread only. After the keeper
  // died it starts a new one and returns KeeperRestarted; unacknowledged exits come again.
  Result<std::optional<Event>> next_event(std::chrono::steady_clock::time_point deadline);
  Result<> acknowledge(std::uint64_t sequence);

  // Makes the keeper become `program`, whose sys::build_id() is `build`, and keep its processes.
  // Done at once where that is what runs. Conflict: a start does not come to its end.
  Result<> upgrade(const std::string& build, const sys::Fd& program);

  // Ends keeper and pump if no process is left (Conflict otherwise).
  Result<> shutdown();

 private:
  struct State;
  explicit Client(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace wherry::keeper
