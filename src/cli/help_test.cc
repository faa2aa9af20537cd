#include "cli/help.h"

#include <gtest/gtest.h>

#include "base/strings.h"
#include "cli/output.h"

namespace wherry::cli {
namespace {

TEST(UsageLine, is_dockers) {
  EXPECT_EQ(usage_line("docker", "rm", *find_command("rm")),
            "Usage:  docker rm [OPTIONS] CONTAINER [CONTAINER...]");
  EXPECT_EQ(usage_line("docker", "wait", *find_command("wait")),
            "Usage:  docker wait CONTAINER [CONTAINER...]");
  EXPECT_EQ(usage_line("docker", "ps", *find_command("ps")), "Usage:  docker ps [OPTIONS]");
  EXPECT_EQ(usage_line("wherry", "container", *find_command("container")),
            "Usage:  wherry container");
  EXPECT_EQ(usage_line("wherry", "", root_command()), "Usage:  wherry [OPTIONS] COMMAND [ARG...]");
}

TEST(HelpText, lists_every_flag_that_is_not_hidden_and_marks_the_missing) {
  const CommandSpec& run = *find_command("run");
  const std::string text = help_text("wherry", "run", run, 500);
  for (const FlagSpec& flag : run.flags) {
    const std::string entry = "--" + std::string(flag.name);
    const std::size_t at = text.find(entry + (flag.type == FlagType::Bool ? "  " : " "));
    EXPECT_EQ(at != std::string::npos, !flag.is(kHidden)) << entry;
    if (at == std::string::npos) continue;
    const std::string line = text.substr(at, text.find('\n', at) - at);
    EXPECT_EQ(line.find("(not available yet)") == std::string::npos, flag.is(kReady)) << line;
  }
}

TEST(HelpText, is_right_for_narrow_and_wide_terminals) {
  for (const std::size_t columns : {80UL, 100UL, 200UL}) {
    const std::string text = help_text("wherry", "run", *find_command("run"), columns);
    for (const std::string_view line : split(text, '\n'))
      EXPECT_LE(text_width(line), columns) << line;
  }
}

TEST(HelpText, begins_with_the_common_commands) {
  const std::string text = help_text("wherry", "", root_command(), 80);
  EXPECT_LT(text.find("\n  run "), text.find("\n  exec "));
  EXPECT_LT(text.find("Common Commands:"), text.find("Management Commands:"));
  EXPECT_NE(text.find("\n  manifest    Manifest lists (not available yet)\n"), std::string::npos);
}

TEST(HelpText, a_group_lists_its_commands_once) {
  const std::string text = help_text("wherry", "container", *find_command("container"), 80);
  EXPECT_NE(text.find("\n  ls "), std::string::npos);
  EXPECT_EQ(text.find("\n  list "), std::string::npos);
}

TEST(HelpText, every_command_of_docker_has_one) {
  for (const auto commands : all_commands()) {
    for (const CommandSpec& command : commands) {
      const std::string path(command.canonical());
      EXPECT_NE(help_text("wherry", path, command, 80).find("Usage:  wherry " + path),
                std::string::npos);
    }
  }
}

TEST(NearestCommand, finds_slips) {
  EXPECT_EQ(nearest_command("", "rnu"), "run");
  EXPECT_EQ(nearest_command("", "pul"), "pull");
  EXPECT_EQ(nearest_command("", "inspcet"), "inspect");
  EXPECT_EQ(nearest_command("container", "lss"), "ls");
  EXPECT_EQ(nearest_command("", "completely-else"), "");
}

}  // namespace
}  // namespace wherry::cli
