#include "runtime_cli/options.h"

#include <gtest/gtest.h>

namespace wherry::runtime_cli {
namespace {

Result<Options> parse(std::vector<const char*> words) {
  std::vector<char*> pointers;
  for (const char* word : words) pointers.push_back(const_cast<char*>(word));
  return parse_options(pointers);
}

TEST(Options, read_what_containerd_writes) {
  const auto options = parse({"--root", "/r", "--log", "/l", "--log-format", "json", "create",
                              "--bundle", "/b", "--pid-file=/p", "--console-socket", "/c", "id"});
  ASSERT_TRUE(options) << options.error().message();
  EXPECT_EQ(options->command, "create");
  EXPECT_EQ(options->value("root"), "/r");
  EXPECT_EQ(options->value("pid-file"), "/p");
  EXPECT_EQ(options->arguments, std::vector<std::string>{"id"});
}

TEST(Options, take_flags_after_the_id_but_not_those_of_a_program) {
  EXPECT_TRUE(parse({"delete", "id", "--force"})->has("force"));
  const auto exec = parse({"exec", "-e", "A=1", "--env", "B=2", "id", "ls", "--force", "-l"});
  ASSERT_TRUE(exec);
  EXPECT_EQ(exec->all("env"), (std::vector<std::string>{"A=1", "B=2"}));
  EXPECT_EQ(exec->arguments, (std::vector<std::string>{"id", "ls", "--force", "-l"}));
}

TEST(Options, a_false_flag_is_not_set) {
  EXPECT_FALSE(parse({"--systemd-cgroup=false", "list"})->has("systemd-cgroup"));
  EXPECT_TRUE(parse({"--systemd-cgroup", "list"})->has("systemd-cgroup"));
}

TEST(Options, name_what_is_wrong) {
  EXPECT_EQ(parse({"run", "--nothing", "id"}).error().message(),
            "flag provided but not defined: --nothing");
  EXPECT_EQ(parse({"run", "--bundle"}).error().message(), "flag needs an argument: --bundle");
  EXPECT_EQ(parse({"frobnicate"}).error().message(), "unknown command \"frobnicate\"");
  EXPECT_EQ(parse({"state"}).error().message(), "usage: wherry-runtime state CONTAINER");
  EXPECT_FALSE(parse({"state", "a", "b"}));
  EXPECT_EQ(parse({"checkpoint", "id"}).error().kind(), ErrorKind::NotImplemented);
  EXPECT_EQ(parse({"run", "--no-pivot", "id"}).error().kind(), ErrorKind::NotImplemented);
}

}  // namespace
}  // namespace wherry::runtime_cli
