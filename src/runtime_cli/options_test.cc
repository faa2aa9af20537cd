#include "runtime_cli/options.h"

#include <gtest/gtest.h>

#include "runtime_cli/config.h"

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
  EXPECT_EQ(parse({"--systemd-cgroup", "list"}).error().kind(), ErrorKind::NotImplemented);
}

TEST(Options, name_what_is_wrong) {
  EXPECT_EQ(parse({"run", "--nothing", "id"}).error().message(),
            "flag provided but not defined: --nothing");
  EXPECT_EQ(parse({"run", "--bundle"}).error().message(), "flag needs an argument: --bundle");
  EXPECT_EQ(parse({"frobnicate"}).error().message(), "unknown command \"frobnicate\"");
  EXPECT_EQ(parse({"state"}).error().message(), "usage: wherry-runtime state <container-id>");
  EXPECT_FALSE(parse({"state", "a", "b"}));
  EXPECT_EQ(parse({"checkpoint", "id"}).error().kind(), ErrorKind::NotImplemented);
  EXPECT_EQ(parse({"run", "--pidfd-socket", "x", "id"}).error().kind(), ErrorKind::NotImplemented);
}

std::string config_error(const std::string& more) {
  const auto config =
      parse_config(R"({"ociVersion":"1.0.2","root":{"path":"r"},)" + more + "}");
  return config ? std::string() : config.error().message();
}

struct Refused {
  const char* json;
  const char* path;
};
class ConfigRefuses : public testing::TestWithParam<Refused> {};
TEST_P(ConfigRefuses, by_json_path) {
  const std::string message = config_error(GetParam().json);
  EXPECT_TRUE(message.starts_with(std::string("config.json: ") + GetParam().path + " is not"))
      << message;
}
INSTANTIATE_TEST_SUITE_P(
    Fields, ConfigRefuses,
    testing::Values(
        Refused{R"("linux":{"timeOffsets":{"boottime":{"secs":1}}})", "linux.timeOffsets"},
        Refused{R"("mounts":[{"destination":"/a"},{"destination":"/b","uidMappings":[{"size":1}]}])",
                "mounts[].uidMappings"},
        Refused{R"("linux":{"resources":{"hugepageLimits":[{"limit":1}]}})",
                "linux.resources.hugepageLimits"},
        Refused{R"("linux":{"resources":{"network":{"classID":5}}})",
                "linux.resources.network.classID"},
        Refused{R"("linux":{"seccomp":{"listenerPath":"/s"}})", "linux.seccomp.listenerPath"},
        Refused{R"("process":{"scheduler":{"policy":"SCHED_IDLE"}})", "process.scheduler"},
        Refused{R"("vm":{"kernel":{"path":"/k"}})", "vm"}));

TEST(Config, lets_empty_forms_pass) {
  EXPECT_EQ(config_error(R"("hooks":{},"linux":{"intelRdt":null,"mountLabel":"",
      "resources":{"network":{"classID":0},"hugepageLimits":[]}})"), "");
}

TEST(Config, says_where_a_document_is_wrong) {
  EXPECT_TRUE(parse_config("{").error().message().starts_with("config.json: "));
  EXPECT_EQ(parse_config(R"({"ociVersion":"2.0.0","root":{"path":"r"}})").error().message(),
            "config.json: ociVersion \"2.0.0\" is not supported");
  EXPECT_EQ(parse_config(R"({"ociVersion":"1.0.0"})").error().message(),
            "config.json: root.path must not be empty");
  EXPECT_NE(config_error(R"("mounts":[{"destination":5}])").find("mounts[0].destination"),
            std::string::npos);
}

}  // namespace
}  // namespace wherry::runtime_cli
