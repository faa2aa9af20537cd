// The command table: every command path and flag of docker 28.2, and whether wherry has it
// yet. Data only; parsing, help and the "not available" answer all read it.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace wherry::cli {

enum class FlagType : std::uint8_t {
  Bool,
  String,
  Int,
  Uint,
  Uint16,
  Float,
  Duration,
  Bytes,
  Decimal,
  List,
  Map,
  Ulimit,
  Mount,
  Filter,
  Other,
};

// Marks of flags and commands.
inline constexpr std::uint8_t kReady = 1;       // wherry does it
inline constexpr std::uint8_t kHidden = 2;      // not listed by --help
inline constexpr std::uint8_t kDeprecated = 4;  // says so when used
inline constexpr std::uint8_t kGroup = 8;       // a command that only holds others

struct FlagSpec {
  std::string_view name;
  char shorthand;  // 0: none
  FlagType type;
  std::string_view type_name;  // as --help prints it
  std::string_view initial;    // "" is the type's zero value
  std::string_view help;
  std::uint8_t marks;

  [[nodiscard]] bool is(std::uint8_t mark) const { return (marks & mark) != 0; }
};

struct CommandSpec {
  std::string_view paths;  // "container run;run": the canonical path, then the other spellings
  std::string_view usage;  // positional arguments
  std::string_view summary;
  std::span<const FlagSpec> flags;
  std::uint8_t marks;

  [[nodiscard]] bool is(std::uint8_t mark) const { return (marks & mark) != 0; }
  [[nodiscard]] std::string_view canonical() const { return paths.substr(0, paths.find(';')); }
  [[nodiscard]] std::vector<std::string_view> spellings() const;
  [[nodiscard]] const FlagSpec* flag(std::string_view name) const;
  [[nodiscard]] const FlagSpec* shorthand(char letter) const;
};

std::span<const CommandSpec> container_commands();
std::span<const CommandSpec> image_commands();
std::span<const CommandSpec> system_commands();
std::span<const CommandSpec> network_commands();
std::span<const CommandSpec> swarm_commands();
std::span<const CommandSpec> service_commands();
std::array<std::span<const CommandSpec>, 6> all_commands();
// The flags before the command, as --host.
const CommandSpec& root_command();

// The command of that path ("run", "container run"); nullptr where there is none.
const CommandSpec* find_command(std::string_view path);

// How many arguments a command takes, read from its usage text.
struct Arity {
  std::size_t least = 0;
  std::size_t most = 0;  // kUnbounded: any number
};
inline constexpr std::size_t kUnbounded = SIZE_MAX;
Arity arity_of(std::string_view usage);

}  // namespace wherry::cli
