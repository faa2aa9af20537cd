#include "cli/create_options.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "cli/devices.h"
#include "client/engine.h"
#include "spec/json.h"

namespace wherry::cli {
namespace {

Result<CreateOptions> options_of(std::vector<std::string> words) {
  const CommandSpec* run = find_command("run");
  const auto line = parse_flags(*run, words, Interspersed::No);
  if (!line) return Error::invalid(line.error().message);
  const Background background = line->flags.on("detach") ? Background::Yes : Background::No;
  return create_options(line->flags, line->arguments, background, {});
}

std::string error_of(std::vector<std::string> words) {
  const auto options = options_of(std::move(words));
  return options ? "" : options.error().message();
}

// HostConfig of a run with those flags.
std::string host(std::string_view field, std::vector<std::string> words) {
  words.emplace_back("image");
  const auto options = options_of(std::move(words));
  if (!options) return options.error().message();
  const auto* value = options->host_config.if_contains(field);
  return value == nullptr ? "absent" : json::write_value(*value);
}

std::string config(std::string_view field, std::vector<std::string> words) {
  const auto options = options_of(std::move(words));
  if (!options) return options.error().message();
  const auto* value = options->config.if_contains(field);
  return value == nullptr ? "absent" : json::write_value(*value);
}

TEST(CreateOptions, without_flags_are_dockers_zero_values) {
  const auto options = options_of({"-d", "alpine"});
  ASSERT_TRUE(options);
  const auto body = client::parse_json(options->body());
  ASSERT_TRUE(body);
  EXPECT_EQ(body->at_pointer("/HostConfig").as_object().size(), 62U);
  EXPECT_EQ(body->at_pointer("/HostConfig/MemorySwappiness"), -1);
  EXPECT_EQ(body->at_pointer("/HostConfig/NetworkMode"), "default");
  EXPECT_TRUE(body->at_pointer("/NetworkingConfig/EndpointsConfig/default").is_object());
  EXPECT_TRUE(body->at_pointer("/Cmd").is_null());
}

TEST(CreateOptions, streams_follow_i_t_d_and_a) {
  EXPECT_EQ(config("AttachStdin", {"-i", "x"}), "true");
  EXPECT_EQ(config("AttachStdin", {"x"}), "false");
  EXPECT_EQ(config("AttachStdout", {"x"}), "true");
  EXPECT_EQ(config("AttachStdout", {"-d", "x"}), "false");
  EXPECT_EQ(config("AttachStdout", {"-a", "STDERR", "x"}), "false");
  EXPECT_EQ(config("StdinOnce", {"-i", "x"}), "true");
  EXPECT_EQ(config("StdinOnce", {"-id", "x"}), "false");
}

TEST(CreateOptions, entrypoint_may_be_emptied) {
  EXPECT_EQ(config("Entrypoint", {"x"}), "null");
  EXPECT_EQ(config("Entrypoint", {"--entrypoint=", "x"}), R"([""])");
  EXPECT_EQ(config("Cmd", {"--entrypoint", "sh", "x", "-c", "y"}), R"(["-c","y"])");
}

TEST(CreateOptions, a_bare_variable_is_copied_from_here) {
  ::setenv("WHERRY_TEST_SET", "v", 1);
  ::unsetenv("WHERRY_TEST_UNSET");
  EXPECT_EQ(config("Env", {"-e", "WHERRY_TEST_SET", "-e", "WHERRY_TEST_UNSET", "-e", "A=", "x"}),
            R"(["WHERRY_TEST_SET=v","WHERRY_TEST_UNSET","A="])");
}

TEST(CreateOptions, capabilities_are_normal_sorted_and_single) {
  EXPECT_EQ(host("CapAdd", {"--cap-add", "sys_admin", "--cap-add", "CAP_CHOWN", "--cap-add",
                            "chown", "--cap-add", "all"}),
            R"(["ALL","CAP_CHOWN","CAP_SYS_ADMIN"])");
  EXPECT_EQ(host("CapDrop", {}), "null");
}

TEST(CreateOptions, limits_are_numbers) {
  EXPECT_EQ(host("Memory", {"-m", "64m"}), "67108864");
  EXPECT_EQ(host("MemorySwap", {"--memory-swap", "-1"}), "-1");
  EXPECT_EQ(host("NanoCpus", {"--cpus", ".5"}), "500000000");
  EXPECT_EQ(host("PidsLimit", {"--pids-limit", "-1"}), "-1");
  EXPECT_EQ(host("ShmSize", {"--shm-size", "1g"}), "1073741824");
  EXPECT_EQ(host("Ulimits", {"--ulimit", "nofile=5:6", "--ulimit", "core=0"}),
            R"([{"Name":"core","Hard":0,"Soft":0},{"Name":"nofile","Hard":6,"Soft":5}])");
}

TEST(CreateOptions, names_are_sent_as_docker_sends_them) {
  EXPECT_EQ(host("Dns", {}), "[]");
  EXPECT_EQ(host("ExtraHosts", {}), "null");
  EXPECT_EQ(host("Dns", {"--dns", "1.1.1.1", "--dns", "2001:db8:0::1"}),
            R"(["1.1.1.1","2001:db8::1"])");
  EXPECT_EQ(host("DnsSearch", {"--dns-search", "example.org."}), R"(["example.org"])");
  EXPECT_EQ(host("DnsOptions", {"--dns-option", "ndots:2", "--dns-opt", "rotate"}),
            R"(["ndots:2","rotate"])");
  EXPECT_EQ(host("ExtraHosts", {"--add-host", "db=10.0.0.9", "--add-host", "up:host-gateway"}),
            R"(["db:10.0.0.9","up:host-gateway"])");
}

TEST(CreateOptions, only_what_was_given_is_sent_of_optional_fields) {
  for (const char* field : {"Tmpfs", "Sysctls", "Mounts", "Init"})
    EXPECT_EQ(host(field, {}), "absent");
  EXPECT_EQ(host("Init", {"--init=false"}), "false");
  EXPECT_EQ(host("Tmpfs", {"--tmpfs", "/a", "--tmpfs", "/b:rw,size=5"}),
            R"({"/a":"","/b":"rw,size=5"})");
  EXPECT_EQ(host("Sysctls", {"--sysctl", "net.a=1"}), R"({"net.a":"1"})");
  EXPECT_EQ(config("StopTimeout", {"--stop-timeout", "3", "x"}), "3");
  EXPECT_EQ(config("StopSignal", {"x"}), "absent");
}

TEST(CreateOptions, restart_policies) {
  EXPECT_EQ(host("RestartPolicy", {}), R"({"Name":"no","MaximumRetryCount":0})");
  EXPECT_EQ(host("RestartPolicy", {"--restart", "on-failure:3"}),
            R"({"Name":"on-failure","MaximumRetryCount":3})");
  EXPECT_EQ(error_of({"--restart", ":", "x"}),
            "invalid restart policy format: no policy provided before colon");
  EXPECT_EQ(error_of({"--restart", "on-failure:x", "x"}),
            "invalid restart policy format: maximum retry count must be an integer");
  EXPECT_EQ(error_of({"--rm", "--restart", "always", "x"}),
            "conflicting options: cannot specify both --restart and --rm");
}

TEST(CreateOptions, security_options) {
  EXPECT_EQ(host("SecurityOpt",
                 {"--security-opt", "no-new-privileges", "--security-opt", "label:disable"}),
            R"(["no-new-privileges","label:disable"])");
  EXPECT_EQ(host("MaskedPaths", {"--security-opt", "systempaths=unconfined"}), "[]");
  EXPECT_EQ(host("MaskedPaths", {}), "null");
  EXPECT_EQ(error_of({"--security-opt", "foo", "x"}), "Invalid --security-opt: \"foo\"");
  EXPECT_EQ(error_of({"--security-opt", "seccomp=/nope", "x"}),
            "opening seccomp profile (/nope) failed: open /nope: no such file or directory");
}

TEST(CreateOptions, networks) {
  EXPECT_EQ(host("NetworkMode", {"--network", "none"}), "\"none\"");
  EXPECT_EQ(host("NetworkMode", {"--net=container:a"}), "\"container:a\"");
  EXPECT_TRUE(options_of({"--network", "bridge", "x"})->endpoints.empty());
  EXPECT_TRUE(options_of({"--network", "mine", "x"})->endpoints.contains("mine"));
  EXPECT_EQ(error_of({"--network", "name=a,link-local-ip=::1", "--link-local-ip", "::1", "x"}),
            "conflicting options: cannot specify both --link-local-ip and per-network link-local IP "
            "addresses");
  EXPECT_EQ(error_of({"--network", "a", "--network", "a", "x"}),
            "network \"a\" is specified multiple times");
}

TEST(CreateOptions, link_local_addresses_are_wishes_of_the_endpoint) {
  for (const auto& arguments :
       {std::vector<std::string>{"--network", "mine", "--link-local-ip", "169.254.1.1",
                                "--link-local-ip", "fe80::5", "x"},
        {"--network", "name=mine,link-local-ip=169.254.1.1,link-local-ip=fe80::5", "x"}}) {
    const auto options = options_of(arguments);
    ASSERT_TRUE(options);
    EXPECT_EQ(json::write_value(options->endpoints.at("mine").at("IPAMConfig")),
              R"({"LinkLocalIPs":["169.254.1.1","fe80::5"]})");
  }
}

TEST(CreateOptions, device_rules_and_swappiness) {
  EXPECT_EQ(host("DeviceCgroupRules", {"--device-cgroup-rule", "c 7:* rwm", "--device-cgroup-rule", "b 8:1 r"}),
            R"(["c 7:* rwm","b 8:1 r"])");
  EXPECT_EQ(host("DeviceCgroupRules", {}), "null");
  EXPECT_EQ(host("MemorySwappiness", {"--memory-swappiness", "0"}), "0");
  EXPECT_EQ(host("MemorySwappiness", {}), "-1");
  for (const char* value : {"101", "-2"})
    EXPECT_EQ(error_of({"--memory-swappiness", value, "x"}),
              std::string("invalid value: ") + value + ". Valid memory swappiness range is 0-100");
}

TEST(CreateOptions, an_endpoint_carries_what_the_flags_ask_of_it) {
  const auto options = options_of({"--network", "mine", "--ip", "10.0.0.5", "--network-alias", "a",
                                   "--network-alias", "b", "--mac-address", "02:00:00:00:00:01",
                                   "x"});
  ASSERT_TRUE(options);
  const auto& endpoint = options->endpoints.at("mine");
  EXPECT_EQ(json::write_value(endpoint.at("IPAMConfig")), R"({"IPv4Address":"10.0.0.5"})");
  EXPECT_EQ(json::write_value(endpoint.at("Aliases")), R"(["a","b"])");
  EXPECT_EQ(json::write_value(endpoint.at("MacAddress")), R"("02:00:00:00:00:01")");
  EXPECT_EQ(json::write_value(options_of({"--network", "name=a,alias=b,gw-priority=2", "x"})
                                  ->endpoints.at("a").at("GwPriority")),
            "2");
}

TEST(CreateOptions, published_ports) {
  const auto bindings = [](const char* text) { return host("PortBindings", {"-p", text}); };
  EXPECT_EQ(bindings("80"), R"({"80/tcp":[{"HostIp":"","HostPort":""}]})");
  EXPECT_EQ(bindings("8080:80"), R"({"80/tcp":[{"HostIp":"","HostPort":"8080"}]})");
  EXPECT_EQ(bindings("53:53/udp"), R"({"53/udp":[{"HostIp":"","HostPort":"53"}]})");
  EXPECT_EQ(bindings("127.0.0.1::80"), R"({"80/tcp":[{"HostIp":"127.0.0.1","HostPort":""}]})");
  EXPECT_EQ(bindings("8000-8001:80-81"),
            R"({"80/tcp":[{"HostIp":"","HostPort":"8000"}],"81/tcp":[{"HostIp":"","HostPort":"8001"}]})");
  EXPECT_EQ(bindings("8000-8010:80"), R"({"80/tcp":[{"HostIp":"","HostPort":"8000-8010"}]})");
  EXPECT_EQ(bindings("published=8080,target=80,protocol=udp"),
            R"({"80/udp":[{"HostIp":"","HostPort":"8080"}]})");
  EXPECT_EQ(error_of({"-p", "80:", "x"}), "no port specified: 80:<empty>");
  EXPECT_EQ(error_of({"-p", "a:80", "x"}), "invalid hostPort: a");
  EXPECT_EQ(error_of({"-p", "80:70000", "x"}), "invalid containerPort: 70000");
  EXPECT_EQ(error_of({"-p", "80/icmp", "x"}), "invalid proto: icmp");
  EXPECT_EQ(error_of({"-p", "8000-8001:80-82", "x"}),
            "invalid ranges specified for container and host Ports: 80-82 and 8000-8001");
}

TEST(CreateOptions, namespaces_are_checked) {
  EXPECT_EQ(error_of({"--pid", "foo", "x"}), "--pid: invalid PID mode");
  EXPECT_EQ(error_of({"--uts", "foo", "x"}), "--uts: invalid UTS mode");
  EXPECT_EQ(error_of({"--cgroupns", "foo", "x"}), "--cgroupns: invalid CGROUP mode");
  EXPECT_EQ(host("PidMode", {"--pid", "container:a"}), "\"container:a\"");
}

TEST(CreateOptions, volumes_are_binds_or_anonymous) {
  EXPECT_EQ(host("Binds", {"-v", "/a:/b:ro", "-v", "/only"}), R"(["/a:/b:ro"])");
  EXPECT_EQ(config("Volumes", {"-v", "/only", "x"}), R"({"/only":{}})");
  EXPECT_EQ(host("Binds", {}), "null");
}

TEST(CreateOptions, logging) {
  EXPECT_EQ(host("LogConfig",
                 {"--log-driver", "json-file", "--log-opt", "max-size=1m", "--log-opt", "x"}),
            R"({"Type":"json-file","Config":{"max-size":"1m","x":""}})");
  EXPECT_EQ(error_of({"--log-driver", "none", "--log-opt", "a=b", "x"}),
            "invalid logging opts for driver none");
}

TEST(ParseDevices, source_target_and_mode) {
  const auto devices = [](const char* text) {
    const auto parsed = parse_devices({text});
    return parsed ? json::write_value(parsed->devices) : parsed.error().message();
  };
  EXPECT_EQ(
      devices("/dev/null"),
      R"([{"PathOnHost":"/dev/null","PathInContainer":"/dev/null","CgroupPermissions":"rwm"}])");
  EXPECT_EQ(
      devices("/dev/null:r"),
      R"([{"PathOnHost":"/dev/null","PathInContainer":"/dev/null","CgroupPermissions":"r"}])");
  EXPECT_EQ(devices("/dev/a:/dev/b:rw"),
            R"([{"PathOnHost":"/dev/a","PathInContainer":"/dev/b","CgroupPermissions":"rw"}])");
  EXPECT_EQ(devices(":"), "bad format for path: :");
  EXPECT_EQ(devices("a:b:c:d"), "bad format for path: a:b:c:d");
  EXPECT_EQ(devices("/dev/null:rwx"), "rwx is not an absolute path");
  EXPECT_EQ(devices("/a:/b:foo"), "bad mode specified: foo");
  EXPECT_EQ(parse_devices({"vendor.com/gpu=all"})->requests.size(), 1U);
}

class PairsFile : public testing::Test {
 protected:
  ~PairsFile() override { ::unlink(path_.c_str()); }
  Result<std::vector<std::string>> read(const std::string& text,
                                        BareKey bare = BareKey::FromEnvironment) {
    std::ofstream(path_) << text;
    return read_pairs_file(path_, bare);
  }
  std::string path_ = "/tmp/wherry-pairs-" + std::to_string(::getpid());
};

TEST_F(PairsFile, has_comments_blanks_and_bare_keys) {
  ::setenv("WHERRY_TEST_SET", "v", 1);
  ::unsetenv("WHERRY_TEST_UNSET");
  EXPECT_EQ(*read("\xef\xbb\xbf# note\n\n  A=1 2\nB=\r\nWHERRY_TEST_SET\nWHERRY_TEST_UNSET\nC=x=y"),
            (std::vector<std::string>{"A=1 2", "B=", "WHERRY_TEST_SET=v", "C=x=y"}));
  EXPECT_EQ(*read("bare\nx=1", BareKey::Drop), std::vector<std::string>{"x=1"});
}

TEST_F(PairsFile, names_are_checked) {
  EXPECT_EQ(read("A B=1").error().message(),
            "invalid env file (" + path_ + "): variable 'A B' contains whitespaces");
  EXPECT_EQ(read("=x").error().message(),
            "invalid env file (" + path_ + "): no variable name on line '=x'");
  EXPECT_EQ(read_pairs_file("/nope/x", BareKey::Drop).error().message(),
            "open /nope/x: no such file or directory");
}

}  // namespace
}  // namespace wherry::cli
