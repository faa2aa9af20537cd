// What engine and keeper say to each other: plain data and its bytes. The bytes are
// described in docs/formats/keeper-protocol.md; keeper/wire.h carries them.
//
//   engine                              keeper
//   Start (plan, fds)            ->     clones; the child stops before exec
//                                <-     Started, after the record is on the run directory
//   Go                           ->     child execs
//                                <-     Ok, or Failed with docker's words
//   Subscribe (own connection)   ->
//                                <-     Exited (sequence), again on every Subscribe
//   Acknowledge (sequence)       ->     stops repeating it
//   Forget                       ->     record becomes a tombstone for ten minutes
//   Upgrade (build, program)     ->     executes it in its own place; asked again, it is that build
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace wherry::keeper {

inline constexpr std::uint16_t kProtocolVersion = 1;
inline constexpr std::uint16_t kOldestProtocolVersion = 1;

enum class Verb : std::uint16_t {
  Hello = 1,
  Start = 2,
  Go = 3,
  Reserve = 4,
  Attach = 5,
  Release = 6,
  Resize = 7,
  CloseStdin = 8,
  Signal = 9,
  Forget = 10,
  List = 11,
  Lookup = 12,
  Subscribe = 13,
  Acknowledge = 14,
  Reaped = 15,
  Shutdown = 16,
  Upgrade = 17,
  // answers
  Ok = 100,
  Failed = 101,
  // events, only after Subscribe
  Exited = 200,
  Detached = 201,
  LogLost = 202,
};

// A container's own process, or one exec in it.
// Of StartRequest::cgroup: a path and what the engine wants to have with it.
inline constexpr std::size_t kTagLimit = 64 * 1024;

struct Target {
  std::string container;  // full id
  std::string exec;       // full exec id; empty: the container's init
  auto operator<=>(const Target&) const = default;
};

struct WindowSize {
  std::uint16_t rows = 0;
  std::uint16_t columns = 0;
};

struct StdioOptions {
  bool tty = false;         // the plan makes the terminal; its master comes to the keeper
  bool open_stdin = false;  // false: stdin is /dev/null (no tty)
  bool stdin_once = false;  // stdin closes when the first client with stdin ends or half-closes
  bool discard = false;     // no streams at all: `exec -d`
  WindowSize window;        // applied to a new terminal where not zero
};

enum class LogDriver : std::uint8_t { None, JsonFile };
enum class LogMode : std::uint8_t { Blocking, NonBlocking };

struct LogOptions {
  LogDriver driver = LogDriver::None;
  LogMode mode = LogMode::Blocking;
  std::string file_name;            // in StartFds::log_directory, docker's "<id>-json.log"
  std::int64_t max_size = -1;       // bytes; -1: no rotation
  std::uint32_t max_files = 1;      // with 1 the full file is replaced
  std::uint64_t max_buffer = 1 << 20;  // NonBlocking: bytes kept before lines are dropped
  std::string attributes;           // JSON object written as "attrs" of each line; empty: none
  std::string path;                 // of log_directory, so that a new keeper can reopen it
};

struct StartRequest {
  Target target;
  std::string nonce;   // of this run; Start with the same nonce again is the same start
  StdioOptions stdio;
  LogOptions log;
  std::string cgroup;  // recorded, given back by List; the keeper does not read it
  bool go_at_once = false;  // exec: answer after the exec instead of before it
  std::uint32_t deadline_ms = 30'000;  // for each half of the handshake
  bool has_log_directory = false;  // which descriptors follow the plan; set by Client
  bool has_oom_counter = false;
};

enum class State : std::uint8_t {
  Starting,  // cloned, not ready
  Ready,     // recorded, waits for Go
  Running,
  Exited,
};

struct ExitReport {
  std::int32_t code = 0;       // 128 + signal when by_signal
  bool known = true;           // false: nobody could read the code; `code` is 255
  bool by_signal = false;
  bool oom_killed = false;     // the kernel killed at least one process of the cgroup
  std::int64_t finished_ns = 0;  // Unix time
};

// What the keeper knows of a process; kept on the run directory.
struct Record {
  Target target;
  std::string nonce;
  std::int32_t pid = 0;
  std::uint64_t start_time = 0;  // field 22 of /proc/<pid>/stat
  std::string boot_id;
  std::string cgroup;
  State state = State::Starting;
  StdioOptions stdio;
  LogOptions log;
  std::int64_t started_ns = 0;   // Unix time of Go's success, 0 before
  ExitReport exit;               // with State::Exited
  std::uint64_t exit_sequence = 0;
  bool acknowledged = false;     // the engine has the exit
  bool forgotten = false;        // a tombstone
  // Device and inode of the pipes, by which a new keeper knows them again: 0 where absent.
  struct PipeIdentity {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
  };
  PipeIdentity pipe_in, pipe_out, pipe_err;
};

enum class Framing : std::uint8_t {
  Raw,     // bytes as they are: a tty
  Framed,  // docker's 8-byte stream headers
};

struct AttachRequest {
  Target target;
  bool want_stdin = false;
  bool want_stdout = true;
  bool want_stderr = true;
  Framing framing = Framing::Framed;
  std::string detach_keys;   // the bytes themselves; empty: no scan (docker scans ttys only)
  std::string already_read;  // bytes the engine read from the connection past the request
  std::string preface;       // written to the client before anything else (the 101 answer)
  bool hold = false;         // collect output, but write nothing before Release
};

// A place in the log: generation counts the rotations since the stream was started.
struct LogPosition {
  std::uint64_t generation = 0;
  std::uint64_t offset = 0;  // bytes in the current file
};

struct Attached {
  std::uint64_t client = 0;
  LogPosition position;  // everything before is in the log, everything after goes to the client
};

struct Started {
  std::int32_t pid = 0;
  std::uint64_t start_time = 0;
  bool running = false;  // already past Go
};

struct KeeperInfo {
  std::uint16_t version = 0;
  std::int32_t keeper_pid = 0;
  std::int32_t pump_pid = 0;
  std::uint64_t instance = 0;  // random; another one means another keeper process
  std::uint32_t processes = 0; // records that are not tombstones
  std::string build;           // sys::build_id() of its program; empty: older than Upgrade
};

enum class EventKind : std::uint8_t {
  Exited,           // repeated on each Subscribe until acknowledged
  Detached,         // a client typed its detach keys
  LogLost,          // lines were dropped (non-blocking mode or a failed write)
  KeeperRestarted,  // made by Client: the keeper is another one, list() again
};

struct Event {
  EventKind kind = EventKind::Exited;
  std::uint64_t sequence = 0;  // for Acknowledge; 0 where none is wanted
  Target target;
  std::string nonce;
  ExitReport exit;             // Exited
  std::uint64_t lost_lines = 0;  // LogLost: since the start of the stream
  std::string text;            // LogLost: the cause
};

// Bytes of each message body. Fields are only ever appended; a decoder takes what is there,
// leaves newer fields alone and refuses anything malformed.
std::string encode(const StartRequest& value);
std::string encode(const AttachRequest& value);
std::string encode(const Target& value);
std::string encode(const Record& value);
std::string encode(const std::vector<Record>& value);
std::string encode(const Started& value);
std::string encode(const Attached& value);
std::string encode(const KeeperInfo& value);
std::string encode(const Event& value);
std::string encode(const Error& value);

Result<StartRequest> decode_start(std::string_view bytes);
Result<AttachRequest> decode_attach(std::string_view bytes);
Result<Target> decode_target(std::string_view bytes);
Result<Record> decode_record(std::string_view bytes);
Result<std::vector<Record>> decode_records(std::string_view bytes);
Result<Started> decode_started(std::string_view bytes);
Result<Attached> decode_attached(std::string_view bytes);
Result<KeeperInfo> decode_info(std::string_view bytes);
Result<Event> decode_event(std::string_view bytes);
// The Error that the peer sent, or the reason why its bytes are none.
Error decode_error(std::string_view bytes);

}  // namespace wherry::keeper
