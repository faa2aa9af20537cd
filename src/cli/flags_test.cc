#include "cli/flags.h"

#include <gtest/gtest.h>

namespace wherry::cli {
namespace {

std::expected<CommandLine, FlagError> parse(const char* command, std::vector<std::string> words,
                                            Interspersed interspersed = Interspersed::No) {
  return parse_flags(*find_command(command), words, interspersed);
}

std::string error_of(const char* command, std::vector<std::string> words) {
  const auto line = parse(command, std::move(words));
  return line ? "" : line.error().message;
}

using Words = std::vector<std::string>;

TEST(Flags, end_at_the_first_argument_of_run) {
  const auto line = parse("run", {"-i", "alpine", "sh", "-c", "x", "--name"});
  ASSERT_TRUE(line);
  EXPECT_TRUE(line->flags.on("interactive"));
  EXPECT_EQ(line->arguments, (Words{"alpine", "sh", "-c", "x", "--name"}));
}

TEST(Flags, may_follow_arguments_elsewhere) {
  const auto line = parse("rm", {"box", "-f", "other"}, Interspersed::Yes);
  ASSERT_TRUE(line);
  EXPECT_TRUE(line->flags.on("force"));
  EXPECT_EQ(line->arguments, (Words{"box", "other"}));
}

TEST(Flags, two_dashes_end_them) {
  const auto line = parse("rm", {"--", "-f"}, Interspersed::Yes);
  ASSERT_TRUE(line);
  EXPECT_FALSE(line->flags.on("force"));
  EXPECT_EQ(line->arguments, Words{"-f"});
}

TEST(Flags, a_cluster_is_several_switches_and_may_end_in_a_value) {
  const auto line = parse("run", {"-itu", "root", "-eA=1", "-e=B=2", "x"});
  ASSERT_TRUE(line);
  EXPECT_TRUE(line->flags.on("interactive"));
  EXPECT_TRUE(line->flags.on("tty"));
  EXPECT_EQ(line->flags.text("user"), "root");
  EXPECT_EQ(line->flags.list("env"), (Words{"A=1", "B=2"}));
}

TEST(Flags, the_last_value_counts) {
  const auto line = parse("run", {"--name", "a", "--name=b", "x"});
  ASSERT_TRUE(line);
  EXPECT_EQ(line->flags.text("name"), "b");
}

TEST(Flags, a_switch_may_be_set_to_false) {
  const auto line = parse("run", {"-d", "--detach=false", "--sig-proxy=0", "x"});
  ASSERT_TRUE(line);
  EXPECT_FALSE(line->flags.on("detach"));
  EXPECT_FALSE(line->flags.on("sig-proxy"));
}

TEST(Flags, defaults_hold_where_nothing_is_given) {
  const auto line = parse("run", {"x"});
  ASSERT_TRUE(line);
  EXPECT_EQ(line->flags.text("pull"), "missing");
  EXPECT_TRUE(line->flags.on("sig-proxy"));
  EXPECT_FALSE(line->flags.given("pull"));
  EXPECT_EQ(line->flags.number("pids-limit"), 0);
}

TEST(Flags, an_old_name_stands_for_the_new_one) {
  const auto line = parse("run", {"--net", "none", "x"});
  ASSERT_TRUE(line);
  EXPECT_EQ(line->flags.list("network"), Words{"none"});
  const auto stop = parse("stop", {"--time", "5", "x"});
  ASSERT_TRUE(stop);
  EXPECT_EQ(stop->flags.number("timeout"), 5);
  EXPECT_EQ(stop->notices, Words{"Flag --time has been deprecated, use --timeout instead"});
}

TEST(Flags, help_wins_over_what_follows) {
  const auto line = parse("ps", {"--help", "--nope"});
  ASSERT_TRUE(line);
  EXPECT_TRUE(line->help);
}

TEST(Flags, h_is_help_but_for_run) {
  EXPECT_TRUE(parse("ps", {"-h"})->help);
  EXPECT_EQ(parse("run", {"-h", "name", "x"})->flags.text("hostname"), "name");
}

TEST(Flags, errors_have_pflags_words) {
  EXPECT_EQ(error_of("run", {"--x"}), "unknown flag: --x");
  EXPECT_EQ(error_of("run", {"--x=1"}), "unknown flag: --x");
  EXPECT_EQ(error_of("run", {"-itx"}), "unknown shorthand flag: 'x' in -x");
  EXPECT_EQ(error_of("run", {"-dname"}), "unknown shorthand flag: 'n' in -name");
  EXPECT_EQ(error_of("run", {"--name"}), "flag needs an argument: --name");
  EXPECT_EQ(error_of("exec", {"-e"}), "flag needs an argument: 'e' in -e");
  EXPECT_EQ(error_of("run", {"--=x"}), "bad flag syntax: --=x");
  EXPECT_EQ(error_of("ps", {"--last", "x"}),
            "invalid argument \"x\" for \"-n, --last\" flag: strconv.ParseInt: parsing \"x\": "
            "invalid syntax");
  EXPECT_EQ(error_of("ps", {"--all=maybe"}),
            "invalid argument \"maybe\" for \"-a, --all\" flag: strconv.ParseBool: parsing "
            "\"maybe\": invalid syntax");
  EXPECT_EQ(error_of("run", {"-m", "abc"}),
            "invalid argument \"abc\" for \"-m, --memory\" flag: invalid size: 'abc'");
  EXPECT_EQ(error_of("run", {"-a", "foo"}),
            "invalid argument \"foo\" for \"-a, --attach\" flag: valid streams are STDIN, STDOUT "
            "and STDERR");
}

TEST(Flags, one_that_is_not_there_yet_is_named_by_its_long_name) {
  const auto line = parse("run", {"--storage-opt", "a=b", "x"});
  ASSERT_FALSE(line);
  EXPECT_EQ(line.error().kind, FlagError::Kind::NotAvailable);
  EXPECT_EQ(line.error().message, "--storage-opt");
}

TEST(Flags, naming_the_default_of_a_missing_switch_asks_for_nothing) {
  EXPECT_TRUE(parse("run", {"--oom-kill-disable=false", "x"}));
  EXPECT_FALSE(parse("run", {"--oom-kill-disable", "x"}));
  EXPECT_TRUE(parse("pull", {"--disable-content-trust", "x"}));
  EXPECT_FALSE(parse("pull", {"--disable-content-trust=false", "x"}));
}

TEST(Flags, typographic_dashes_are_seen) {
  EXPECT_TRUE(has_typographic_dash("\xe2\x80\x94help"));
  EXPECT_TRUE(has_typographic_dash("\xe2\x80\x93i"));
  EXPECT_TRUE(has_typographic_dash("\xe2\x88\x92i"));
  EXPECT_FALSE(has_typographic_dash("--help"));
  EXPECT_FALSE(has_typographic_dash("\xe2\x82\xac"));
}

}  // namespace
}  // namespace wherry::cli
