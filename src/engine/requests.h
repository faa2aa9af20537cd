// What a caller hands to a verb of Engine and what it gets back, where docker's API has no
// body type of its own (spec/docker_*.h) for it. Plain data; every default is docker's.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/id.h"
#include "base/result.h"
#include "base/time.h"
#include "spec/docker_event.h"
#include "sys/fd.h"

namespace wherry::engine {

// Filters of a list verb, already decoded from either wire encoding: key -> values.
// An unknown key or a bad value is InvalidArgument ("invalid filter 'x'").
using FilterMap = std::map<std::string, std::vector<std::string>>;

struct ListContainersOptions {
  bool all = false;            // without it: running, paused and restarting ones only
  bool size = false;           // fill SizeRw and SizeRootFs
  std::int64_t limit = 0;      // > 0: the newest `limit`, whatever their state
  FilterMap filters;
};

struct StopOptions {
  std::optional<std::string> signal;        // else Config.StopSignal, else SIGTERM
  std::optional<std::int64_t> timeout_s;    // else Config.StopTimeout, else 10; -1: no limit
};

enum class Force : bool { No, Yes };

struct RemoveContainerOptions {
  bool force = false;
  bool volumes = false;
  bool link = false;  // legacy links do not exist here: true is NotImplemented
};

// A connection that has left HTTP: everything after the head of the answer.
struct HijackedConnection {
  sys::Fd fd;
  std::string already_read;  // bytes of the client that arrived behind the request's head
  std::string head = {};     // of the answer, where the taker has to send it
  std::stop_token stop = {};  // ends a wait for a client that does not read
};

// Called once by attach/exec_start when every check has passed and no error can be answered
// any more: the caller writes its 101 (or 200) head, whose media type depends on `tty`, or for
// attach leaves it to us, and gives the connection away. An Error from it ends the verb with that Error.
using Hijack = std::function<Result<HijackedConnection>(bool tty)>;

struct AttachOptions {
  bool logs = false;
  bool stream = false;
  bool stdin_ = false;
  bool stdout_ = false;
  bool stderr_ = false;
  std::optional<std::string> detach_keys;  // "ctrl-p,ctrl-q" form; "" turns detaching off
};

struct WindowSize {
  std::uint32_t height = 0;
  std::uint32_t width = 0;
};

struct ExecStartOptions {
  bool detach = false;
  bool tty = false;
  std::optional<WindowSize> console_size;
};

enum class WaitCondition : std::uint8_t { NotRunning, NextExit, Removed };

struct WaitResult {
  std::int64_t status_code = 0;
  std::optional<std::string> error;  // docker's Error.Message
};

// Called once, from any thread (before wait() returns if the answer is known already).
using WaitDone = std::function<void(WaitResult)>;

// Keeps a registration alive; destroying it withdraws the callback: once the destructor
// has returned the callback neither runs nor will run.
class Subscription {
 public:
  virtual ~Subscription() = default;
};
using SubscriptionPtr = std::unique_ptr<Subscription>;

struct LogsOptions {
  bool follow = false;
  bool stdout_ = false;
  bool stderr_ = false;
  bool timestamps = false;
  bool details = false;
  std::optional<std::int64_t> tail;  // nullopt: all
  std::optional<Instant> since;
  std::optional<Instant> until;
};

enum class LogStream : std::uint8_t { Stdout = 1, Stderr = 2, SystemError = 3 };
// Takes one record; an Error ends the verb (the client has gone).
using LogSink = std::function<Result<>(LogStream stream, std::string_view bytes)>;

struct LogsStart {
  bool tty = false;  // raw bytes, else the caller frames them
};
// Called once before the first record: the caller flushes its head.
using LogsReady = std::function<Result<>(LogsStart)>;

struct EventsOptions {
  std::optional<Instant> since;
  std::optional<Instant> until;  // in the past: only what the ring of 256 still has
  FilterMap filters;
};

// Runs on an engine thread and must not block.
using EventSink = std::function<void(const spec::docker::EventMessage& event)>;

// One line of `system check`.
enum class CheckState : std::uint8_t { Ok, Limited, Missing };
struct CheckLine {
  std::string subject;  // "cgroups"
  CheckState state = CheckState::Ok;
  std::string detail;   // what was found
  std::string remedy;   // "" if ok
};

struct PingData {
  std::string builder_version;  // "" until there is a builder
  bool experimental = false;
};

}  // namespace wherry::engine
