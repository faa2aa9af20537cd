// The command table against docker 28.2.2's own list of commands and flags
// (tests/data/cli.tsv): every row is here with its type and shorthand, and is either done or
// answered as not available.
#include "cli/table.h"

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "base/strings.h"
#include "cli/flags.h"
#include "cli/handlers.h"

namespace wherry::cli {
namespace {

struct Row {
  std::string path;
  std::vector<std::string> aliases;
  std::string usage;
  std::string flag;
  std::string shorthand;
  std::string type;
};

std::string without_program(std::string_view command) {
  constexpr std::string_view kProgram = "docker";
  if (command == kProgram) return "";
  return std::string(command.substr(kProgram.size() + 1));
}

std::vector<Row> load_rows() {
  std::ifstream file(WHERRY_TEST_DATA "/cli.tsv");
  std::vector<Row> rows;
  std::string line;
  std::getline(file, line);
  while (std::getline(file, line)) {
    const auto cells = split(line, '\t');
    Row row{.path = without_program(cells[0]),
            .usage = std::string(cells[2]),
            .flag = std::string(cells[3]),
            .shorthand = std::string(cells[4]),
            .type = std::string(cells[5])};
    for (const std::string_view alias : split(cells[1], ';')) {
      if (alias.starts_with("docker ")) row.aliases.push_back(without_program(alias));
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

const std::vector<Row>& rows() {
  static const std::vector<Row> kRows = load_rows();
  return kRows;
}

const CommandSpec* spec_of(const Row& row) {
  return row.path.empty() ? &root_command() : find_command(row.path);
}

bool is_flag_row(const Row& row) {
  return row.flag.starts_with("--") && row.flag != "--help";
}

// A value of that type that is not the flag's default.
std::string value_for(const FlagSpec& flag) {
  switch (flag.type) {
    case FlagType::Bool: return flag.initial == "true" ? "false" : "true";
    case FlagType::Duration: return "3s";
    case FlagType::Ulimit: return "nofile=5";
    case FlagType::Mount: return "type=bind,src=/a,dst=/b";
    case FlagType::Filter: return "a=b";
    case FlagType::Map: return "net.a=b";
    case FlagType::Int:
    case FlagType::Uint:
    case FlagType::Uint16:
    case FlagType::Float:
    case FlagType::Bytes:
    case FlagType::Decimal: return "7";
    case FlagType::List:
      if (flag.name == "attach") return "stdout";
      if (flag.name == "dns") return "1.1.1.1";
      if (flag.name == "dns-search") return "lan";
      if (flag.name == "device-cgroup-rule") return "c 7:* r";
      return flag.name == "add-host" ? "a=1.1.1.1" : "a=b";
    case FlagType::String:
    case FlagType::Other: return "x";
  }
  return "x";
}

TEST(Table, has_all_of_dockers_rows) {
  EXPECT_EQ(rows().size(), 1199U);
}

TEST(Table, every_command_and_alias_is_known) {
  for (const Row& row : rows()) {
    ASSERT_NE(spec_of(row), nullptr) << row.path;
    for (const std::string& alias : row.aliases)
      EXPECT_EQ(find_command(alias), spec_of(row)) << row.path << " = " << alias;
  }
}

TEST(Table, every_flag_is_known_with_its_shorthand) {
  for (const Row& row : rows()) {
    if (!is_flag_row(row)) continue;
    const FlagSpec* flag = spec_of(row)->flag(row.flag.substr(2));
    ASSERT_NE(flag, nullptr) << row.path << " " << row.flag;
    const bool has_letter = row.shorthand.size() == 2 && row.shorthand[0] == '-';
    EXPECT_EQ(flag->shorthand, has_letter ? row.shorthand[1] : 0) << row.path << " " << row.flag;
    EXPECT_EQ(flag->type == FlagType::Bool, row.type == "bool") << row.path << " " << row.flag;
    EXPECT_FALSE(flag->help.empty());
  }
}

TEST(Table, no_flag_is_here_that_docker_lacks) {
  std::set<std::string> known;
  for (const Row& row : rows()) {
    const CommandSpec* spec = spec_of(row);
    known.insert(std::string(spec->canonical()) + row.flag);
  }
  for (const auto commands : all_commands()) {
    for (const CommandSpec& command : commands) {
      if (command.canonical() == "system check") continue;  // ours
      for (const FlagSpec& flag : command.flags) {
        EXPECT_TRUE(
            known.contains(std::string(command.canonical()) + "--" + std::string(flag.name)))
            << command.paths << flag.name;
      }
    }
  }
}

TEST(Table, every_row_is_done_or_says_that_it_is_not_available) {
  for (const Row& row : rows()) {
    const CommandSpec* spec = spec_of(row);
    if (spec->is(kGroup) && !row.path.empty()) continue;
    const bool has_handler =
        row.path.empty() || row.path == "help" || find_handler(spec->canonical()) != nullptr;
    EXPECT_EQ(spec->is(kReady), has_handler) << row.path;
    if (!is_flag_row(row) || !spec->is(kReady)) continue;
    const FlagSpec* flag = spec->flag(row.flag.substr(2));
    const std::vector<std::string> words = {row.flag + "=" + value_for(*flag), "argument"};
    const auto line = parse_flags(*spec, words, Interspersed::No);
    if (flag->is(kReady)) {
      EXPECT_TRUE(line) << row.path << " " << words[0] << ": "
                        << (line ? "" : line.error().message);
    } else {
      ASSERT_FALSE(line) << row.path << " " << words[0];
      EXPECT_EQ(line.error().kind, FlagError::Kind::NotAvailable) << line.error().message;
      EXPECT_EQ(line.error().message, row.flag);
    }
  }
}

TEST(Table, commands_have_every_flag_once) {
  for (const auto commands : all_commands()) {
    for (const CommandSpec& command : commands) {
      std::set<std::string_view> names;
      std::set<char> letters;
      for (const FlagSpec& flag : command.flags) {
        EXPECT_TRUE(names.insert(flag.name).second) << command.paths << " " << flag.name;
        EXPECT_TRUE(flag.shorthand == 0 || letters.insert(flag.shorthand).second)
            << command.paths << " " << flag.name;
      }
    }
  }
}

struct ArityCase {
  const char* usage;
  std::size_t least;
  std::size_t most;
};

class ArityOf : public testing::TestWithParam<ArityCase> {};

TEST_P(ArityOf, is_read_off_the_usage) {
  const Arity arity = arity_of(GetParam().usage);
  EXPECT_EQ(arity.least, GetParam().least);
  EXPECT_EQ(arity.most, GetParam().most);
}

INSTANTIATE_TEST_SUITE_P(Table, ArityOf,
                         testing::Values(ArityCase{"", 0, 0}, ArityCase{"[SERVER]", 0, 1},
                                         ArityCase{"NAME[:TAG|@DIGEST]", 1, 1},
                                         ArityCase{"CONTAINER NEW_NAME", 2, 2},
                                         ArityCase{"CONTAINER [CONTAINER...]", 1, kUnbounded},
                                         ArityCase{"CONTAINER COMMAND [ARG...]", 2, kUnbounded},
                                         ArityCase{"CONTAINER [ps OPTIONS]", 1, kUnbounded},
                                         ArityCase{"IMAGE [COMMAND] [ARG...]", 1, kUnbounded},
                                         ArityCase{"SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]", 2, 2},
                                         ArityCase{"[REPOSITORY[:TAG]]", 0, 1}));

}  // namespace
}  // namespace wherry::cli
