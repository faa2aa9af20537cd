// Every command and flag that runc or crun knows, and what we do with it.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "runtime_cli/options.h"

namespace wherry::runtime_cli {
namespace {

using enum FlagKind;

constexpr std::array kGlobal{
    Flag{"root", "", Value},       Flag{"log", "", Value},        Flag{"log-format", "", Value},
    Flag{"log-level", "", Value},  Flag{"debug", "", Bool},       Flag{"systemd-cgroup", "", Bool},
    Flag{"rootless", "", Value},   Flag{"cgroup-manager", "", Value}, Flag{"version", "v", Bool},
    Flag{"help", "h", Bool}};

constexpr std::array kCreate{
    Flag{"bundle", "b", Value},        Flag{"config", "f", Value},
    Flag{"console-socket", "", Value}, Flag{"no-new-keyring", "", Bool},
    Flag{"no-pivot", "", Refused},     Flag{"no-subreaper", "", Bool},
    Flag{"pid-file", "", Value},       Flag{"pidfd-socket", "", Value},
    Flag{"preserve-fds", "", Value}};

constexpr std::array kRun{
    Flag{"bundle", "b", Value},        Flag{"config", "f", Value},
    Flag{"console-socket", "", Value}, Flag{"no-new-keyring", "", Bool},
    Flag{"no-pivot", "", Refused},     Flag{"no-subreaper", "", Bool},
    Flag{"pid-file", "", Value},       Flag{"pidfd-socket", "", Value},
    Flag{"preserve-fds", "", Value},   Flag{"detach", "d", Bool},
    Flag{"keep", "", Bool}};

constexpr std::array kExec{
    Flag{"additional-gids", "g", Value}, Flag{"apparmor", "", Value},
    Flag{"cap", "c", Value},             Flag{"cgroup", "", Value},
    Flag{"console-socket", "", Value},   Flag{"cwd", "", Value},
    Flag{"detach", "d", Bool},           Flag{"env", "e", Value},
    Flag{"ignore-paused", "", Refused},  Flag{"no-new-privs", "", Bool},
    Flag{"pid-file", "", Value},         Flag{"pidfd-socket", "", Value},
    Flag{"preserve-fds", "", Value},     Flag{"process", "p", Value},
    Flag{"process-label", "", RefusedValue}, Flag{"tty", "t", Bool},
    Flag{"user", "u", Value}};

constexpr std::array kDelete{Flag{"force", "f", Bool}, Flag{"regex", "r", Bool}};
constexpr std::array kKill{Flag{"all", "a", Bool}, Flag{"regex", "r", Bool}};
constexpr std::array kList{Flag{"format", "f", Value}, Flag{"quiet", "q", Bool}};
constexpr std::array kPs{Flag{"format", "f", Value}};
constexpr std::array kSpec{Flag{"bundle", "b", Value}, Flag{"file", "f", Value},
                           Flag{"rootless", "", Bool}};
constexpr std::array kUpdate{
    Flag{"resources", "r", Value},          Flag{"blkio-weight", "", Value},
    Flag{"cpu-burst", "", Value},           Flag{"cpu-idle", "", Value},
    Flag{"cpu-period", "", Value},          Flag{"cpu-quota", "", Value},
    Flag{"cpu-rt-period", "", Value},       Flag{"cpu-rt-runtime", "", Value},
    Flag{"cpu-share", "", Value},           Flag{"cpuset-cpus", "", Value},
    Flag{"cpuset-mems", "", Value},         Flag{"kernel-memory", "", Value},
    Flag{"kernel-memory-tcp", "", Value},   Flag{"memory", "", Value},
    Flag{"memory-reservation", "", Value},  Flag{"memory-swap", "", Value},
    Flag{"pids-limit", "", Value},          Flag{"l3-cache-schema", "", RefusedValue},
    Flag{"mem-bw-schema", "", RefusedValue}};
constexpr std::size_t kAny = 4096;

constexpr std::array kCommands{
    Command{"create", "CONTAINER", kCreate, 1, 1},
    Command{"run", "CONTAINER", kRun, 1, 1},
    Command{"start", "CONTAINER", {}, 1, 1},
    Command{"state", "CONTAINER", {}, 1, 1},
    Command{"kill", "CONTAINER [SIGNAL]", kKill, 1, 2},
    Command{"delete", "CONTAINER", kDelete, 1, 1},
    Command{"exec", "CONTAINER cmd [ARGUMENT...]", kExec, 1, kAny},
    Command{"ps", "CONTAINER [PS-OPTION...]", kPs, 1, kAny},
    Command{"pause", "CONTAINER", {}, 1, 1},
    Command{"resume", "CONTAINER", {}, 1, 1},
    Command{"update", "CONTAINER", kUpdate, 1, 1},
    Command{"list", "", kList, 0, 0},
    Command{"spec", "", kSpec, 0, 0},
    Command{"features", "", {}, 0, 0},
};

}  // namespace

std::span<const Flag> global_flags() { return kGlobal; }

const Command* find_command(std::string_view name) {
  const auto found = std::ranges::find(kCommands, name, &Command::name);
  return found == kCommands.end() ? nullptr : &*found;
}

std::string usage(std::string_view program, std::string_view command) {
  std::string text = command.empty()
                         ? fmt::format("Usage: {} [OPTION...] COMMAND [OPTION...] [ARGUMENT...]\n\n", program) : std::string();
  for (const Command& one : kCommands) {
    if (command.empty()) text += fmt::format("  {} {}\n", one.name, one.usage);
    else if (one.name == command) text += fmt::format("Usage: {} [OPTION...] {} {}\n\n", program, one.name, one.usage);
    else continue;
    for (const Flag& flag : one.flags) {
      const bool refused = flag.kind == Refused || flag.kind == RefusedValue;
      text += fmt::format("      --{}{}\n", flag.name, refused ? "  (not available)" : "");
    }
  }
  text += "\nglobal options:\n";
  for (const Flag& flag : kGlobal) text += fmt::format("      --{}\n", flag.name);
  return text;
}

}  // namespace wherry::runtime_cli
