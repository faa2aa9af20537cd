#include "daemon/config.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "sys/fd.h"

namespace wherry::daemon {
namespace {

std::string error_of(const std::vector<std::string>& arguments) {
  const auto config = load_config(arguments);
  return config ? "" : config.error().message();
}

// A daemon.json for one test.
class ConfigTest : public ::testing::Test {
 protected:
  Result<Config> load(const std::string& text, std::vector<std::string> arguments = {}) {
    EXPECT_TRUE(sys::replace_file_at(*sys::open_at({}, ::testing::TempDir().c_str(), O_PATH), name_,
                                     text, 0600, sys::Durable::No));
    arguments.insert(arguments.begin(), {"--config-file", path_});
    return load_config(arguments);
  }
  std::string message(const std::string& text, std::vector<std::string> arguments = {}) {
    const auto config = load(text, std::move(arguments));
    return config ? "" : config.error().message();
  }
  void TearDown() override { ::unlink(path_.c_str()); }

  std::string name_ = fmt::format("wherry-daemon-{}.json", ::getpid());
  std::string path_ = ::testing::TempDir() + name_;
};

TEST_F(ConfigTest, has_the_promised_defaults) {
  const auto config = load("{}");
  ASSERT_TRUE(config.has_value()) << config.error().message();
  EXPECT_EQ(config->hosts, (std::vector<std::string>{"unix:///run/wherry/wherry.sock"}));
  EXPECT_EQ(config->engine.data_root, "/var/lib/wherry");
  EXPECT_EQ(config->engine.exec_root, "/run/wherry");
  EXPECT_EQ(config->pidfile, "/run/wherry/wherryd.pid");
  EXPECT_EQ(config->group, "wherry");
  EXPECT_FALSE(config->plain_tcp);
}

TEST_F(ConfigTest, takes_flags_in_every_spelling) {
  const auto config =
      load("", {"-DH", "unix:///a", "-Hunix:///b", "--host=unix:///c", "-lwarn", "--data-root",
                "/d", "--registry-mirror=http://m", "--debug=false"});
  ASSERT_TRUE(config.has_value()) << config.error().message();
  EXPECT_EQ(config->hosts, (std::vector<std::string>{"unix:///a", "unix:///b", "unix:///c"}));
  EXPECT_EQ(config->engine.data_root, "/d");
  EXPECT_EQ(config->engine.registry_mirrors, (std::vector<std::string>{"http://m"}));
  EXPECT_FALSE(config->engine.debug);  // the last one wins
}

TEST_F(ConfigTest, takes_the_keys_of_daemon_json) {
  const auto config =
      load(R"({"hosts":["unix:///a"],"debug":true,"exec-root":"/x","strict-ports":true,"mtu":1400,"ipv6":true,"bip":"10.0.0.1/24",
      "insecure-registries":["r:5000"],"log-opts":{"max-size":"1m"},"icc":true,"default-shm-size":"32m"})");
  ASSERT_TRUE(config.has_value()) << config.error().message();
  EXPECT_EQ(config->hosts.front(), "unix:///a");
  EXPECT_TRUE(config->engine.debug);
  EXPECT_EQ(config->pidfile, "/x/wherryd.pid");
  EXPECT_TRUE(config->engine.strict_ports);
  EXPECT_TRUE(config->engine.bridge.ipv6);
  EXPECT_EQ(config->engine.mtu, 1400U);
  EXPECT_EQ(config->engine.bridge.bip, "10.0.0.1/24");
  EXPECT_EQ(config->engine.insecure_registries.front(), "r:5000");
  EXPECT_EQ(config->engine.log_options.at("max-size"), "1m");
  EXPECT_TRUE(config->engine.icc);
  EXPECT_EQ(config->engine.default_shm_size_bytes, 32 << 20);
}

TEST_F(ConfigTest, takes_address_pools_as_key_and_as_flag) {
  const std::vector<network::PoolSetting> wanted = {{"10.200.0.0/16", 24}, {"fd12::/48", 64}};
  const auto file = load(R"({"default-address-pools":[{"base":"10.200.0.0/16","size":24},
      {"base":"fd12::/48","size":64}]})");
  ASSERT_TRUE(file.has_value()) << file.error().message();
  EXPECT_EQ(file->engine.address_pools, wanted);
  const auto flags = load("", {"--default-address-pool", "base=10.200.0.0/16,size=24",
                               "--default-address-pool", "base=fd12::/48,size=64"});
  ASSERT_TRUE(flags.has_value()) << flags.error().message();
  EXPECT_EQ(flags->engine.address_pools, wanted);
}

TEST_F(ConfigTest, refuses_address_pools_that_cannot_be) {
  const auto flag = [&](const std::string& value) {
    return message("", {"--default-address-pool", value});
  };
  EXPECT_NE(flag("base=10.0.0.0/16,size=x").find("invalid size value: \"x\""), std::string::npos);
  EXPECT_NE(flag("base=10.0.0.0/16,size=8").find("the size must be 16 to 30"), std::string::npos);
  EXPECT_NE(flag("10.0.0.0/16").find("must be a key=value pair"), std::string::npos);
  EXPECT_NE(flag("base=10.0.0.0/16,size=24,x=y").find("unexpected key 'x'"), std::string::npos);
  EXPECT_NE(flag("base=10.0.0.0/16"), "");
  EXPECT_NE(message(R"({"default-address-pools":["10.0.0.0/16"]})"), "");
  EXPECT_NE(message(R"({"default-address-pools":{"base":"10.0.0.0/16"}})"), "");
}

TEST_F(ConfigTest, refuses_a_directive_that_is_flag_and_key_in_docker_words) {
  const std::string text = message(R"({"hosts":["tcp://b"],"debug":true})", {"-H", "unix:///a"});
  EXPECT_EQ(text, fmt::format("unable to configure the Docker daemon with file {}: the following "
                              "directives are specified both as a flag and in the configuration "
                              "file: hosts: (from flag: [unix:///a], from file: [tcp://b])",
                              path_));
}

TEST_F(ConfigTest, refuses_unknown_keys_in_docker_words) {
  EXPECT_EQ(message(R"({"nope":1})"),
            fmt::format("unable to configure the Docker daemon with file {}: the following "
                        "directives don't match any configuration option: nope",
                        path_));
}

TEST_F(ConfigTest, refuses_what_is_no_json_and_values_of_the_wrong_type) {
  EXPECT_NE(message("{"), "");
  EXPECT_NE(message("[]"), "");
  EXPECT_NE(message(R"({"hosts":"unix:///a"})"), "");
  EXPECT_NE(message(R"({"debug":"yes"})"), "");
  EXPECT_NE(message(R"({"data-root":["/a"]})"), "");
  EXPECT_NE(message("", {"--default-shm-size=x"}), "");
}

TEST_F(ConfigTest, says_what_is_known_and_not_available) {
  EXPECT_EQ(message(R"({"userns-remap":"default"})"),
            "wherryd: flag '--userns-remap' is not available in wherry 0.1.0");
  EXPECT_EQ(message(R"({"builder":{}})"),
            "wherryd: directive 'builder' is not available in wherry 0.1.0");
  EXPECT_EQ(message("", {"--iptables=false"}),
            "wherryd: flag '--iptables' is not available in wherry 0.1.0");
  EXPECT_EQ(message("", {"--tlsverify"}), "wherry: flag '--tls' is not available in wherry 0.1.0");
}

TEST_F(ConfigTest, a_new_reading_tells_what_a_running_engine_takes) {
  const auto before = load(R"({"labels":["a=b"],"debug":true,"bip":"10.0.0.1/24"})");
  const auto after = load(R"({"labels":["a=b","c=d"],"registry-mirrors":["http://m"],
                             "debug":true,"bip":"10.0.1.1/24"})");
  ASSERT_TRUE(before && after);
  const Changes changes = changes_between(*before, *after);
  EXPECT_EQ(changes.taken,
            (std::vector<std::string>{"labels: [a=b] -> [a=b c=d]",
                                      "registry-mirrors: default -> [http://m]"}));
  EXPECT_EQ(changes.ignored, (std::vector<std::string>{"bip"}));
}

TEST_F(ConfigTest, the_same_reading_changes_nothing) {
  const auto before = load(R"({"labels":["a=b"]})", {"--icc"});
  ASSERT_TRUE(before);
  const Changes changes = changes_between(*before, *before);
  EXPECT_TRUE(changes.taken.empty() && changes.ignored.empty());
}

TEST(Flags, that_are_unknown_are_refused_as_docker_does) {
  EXPECT_EQ(error_of({"--nope"}), "unknown flag: --nope\nSee 'wherryd --help'.");
  EXPECT_EQ(error_of({"-x"}), "unknown shorthand flag: 'x' in -x\nSee 'wherryd --help'.");
  EXPECT_EQ(error_of({"--host"}), "flag needs an argument: --host\nSee 'wherryd --help'.");
  EXPECT_EQ(error_of({"extra"}), "\"wherryd\" accepts no arguments.\nSee 'wherryd --help'.");
}

TEST(ConfigFile, that_is_named_must_exist) {
  EXPECT_NE(error_of({"--config-file", "/nonexistent/daemon.json"}).find("no such file"),
            std::string::npos);
}

TEST(Help, lists_every_flag) {
  const std::string text = help_text();
  for (const Option& option : options()) {
    const std::string flag = fmt::format("--{}", option.flag);
    EXPECT_TRUE(option.flag.empty() || text.find(flag) != std::string::npos) << flag;
  }
}

}  // namespace
}  // namespace wherry::daemon
