#include "runtime_cli/options.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/strings.h"

namespace wherry::runtime_cli {
namespace {

constexpr std::array<std::string_view, 5> kKnownElsewhere{"checkpoint", "restore", "events",
                                                          "mounts"};

struct Parser {
  std::span<char* const> arguments;
  std::size_t next = 0;
  Options options{};

  [[nodiscard]] bool at_flag() const {
    return next < arguments.size() && arguments[next][0] == '-' && arguments[next][1] != '\0';
  }

  Result<> take_flags(std::span<const Flag> known) {
    while (at_flag()) {
      const std::string_view word = arguments[next++];
      if (word == "--") return {};
      TRY(take_flag(known, word));
    }
    return {};
  }

  Result<> take_flag(std::span<const Flag> known, std::string_view word) {
    const auto parts = cut(word, '=');
    const std::string_view spelled = parts ? parts->before : word;
    std::string_view name = spelled;
    while (name.starts_with('-')) name.remove_prefix(1);
    const auto flag = std::ranges::find_if(known, [&](const Flag& one) {
      return name == one.name || (!one.short_name.empty() && name == one.short_name);
    });
    if (flag == known.end() && (name == "help" || name == "h")) {
      options.values["help"].emplace_back("true");
      return {};
    }
    if (flag == known.end())
      return Error::invalid(fmt::format("flag provided but not defined: {}", spelled));
    return store(*flag, parts ? std::optional(parts->after) : std::nullopt);
  }

  Result<> store(const Flag& flag, std::optional<std::string_view> value) {
    const bool wants_value = flag.kind == FlagKind::Value || flag.kind == FlagKind::RefusedValue;
    if (wants_value && !value) {
      if (next == arguments.size())
        return Error::invalid(fmt::format("flag needs an argument: --{}", flag.name));
      value = arguments[next++];
    }
    if (!wants_value && value && *value == "false") return {};
    if (flag.kind == FlagKind::Refused || flag.kind == FlagKind::RefusedValue)
      return Error(ErrorKind::NotImplemented,
                   fmt::format("flag --{} is not available in wherry-runtime {}", flag.name,
                               WHERRY_VERSION));
    options.values[std::string(flag.name)].emplace_back(value.value_or("true"));
    return {};
  }
};

Result<const Command*> command_of(std::string_view name) {
  if (const Command* command = find_command(name)) return command;
  if (std::ranges::find(kKnownElsewhere, name) != kKnownElsewhere.end())
    return Error(ErrorKind::NotImplemented, fmt::format("command {} is not available in wherry-runtime {}",
                                                        name, WHERRY_VERSION));
  return Error::invalid(fmt::format("unknown command {}", quote(name)));
}

}  // namespace

std::string Options::value(std::string_view flag, std::string fallback) const {
  const auto found = values.find(flag);
  return found == values.end() ? std::move(fallback) : found->second.back();
}

std::vector<std::string> Options::all(std::string_view flag) const {
  const auto found = values.find(flag);
  return found == values.end() ? std::vector<std::string>{} : found->second;
}

Result<Options> parse_options(std::span<char* const> arguments) {
  Parser parser{.arguments = arguments};
  TRY(parser.take_flags(global_flags()));
  if (parser.next == arguments.size()) return std::move(parser.options);
  parser.options.command = arguments[parser.next++];
  const Command* command = TRY(command_of(parser.options.command));
  TRY(parser.take_flags(command->flags));
  // podman and runc's own tests also write flags after the id, but for exec and ps, where they
  // belong to the program.
  const bool program_follows = command->name == "exec" || command->name == "ps";
  while (parser.next < arguments.size()) {
    if (!program_follows && parser.at_flag()) TRY(parser.take_flags(command->flags));
    else parser.options.arguments.emplace_back(arguments[parser.next++]);
  }
  if (parser.options.has("help")) return std::move(parser.options);
  const std::size_t count = parser.options.arguments.size();
  if (count < command->minimum_arguments || count > command->maximum_arguments)
    return Error::invalid(fmt::format("usage: wherry-runtime {} {}", command->name, command->usage));
  return std::move(parser.options);
}

}  // namespace wherry::runtime_cli
