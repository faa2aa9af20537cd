#include "cli/table.h"

#include <algorithm>

#include "base/strings.h"

namespace wherry::cli {
namespace {

// clang-format off
constexpr FlagSpec kRootFlags[] = {
    {"config", 0, FlagType::String, "string", "", "Directory of the client's settings", kReady},
    {"context", 'c', FlagType::String, "string", "", "Context that names the engine", kReady},
    {"debug", 'D', FlagType::Bool, "bool", "", "Print debugging messages", kReady},
    {"host", 'H', FlagType::List, "list", "", "Socket or address of the engine", kReady},
    {"log-level", 'l', FlagType::String, "string", "info", "Least level that is logged", kReady},
    {"tls", 0, FlagType::Bool, "bool", "", "Use TLS", 0},
    {"tlscacert", 0, FlagType::String, "string", "", "Authority that must have signed the engine's certificate", 0},
    {"tlscert", 0, FlagType::String, "string", "", "Certificate of this client", 0},
    {"tlskey", 0, FlagType::String, "string", "", "Private key of this client", 0},
    {"tlsverify", 0, FlagType::Bool, "bool", "", "Use TLS and check the engine's certificate", 0},
    {"version", 'v', FlagType::Bool, "bool", "", "Print the version and end", kReady},
};
// clang-format on

// "a;b;c" holds "b"; no allocation, for this runs on every start.
bool has_spelling(std::string_view paths, std::string_view path) {
  while (!paths.empty()) {
    const std::size_t end = paths.find(';');
    if (paths.substr(0, end) == path) return true;
    paths = end == std::string_view::npos ? std::string_view{} : paths.substr(end + 1);
  }
  return false;
}

constexpr CommandSpec kRoot = {"", "COMMAND", "", {kRootFlags}, kReady | kGroup};

}  // namespace

std::vector<std::string_view> CommandSpec::spellings() const {
  return split(paths, ';');
}

const FlagSpec* CommandSpec::flag(std::string_view name) const {
  const auto found = std::ranges::find(flags, name, &FlagSpec::name);
  return found == flags.end() ? nullptr : &*found;
}

const FlagSpec* CommandSpec::shorthand(char letter) const {
  const auto found = std::ranges::find(flags, letter, &FlagSpec::shorthand);
  return found == flags.end() ? nullptr : &*found;
}

std::array<std::span<const CommandSpec>, 6> all_commands() {
  return {container_commands(), image_commands(), system_commands(),
          network_commands(),   swarm_commands(), service_commands()};
}

const CommandSpec& root_command() {
  return kRoot;
}

const CommandSpec* find_command(std::string_view path) {
  for (const auto commands : all_commands()) {
    for (const CommandSpec& command : commands) {
      if (has_spelling(command.paths, path)) return &command;
    }
  }
  return nullptr;
}

Arity arity_of(std::string_view usage) {
  Arity arity;
  if (usage.empty()) return arity;
  for (const std::string_view word : split(usage, ' ')) {
    if (word.ends_with("...]") || word.ends_with("OPTIONS]")) {
      arity.most = kUnbounded;
    } else if (arity.most != kUnbounded && !word.starts_with("[ps")) {
      ++arity.most;
    }
    if (!word.starts_with('[') && !word.ends_with("OPTIONS]")) ++arity.least;
  }
  return arity;
}

}  // namespace wherry::cli
