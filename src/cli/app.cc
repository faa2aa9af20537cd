// From the words of the command line to a handler: global flags, the command's path, its
// flags, its number of arguments, and the answers for all that is not understood.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/strings.h"
#include "cli/handlers.h"
#include "cli/help.h"
#include "cli/output.h"
#include "cli/session.h"

namespace wherry::cli {
namespace {

constexpr int kFlagErrorCode = 125;
constexpr std::size_t kHelpColumns = 80;

std::string program_name(std::string_view path) {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  return name == "docker" ? "docker" : "wherry";
}

std::size_t help_columns() {
  const std::size_t columns = terminal_size(1).columns;
  return columns == 0 ? kHelpColumns : columns;
}

std::string more_information(std::string_view word, std::string_view program,
                             std::string_view path) {
  return fmt::format("{} '{}{}{} --help' for more information\n", word, program,
                     path.empty() ? "" : " ", path);
}

std::string plural(std::size_t count) {
  return fmt::format("{} argument{}", count, count == 1 ? "" : "s");
}

// A typographic dash where an option was meant, as editors and web pages make of "--".
std::string dash_advice(std::string_view word) {
  if (!has_typographic_dash(word)) return "";
  std::string_view name = word;
  while (has_typographic_dash(name)) name.remove_prefix(3);
  while (name.starts_with('-')) name.remove_prefix(1);
  return fmt::format("{} begins with a typographic dash: did you mean {}{}?\n", quote(word),
                     name.size() == 1 ? "-" : "--", name);
}

class Application {
 public:
  explicit Application(std::vector<std::string> words) : words_(std::move(words)) {
    program_ = program_name(words_.empty() ? "" : words_[0]);
    if (!words_.empty()) words_.erase(words_.begin());
  }

  int run();

 private:
  int run_path(const Flags& globals, std::vector<std::string> words);
  int run_command(const Flags& globals, const CommandSpec& spec,
                  std::span<const std::string> words);
  int help_topic(std::span<const std::string> words);
  int report(const FlagError& error, const CommandSpec& spec) const;
  int unknown_command(std::string_view word, const CommandSpec* group) const;
  int wrong_count(const CommandSpec& spec, const std::vector<std::string>& arguments) const;
  int not_available(const CommandSpec& spec) const;
  [[nodiscard]] bool takes_program(const CommandSpec& spec) const;

  std::vector<std::string> words_;
  std::string program_;
  std::string path_;
};

int Application::report(const FlagError& error, const CommandSpec& spec) const {
  if (error.kind == FlagError::Kind::NotAvailable) {
    print_error(fmt::format("{}: flag '{}' is not available in wherry {}\n", program_,
                            error.message, WHERRY_VERSION));
    return takes_program(spec) ? kFlagErrorCode : 1;
  }
  print_error(fmt::format("{}\n\n{}\n\n{}", error.message, usage_line(program_, path_, spec),
                          more_information("Run", program_, path_)));
  return kFlagErrorCode;
}

int Application::unknown_command(std::string_view word, const CommandSpec* group) const {
  std::string text = fmt::format("{0}: unknown command: {0}{1}{2} {3}\n", program_,
                                 path_.empty() ? "" : " ", path_, word);
  const std::string advice = dash_advice(word);
  const std::string nearest = advice.empty() ? nearest_command(path_, word) : "";
  if (!advice.empty()) text += "\n" + advice;
  if (!nearest.empty())
    text += fmt::format("\nDid you mean '{}{}{} {}'?\n", program_, path_.empty() ? "" : " ", path_,
                        nearest);
  if (group != nullptr) text += fmt::format("\n{}\n", usage_line(program_, path_, *group));
  print_error(text + "\n" + more_information("Run", program_, path_));
  return 1;
}

int Application::not_available(const CommandSpec&) const {
  print_error(fmt::format("{}: 'docker {}' is not available in wherry {}\n", program_, path_,
                          WHERRY_VERSION));
  return 1;
}

int Application::wrong_count(const CommandSpec& spec,
                             const std::vector<std::string>& arguments) const {
  const Arity arity = arity_of(spec.usage);
  std::string need;
  std::string_view word = "Run";
  if (arity.most == 0) {
    need = "accepts no arguments";
  } else if (arity.most == kUnbounded) {
    need = "requires at least " + plural(arity.least);
    word = "See";
  } else if (arity.least == arity.most) {
    need = "requires " + plural(arity.least);
  } else {
    need = "requires at most " + plural(arity.most);
  }
  std::string advice;
  for (const std::string& argument : arguments) advice += dash_advice(argument);
  print_error(fmt::format("{0}: '{0} {1}' {2}\n\n{3}{4}{5}\n\n{6}", program_, path_, need, advice,
                          advice.empty() ? "" : "\n", usage_line(program_, path_, spec),
                          more_information(word, program_, path_)));
  return 1;
}

// Commands whose own flags end at their first argument: what follows belongs to a program.
bool Application::takes_program(const CommandSpec& spec) const {
  constexpr std::array<std::string_view, 3> kPrograms = {"container run", "container create",
                                                         "container exec"};
  return std::ranges::find(kPrograms, spec.canonical()) != kPrograms.end();
}

int Application::run_command(const Flags& globals, const CommandSpec& spec,
                             std::span<const std::string> words) {
  const bool program_follows = takes_program(spec) || spec.canonical() == "container top";
  if (!spec.is(kReady)) {
    const bool help = std::ranges::find(words, "--help") != words.end() ||
                      std::ranges::find(words, "-h") != words.end();
    if (!help) return not_available(spec);
    print(help_text(program_, path_, spec, help_columns()));
    return 0;
  }
  auto line = parse_flags(spec, words, program_follows ? Interspersed::No : Interspersed::Yes);
  if (!line) return report(line.error(), spec);
  for (const std::string& notice : line->notices) print(notice + "\n");
  if (line->help) {
    print(help_text(program_, path_, spec, help_columns()));
    return 0;
  }
  const Arity arity = arity_of(spec.usage);
  const bool counts = line->arguments.size() >= arity.least && line->arguments.size() <= arity.most;
  const bool dashed = !line->arguments.empty() && has_typographic_dash(line->arguments[0]);
  if (!counts) return wrong_count(spec, line->arguments);
  if (dashed) {
    print_error(fmt::format("{}: {}", program_, dash_advice(line->arguments[0])));
    return takes_program(spec) ? kFlagErrorCode : 1;
  }
  const Handler handler = find_handler(spec.canonical());
  if (handler == nullptr) return not_available(spec);
  Session session(program_, globals);
  return handler({session, spec, path_, line->flags, line->arguments});
}

int Application::help_topic(std::span<const std::string> words) {
  std::string path;
  for (const std::string& word : words) path += (path.empty() ? "" : " ") + word;
  const CommandSpec* spec = path.empty() ? &root_command() : find_command(path);
  if (spec == nullptr) {
    print_error(fmt::format("unknown help topic: {}\n", path));
    return 1;
  }
  print(help_text(program_, path, *spec, help_columns()));
  return 0;
}

int Application::run_path(const Flags& globals, std::vector<std::string> words) {
  const CommandSpec* spec = nullptr;
  std::size_t used = 0;
  while (used < words.size() && (spec == nullptr || spec->is(kGroup))) {
    const std::string& word = words[used];
    if (word.starts_with('-')) break;
    const CommandSpec* next =
        find_command(path_.empty() ? word : fmt::format("{} {}", path_, word));
    if (next == nullptr) return unknown_command(word, spec);
    path_ += (path_.empty() ? "" : " ") + word;
    spec = next;
    ++used;
  }
  const std::span<const std::string> rest(words.begin() + static_cast<std::ptrdiff_t>(used),
                                          words.end());
  if (path_ == "help") return help_topic(rest);
  if (!spec->is(kGroup)) return run_command(globals, *spec, rest);
  const auto line = parse_flags(*spec, rest, Interspersed::No);
  if (!line) return report(line.error(), *spec);
  const std::string text = help_text(program_, path_, *spec, help_columns());
  if (line->help)
    print(text);
  else
    print_error(text);
  return 0;
}

std::string version_line(std::string_view program) {
  // Scripts read "Docker version 28..." off this line and compare it.
  if (program == "docker")
    return fmt::format("Docker version 28.2.2, build wherry-{}\n", WHERRY_VERSION);
  return fmt::format("Wherry version {}\n", WHERRY_VERSION);
}

int Application::run() {
  const CommandSpec& root = root_command();
  auto line = parse_flags(root, words_, Interspersed::No);
  if (!line) return report(line.error(), root);
  for (const std::string& notice : line->notices) print_error(notice + "\n");
  if (line->flags.on("version")) {
    print(version_line(program_));
    return 0;
  }
  if (line->help || line->arguments.empty()) {
    const std::string text = help_text(program_, "", root, help_columns());
    if (line->help)
      print(text);
    else
      print_error(text);
    return 0;
  }
  return run_path(line->flags, std::move(line->arguments));
}

}  // namespace

int run_program(std::vector<std::string> words) {
  return Application(std::move(words)).run();
}

}  // namespace wherry::cli
