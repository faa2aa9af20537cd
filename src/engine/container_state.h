// The state of one container and its transitions: pure functions over plain data. What each
// transition means for the kernel, the events and the waiters is lifecycle's affair.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "base/value_type.h"
#include "spec/docker_inspect.h"
#include "spec/docker_network.h"

namespace wherry::engine {

enum class Status : std::uint8_t { Created, Running, Paused, Restarting, Removing, Exited, Dead };

// docker's word: created, running, paused, restarting, removing, exited, dead.
std::string_view status_name(Status status);
std::optional<Status> parse_status(std::string_view name);

// Everything that changes after create; one JSON document in the container's row.
struct State {
  WHERRY_VALUE_TYPE(State);

  std::string status = "created";
  std::int64_t pid = 0;
  std::int64_t exit_code = 0;
  bool exit_known = true;    // false: nobody could read the code of the last end
  bool oom_killed = false;
  std::string error;         // of the last start that failed
  std::string started_at;    // RFC 3339; "" never
  std::string finished_at;
  std::string nonce;         // of the current or last run, as the keeper knows it
  std::string boot_id;       // of the host when that run began
  std::uint64_t start_time = 0;  // of pid, /proc/<pid>/stat field 22
  std::int64_t restart_count = 0;
  std::int64_t restart_delay_ms = 0;
  bool stopped_by_user = false;
  bool started_once = false;
  std::string cgroup;        // of the current run, to clean up behind a killed engine
  spec::docker::EndpointMap endpoints;  // of the current run
  spec::docker::PortMap ports;          // of the current run: published and exposed

  [[nodiscard]] Status kind() const;
  void set(Status next) { status = status_name(next); }
  // A process exists.
  [[nodiscard]] bool has_process() const;
  // docker's State.Running: has a process, or waits for the next try of its policy.
  [[nodiscard]] bool counts_as_running() const;
};

struct ProcessIdentity {
  std::int64_t pid = 0;
  std::uint64_t start_time = 0;
  std::string nonce;
  std::string boot_id;
};
struct Ending {
  std::int64_t exit_code = 0;
  bool known = true;
  bool oom_killed = false;
  Instant finished_at;
};

// In State.Error and in the answers of waits, so that the 255 beside it is nobody's exit code.
inline constexpr const char* kExitUnknown =
    "the exit code is unknown: neither engine nor keeper could read it";

void to_running(State& state, const ProcessIdentity& process, Instant started_at);
// Exited, or Restarting if the policy brings it back.
void to_ended(State& state, const Ending& ending, Status next);
// A start that failed: docker's exit code for it and the message.
void to_start_failed(State& state, std::int64_t exit_code, const std::string& error);

// docker's exit code for the message of a failed start: 127 not found, 126 not executable,
// 128 anything else.
std::int64_t start_failure_code(std::string_view message);

spec::docker::ContainerState describe(const State& state);

// "Up 2 minutes (Paused)", "Exited (0) 3 seconds ago": the STATUS column of ps.
std::string status_text(const State& state, Instant now);
// "About a minute", "3 weeks": docker's rounding.
std::string human_duration(std::chrono::seconds duration);

}  // namespace wherry::engine
