// Command lines of an OCI runtime command, as containerd, CRI-O and podman write them: one
// table of commands and flags (table.cc), one parser.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace wherry::runtime_cli {

enum class FlagKind : std::uint8_t {
  Bool,
  Value,
  Refused,      // known to runc or crun, not done here: an error that says so
  RefusedValue  // the same, and it takes a value
};

struct Flag {
  std::string_view name;        // without dashes
  std::string_view short_name;  // "" or one letter
  FlagKind kind = FlagKind::Bool;
};

struct Options {
  std::string command;
  std::map<std::string, std::vector<std::string>, std::less<>> values;
  std::vector<std::string> arguments;

  [[nodiscard]] bool has(std::string_view flag) const { return values.contains(flag); }
  [[nodiscard]] std::string value(std::string_view flag, std::string fallback = {}) const;
  [[nodiscard]] std::vector<std::string> all(std::string_view flag) const;
};

struct Command {
  std::string_view name;
  std::string_view usage;
  std::span<const Flag> flags;
  std::size_t minimum_arguments = 0;
  std::size_t maximum_arguments = 0;
};

// Global flags come before the command, its own after it and before the first argument.
// InvalidArgument names what is wrong.
Result<Options> parse_options(std::span<char* const> arguments);

std::span<const Flag> global_flags();
const Command* find_command(std::string_view name);
// Of the program under the name that it was called by, or of one of its commands.
std::string usage(std::string_view program, std::string_view command = {});

}  // namespace wherry::runtime_cli
