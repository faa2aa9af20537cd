#include "engine/container_state.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "base/check.h"

namespace wherry::engine {

WHERRY_VALUE_TYPE_MEMBERS(State);
namespace {

constexpr std::array<std::string_view, 7> kStatusNames = {
    "created", "running", "paused", "restarting", "removing", "exited", "dead"};

std::string ago(const std::string& instant, Instant now) {
  const auto parsed = parse_rfc3339(instant);
  if (!parsed) return "";
  return human_duration(std::chrono::floor<std::chrono::seconds>(now - *parsed)) + " ago";
}

}  // namespace

std::string_view status_name(Status status) {
  return kStatusNames[static_cast<std::size_t>(status)];
}

std::optional<Status> parse_status(std::string_view name) {
  for (std::size_t i = 0; i < kStatusNames.size(); ++i)
    if (kStatusNames[i] == name) return static_cast<Status>(i);
  return std::nullopt;
}

Status State::kind() const {
  const auto parsed = parse_status(status);
  // Only set() writes the word, and the store refuses rows with another one.
  CHECK(parsed.has_value());
  return *parsed;
}

bool State::has_process() const {
  const Status now = kind();
  return now == Status::Running || now == Status::Paused;
}

bool State::counts_as_running() const { return has_process() || kind() == Status::Restarting; }

void to_running(State& state, const ProcessIdentity& process, Instant started_at) {
  state.set(Status::Running);
  state.pid = process.pid;
  state.start_time = process.start_time;
  state.nonce = process.nonce;
  state.boot_id = process.boot_id;
  state.exit_code = 0;
  state.exit_known = true;
  state.oom_killed = false;
  state.error.clear();
  state.started_at = format_rfc3339_nano(started_at);
  state.started_once = true;
}

void to_ended(State& state, const Ending& ending, Status next) {
  state.set(next);
  state.pid = 0;
  state.start_time = 0;
  state.exit_code = ending.exit_code;
  state.exit_known = ending.known;
  if (!ending.known) state.error = kExitUnknown;
  state.oom_killed = ending.oom_killed;
  state.finished_at = format_rfc3339_nano(ending.finished_at);
}

void to_start_failed(State& state, std::int64_t exit_code, const std::string& error) {
  // docker leaves a container that never ran "created", one that did "exited".
  state.set(state.started_once ? Status::Exited : Status::Created);
  state.pid = 0;
  state.start_time = 0;
  state.exit_code = exit_code;
  state.error = error;
}

std::int64_t start_failure_code(std::string_view message) {
  const auto says = [&](std::string_view words) { return message.find(words) != message.npos; };
  if (says("executable file not found") || says("no such file or directory") ||
      says("system cannot find the file specified"))
    return 127;
  if (says("permission denied") || says("is a directory") || says("not a directory")) return 126;
  return 128;
}

spec::docker::ContainerState describe(const State& state) {
  spec::docker::ContainerState shown;
  const Status kind = state.kind();
  shown.status = state.status;
  shown.running = state.counts_as_running();
  shown.paused = kind == Status::Paused;
  shown.restarting = kind == Status::Restarting;
  shown.dead = kind == Status::Dead;
  shown.oom_killed = state.oom_killed;
  shown.pid = state.pid;
  shown.exit_code = state.exit_code;
  shown.error = state.error;
  if (!state.started_at.empty()) shown.started_at = state.started_at;
  if (!state.finished_at.empty()) shown.finished_at = state.finished_at;
  return shown;
}

std::string status_text(const State& state, Instant now) {
  const auto started = parse_rfc3339(state.started_at);
  const std::string up =
      started ? human_duration(std::chrono::floor<std::chrono::seconds>(now - *started)) : "";
  switch (state.kind()) {
    case Status::Running: return "Up " + up;
    case Status::Paused: return "Up " + up + " (Paused)";
    case Status::Restarting:
      return fmt::format("Restarting ({}) {}", state.exit_code, ago(state.finished_at, now));
    case Status::Removing: return "Removal In Progress";
    case Status::Dead: return "Dead";
    case Status::Created: return "Created";
    case Status::Exited:
      // A container whose first start failed has never finished: docker prints "Created".
      if (state.finished_at.empty()) return "Created";
      return fmt::format("Exited ({}) {}", state.exit_code, ago(state.finished_at, now));
  }
  return "";
}

std::string human_duration(std::chrono::seconds duration) {
  const std::int64_t seconds = duration.count();
  if (seconds < 1) return "Less than a second";
  if (seconds == 1) return "1 second";
  if (seconds < 60) return fmt::format("{} seconds", seconds);
  const std::int64_t minutes = seconds / 60;
  if (minutes == 1) return "About a minute";
  if (minutes < 60) return fmt::format("{} minutes", minutes);
  // Hours are rounded to the nearest, as go-units does.
  const std::int64_t hours = (seconds + 1800) / 3600;
  if (hours == 1) return "About an hour";
  if (hours < 48) return fmt::format("{} hours", hours);
  if (hours < 24 * 7 * 2) return fmt::format("{} days", hours / 24);
  if (hours < 24 * 30 * 2) return fmt::format("{} weeks", hours / 24 / 7);
  if (hours < 24 * 365 * 2) return fmt::format("{} months", hours / 24 / 30);
  return fmt::format("{} years", seconds / 3600 / 24 / 365);
}

}  // namespace wherry::engine
