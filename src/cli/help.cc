#include "cli/help.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>
#include <vector>

#include "base/strings.h"
#include "cli/output.h"

namespace wherry::cli {
namespace {

constexpr std::string_view kNotYet = " (not available yet)";
constexpr std::size_t kNameColumn = 12;

constexpr std::array<std::string_view, 12> kCommon = {"run",    "exec",   "ps",      "build",
                                                      "pull",   "push",   "images",  "login",
                                                      "logout", "search", "version", "info"};
constexpr std::array<std::string_view, 6> kSwarm = {"config",  "node",  "secret",
                                                    "service", "stack", "swarm"};

struct Entry {
  std::string_view name;
  const CommandSpec* spec;
};

bool contains(std::span<const std::string_view> names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

// The commands directly below `group` ("" is the program), each under its first such name.
std::vector<Entry> entries_of(std::string_view group) {
  std::vector<Entry> entries;
  const std::string prefix = group.empty() ? "" : fmt::format("{} ", group);
  for (const auto commands : all_commands()) {
    for (const CommandSpec& command : commands) {
      for (const std::string_view path : command.spellings()) {
        if (!path.starts_with(prefix) || path.find(' ', prefix.size()) != std::string_view::npos)
          continue;
        entries.push_back({path.substr(prefix.size()), &command});
        if (!group.empty()) break;
      }
    }
  }
  std::ranges::sort(entries, {}, &Entry::name);
  return entries;
}

std::string entry_line(const Entry& entry) {
  return fmt::format("  {:<{}}{}{}\n", entry.name, kNameColumn, entry.spec->summary,
                     entry.spec->is(kReady) ? "" : kNotYet);
}

std::vector<std::string> wrap(std::string_view text, std::size_t width) {
  std::vector<std::string> lines(1);
  for (const std::string_view word : split(text, ' ')) {
    std::string& line = lines.back();
    if (!line.empty() && line.size() + 1 + word.size() > width) {
      lines.emplace_back(word);
    } else {
      line += line.empty() ? std::string(word) : fmt::format(" {}", word);
    }
  }
  return lines;
}

std::string flag_name(const FlagSpec& flag) {
  const std::string short_name =
      flag.shorthand != 0 ? fmt::format("-{}, ", flag.shorthand) : "    ";
  const std::string type = flag.type == FlagType::Bool ? "" : fmt::format(" {}", flag.type_name);
  return fmt::format("  {}--{}{}", short_name, flag.name, type);
}

std::string flag_text(const FlagSpec& flag) {
  std::string text(flag.help);
  if (!flag.initial.empty()) {
    const bool quoted = flag.type == FlagType::String;
    text += quoted ? fmt::format(" (default \"{}\")", flag.initial)
                   : fmt::format(" (default {})", flag.initial);
  }
  if (!flag.is(kReady)) text += kNotYet;
  return text;
}

std::string options_text(const CommandSpec& spec, std::size_t columns) {
  std::size_t name_width = 0;
  for (const FlagSpec& flag : spec.flags) {
    if (!flag.is(kHidden)) name_width = std::max(name_width, flag_name(flag).size() + 3);
  }
  const std::size_t text_columns = columns > name_width + 24 ? columns - name_width : 24;
  std::string text;
  for (const FlagSpec& flag : spec.flags) {
    if (flag.is(kHidden)) continue;
    std::string left = flag_name(flag);
    for (const std::string& line : wrap(flag_text(flag), text_columns)) {
      text += fmt::format("{:<{}}{}\n", std::exchange(left, ""), name_width, line);
    }
  }
  return text;
}

bool has_visible_flags(const CommandSpec& spec) {
  return std::ranges::any_of(spec.flags, [](const FlagSpec& flag) { return !flag.is(kHidden); });
}

std::string section(std::string_view title, std::span<const Entry> entries) {
  std::string text = fmt::format("\n{}:\n", title);
  for (const Entry& entry : entries) text += entry_line(entry);
  return text;
}

std::string root_help(std::string_view program, std::size_t columns) {
  std::vector<Entry> common(kCommon.size());
  std::vector<Entry> management;
  std::vector<Entry> swarm;
  std::vector<Entry> others;
  for (const Entry& entry : entries_of("")) {
    if (entry.spec->is(kHidden)) continue;
    const auto place = std::ranges::find(kCommon, entry.name);
    if (place != kCommon.end()) {
      common[static_cast<std::size_t>(place - kCommon.begin())] = entry;
    } else if (contains(kSwarm, entry.name)) {
      swarm.push_back(entry);
    } else {
      (entry.spec->is(kGroup) ? management : others).push_back(entry);
    }
  }
  return fmt::format(
      "Usage:  {0} [OPTIONS] COMMAND\n\nRuns containers, in milliseconds\n{1}{2}{3}{4}\nGlobal "
      "Options:\n{5}\nRun '{0} COMMAND --help' for more information on a command.\n",
      program, section("Common Commands", common), section("Management Commands", management),
      section("Swarm Commands", swarm), section("Commands", others),
      options_text(root_command(), columns));
}

std::string group_help(std::string_view program, std::string_view path, const CommandSpec& spec) {
  std::vector<Entry> visible;
  for (const Entry& entry : entries_of(path)) {
    if (!entry.spec->is(kHidden)) visible.push_back(entry);
  }
  return fmt::format(
      "Usage:  {0} {1} COMMAND\n\n{2}\n{3}\nRun '{0} {1} COMMAND --help' for more information on a "
      "command.\n",
      program, path, spec.summary, section("Commands", visible));
}

std::string aliases_text(std::string_view program, const CommandSpec& spec) {
  const auto spellings = spec.spellings();
  if (spellings.size() < 2) return "";
  std::string text;
  for (const std::string_view path : spellings)
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", program, path);
  return fmt::format("\nAliases:\n  {}\n", text);
}

}  // namespace

std::string usage_line(std::string_view program, std::string_view path, const CommandSpec& spec) {
  if (path.empty()) return fmt::format("Usage:  {} [OPTIONS] COMMAND [ARG...]", program);
  if (spec.is(kGroup)) return fmt::format("Usage:  {} {}", program, path);
  const std::string_view options = has_visible_flags(spec) ? " [OPTIONS]" : "";
  return fmt::format("Usage:  {} {}{}{}{}", program, path, options, spec.usage.empty() ? "" : " ",
                     spec.usage);
}

std::string help_text(std::string_view program, std::string_view path, const CommandSpec& spec,
                      std::size_t columns) {
  if (path.empty()) return root_help(program, columns);
  if (spec.is(kGroup)) return group_help(program, path, spec);
  std::string text = fmt::format("{}\n\n{}{}\n{}", usage_line(program, path, spec), spec.summary,
                                 spec.is(kReady) ? "" : kNotYet, aliases_text(program, spec));
  if (has_visible_flags(spec)) text += fmt::format("\nOptions:\n{}", options_text(spec, columns));
  return text;
}

namespace {

// Letters in another order are the commonest slip: one step, not two.
std::size_t slip_distance(std::string_view a, std::string_view b) {
  std::string first(a);
  std::string second(b);
  std::ranges::sort(first);
  std::ranges::sort(second);
  return first == second ? 1 : edit_distance(a, b);
}

}  // namespace

std::string nearest_command(std::string_view group, std::string_view word) {
  std::string nearest;
  std::size_t best = word.size() <= 3 ? 2 : 3;  // farther than this is a guess
  for (const Entry& entry : entries_of(group)) {
    const std::size_t distance = slip_distance(entry.name, word);
    const bool better = distance < best || (distance == best && nearest.empty() && distance < 2);
    if (entry.spec->is(kHidden) || !better) continue;
    best = distance;
    nearest = entry.name;
  }
  return nearest;
}

}  // namespace wherry::cli
