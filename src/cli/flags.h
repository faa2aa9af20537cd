// Reads a command line by docker's grammar: where a command takes a program of its own (run,
// create, exec, top) flags end at the first argument; clusters (-it), --flag=value, "--",
// --flag=false for switches, repeated lists. Values are checked as they are read.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/table.h"

namespace wherry::cli {

// What was given on the command line. Aliases (--net, --time) are stored under the name that
// they stand for. Asking for a flag that the command does not have is a broken invariant.
class Flags {
 public:
  explicit Flags(const CommandSpec& command) : command_(&command) {}

  void add(const FlagSpec& flag, std::string_view value);
  [[nodiscard]] bool given(std::string_view name) const;
  // The last value, or the default.
  [[nodiscard]] std::string text(std::string_view name) const;
  [[nodiscard]] bool on(std::string_view name) const;
  [[nodiscard]] std::int64_t number(std::string_view name) const;
  // Every value in order.
  [[nodiscard]] std::vector<std::string> list(std::string_view name) const;

 private:
  const CommandSpec* command_;
  std::map<std::string, std::vector<std::string>, std::less<>> values_;
};

struct CommandLine {
  Flags flags;
  std::vector<std::string> arguments;
  bool help = false;                 // --help came: nothing else counts
  std::vector<std::string> notices;  // "Flag --time has been deprecated, ..."
};

// Why a command line was not understood.
struct FlagError {
  enum class Kind : std::uint8_t {
    Syntax,        // pflag's message; usage follows; exit code 125
    NotAvailable,  // a flag of docker's that wherry does not have yet
  };
  Kind kind;
  std::string message;  // NotAvailable: the flag's long name ("--publish")
};

// Parses what follows the command's path. `interspersed`: flags may follow arguments.
enum class Interspersed : bool { No, Yes };
std::expected<CommandLine, FlagError> parse_flags(const CommandSpec& command,
                                                  std::span<const std::string> words,
                                                  Interspersed interspersed);

// "-h" and words that begin with a typographic dash, as text editors make of "--".
bool has_typographic_dash(std::string_view word);

}  // namespace wherry::cli
