#include "cli/flags.h"

#include <fmt/format.h>

#include <array>

#include "base/check.h"
#include "base/strings.h"
#include "cli/values.h"

namespace wherry::cli {
namespace {

struct Alias {
  std::string_view name;
  std::string_view stands_for;
};
constexpr std::array<Alias, 4> kAliases = {{{"net", "network"},
                                            {"net-alias", "network-alias"},
                                            {"dns-opt", "dns-option"},
                                            {"time", "timeout"}}};

std::string_view stored_name(const FlagSpec& flag) {
  if (!flag.is(kHidden)) return flag.name;
  for (const Alias& alias : kAliases) {
    if (alias.name == flag.name) return alias.stands_for;
  }
  return flag.name;
}

class Parser {
 public:
  Parser(const CommandSpec& command, std::span<const std::string> words)
      : command_(command), words_(words), line_{.flags = Flags(command)} {}

  std::expected<CommandLine, FlagError> parse(Interspersed interspersed) &&;

 private:
  using Status = std::expected<void, FlagError>;
  static std::unexpected<FlagError> wrong(std::string message) {
    return std::unexpected(FlagError{FlagError::Kind::Syntax, std::move(message)});
  }
  Status parse_long(std::string_view word);
  Status parse_cluster(std::string_view word);
  Status parse_letter(std::string_view& letters);
  Status set(const FlagSpec& flag, std::string_view value);
  void note_deprecation(const FlagSpec& flag);

  const CommandSpec& command_;
  std::span<const std::string> words_;
  std::size_t next_ = 0;
  CommandLine line_;
};

Parser::Status Parser::set(const FlagSpec& flag, std::string_view value) {
  if (auto checked = check_value(flag, value); !checked) {
    const std::string name = flag.shorthand != 0
                                 ? fmt::format("-{}, --{}", flag.shorthand, flag.name)
                                 : fmt::format("--{}", flag.name);
    return wrong(fmt::format("invalid argument {} for \"{}\" flag: {}", quote(value), name,
                             checked.error().message()));
  }
  const bool is_default =
      flag.type == FlagType::Bool && *parse_bool(value) == (flag.initial == "true");
  // Naming the default asks for nothing that is missing: --publish-all=false.
  if (!flag.is(kReady) && !is_default) {
    return std::unexpected(FlagError{FlagError::Kind::NotAvailable,
                                     fmt::format("--{}", flag.name)});
  }
  note_deprecation(flag);
  line_.flags.add(flag, value);
  return {};
}

void Parser::note_deprecation(const FlagSpec& flag) {
  if (!flag.is(kDeprecated)) return;
  line_.notices.push_back(
      fmt::format("Flag --{} has been deprecated, use --{} instead", flag.name, stored_name(flag)));
}

Parser::Status Parser::parse_long(std::string_view word) {
  const auto pair = cut(word.substr(2), '=');
  const std::string_view name = pair ? pair->before : word.substr(2);
  if (name.empty() || name[0] == '-' || name[0] == '=')
    return wrong(fmt::format("bad flag syntax: {}", word));
  const FlagSpec* flag = command_.flag(name);
  if (flag == nullptr && name == "help") {
    line_.help = !pair || (pair->after != "false" && pair->after != "0");
    return {};
  }
  if (flag == nullptr) return wrong(fmt::format("unknown flag: --{}", name));
  if (pair) return set(*flag, pair->after);
  if (flag->type == FlagType::Bool) return set(*flag, "true");
  if (next_ == words_.size()) return wrong(fmt::format("flag needs an argument: --{}", name));
  return set(*flag, words_[next_++]);
}

Parser::Status Parser::parse_letter(std::string_view& letters) {
  const char letter = letters[0];
  const std::string_view whole = letters;
  letters.remove_prefix(1);
  const FlagSpec* flag = command_.shorthand(letter);
  if (flag == nullptr && letter == 'h') {
    line_.help = true;
    line_.notices.emplace_back("Flag shorthand -h has been deprecated, use --help");
    letters = {};
    return {};
  }
  if (flag == nullptr)
    return wrong(fmt::format("unknown shorthand flag: '{}' in -{}", letter, whole));
  if (letters.starts_with('=')) return set(*flag, std::exchange(letters, {}).substr(1));
  if (flag->type == FlagType::Bool) return set(*flag, "true");
  if (!letters.empty()) return set(*flag, std::exchange(letters, {}));
  if (next_ == words_.size())
    return wrong(fmt::format("flag needs an argument: '{}' in -{}", letter, whole));
  return set(*flag, words_[next_++]);
}

Parser::Status Parser::parse_cluster(std::string_view word) {
  std::string_view letters = word.substr(1);
  while (!letters.empty()) {
    if (auto status = parse_letter(letters); !status || line_.help) return status;
  }
  return {};
}

std::expected<CommandLine, FlagError> Parser::parse(Interspersed interspersed) && {
  while (next_ < words_.size() && !line_.help) {
    const std::string_view word = words_[next_++];
    Status status;
    if (word == "--") break;
    if (word.starts_with("--")) {
      status = parse_long(word);
    } else if (word.size() > 1 && word[0] == '-') {
      status = parse_cluster(word);
    } else {
      line_.arguments.emplace_back(word);
      if (interspersed == Interspersed::No) break;
    }
    if (!status) return std::unexpected(std::move(status).error());
  }
  for (; next_ < words_.size(); ++next_) line_.arguments.push_back(words_[next_]);
  return std::move(line_);
}

}  // namespace

void Flags::add(const FlagSpec& flag, std::string_view value) {
  values_[std::string(stored_name(flag))].emplace_back(value);
}

bool Flags::given(std::string_view name) const {
  CHECK(command_->flag(name) != nullptr);
  return values_.contains(name);
}

std::string Flags::text(std::string_view name) const {
  const FlagSpec* flag = command_->flag(name);
  CHECK(flag != nullptr);
  const auto found = values_.find(name);
  return found == values_.end() ? std::string(flag->initial) : found->second.back();
}

bool Flags::on(std::string_view name) const {
  const std::string value = text(name);
  return !value.empty() && parse_bool(value).value_or(false);
}

std::int64_t Flags::number(std::string_view name) const {
  const std::string value = text(name);
  return value.empty() ? 0 : parse_int(value).value_or(0);
}

std::vector<std::string> Flags::list(std::string_view name) const {
  CHECK(command_->flag(name) != nullptr);
  const auto found = values_.find(name);
  return found == values_.end() ? std::vector<std::string>{} : found->second;
}

std::expected<CommandLine, FlagError> parse_flags(const CommandSpec& command,
                                                  std::span<const std::string> words,
                                                  Interspersed interspersed) {
  return Parser(command, words).parse(interspersed);
}

bool has_typographic_dash(std::string_view word) {
  // U+2010..U+2015 (hyphens and dashes) and U+2212 (minus).
  return (word.size() >= 3 && word[0] == '\xe2' && word[1] == '\x80' && word[2] >= '\x90' &&
          word[2] <= '\x95') ||
         word.starts_with("\xe2\x88\x92");
}

}  // namespace wherry::cli
