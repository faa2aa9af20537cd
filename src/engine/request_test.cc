// What create judges before anything is made: fields of later versions, values, mounts, logs,
// and what an image adds.
#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "engine/image_merge.h"
#include "engine/log_config.h"
#include "engine/mount_request.h"
#include "engine/security_options.h"
#include "engine/unavailable.h"
#include "engine/validate.h"

namespace wherry::engine {
namespace {

using spec::docker::ContainerConfig;
using spec::docker::ContainerCreateRequest;
using spec::docker::EndpointSettings;
using spec::docker::HostConfig;
using Strings = std::vector<std::string>;
using Map = std::map<std::string, std::string>;

template <class T>
std::string message_of(const Result<T>& result) {
  return result ? "accepted" : result.error().message();
}

// ---- unavailable

ContainerCreateRequest as_dockers_client_sends_it() {
  ContainerCreateRequest request;
  request.host_config.emplace();
  request.host_config->network_mode = "default";
  request.host_config->memory_swappiness = -1;
  request.host_config->oom_kill_disable = false;
  request.host_config->pids_limit = 0;
  request.host_config->port_bindings = spec::docker::PortMap{};
  request.host_config->dns = Strings{};
  request.exposed_ports.emplace();
  request.volumes.emplace();
  request.networking_config.emplace();
  request.networking_config->endpoints_config = {{"default", EndpointSettings{}}};
  return request;
}

TEST(Unavailable, zero_values_of_a_client_are_no_wishes) {
  EXPECT_EQ(message_of(check_available(as_dockers_client_sends_it())), "accepted");
}

struct Wish {
  const char* what;
  std::function<void(ContainerCreateRequest&)> change;
};

std::vector<Wish> host_wishes() {
  return {
      {"flag '--annotation'", [](auto& r) { r.host_config->annotations = Map{{"a", "b"}}; }},
      {"HostConfig.Cgroup", [](auto& r) { r.host_config->cgroup = "x"; }},
      {"flag '--storage-opt'", [](auto& r) { r.host_config->storage_opt = Map{{"size", "1"}}; }},
      {"flag '--userns'", [](auto& r) { r.host_config->userns_mode = "keep-id"; }},
      {"flag '--isolation'", [](auto& r) { r.host_config->isolation = "hyperv"; }},
      {"flag '--blkio-weight'", [](auto& r) { r.host_config->blkio_weight = 10; }},
      {"flag '--blkio-weight-device'", [](auto& r) { r.host_config->blkio_weight_device.emplace(1); }},
      {"flag '--device-read-bps'", [](auto& r) { r.host_config->blkio_device_read_bps.emplace(1); }},
      {"flag '--device-write-bps'", [](auto& r) { r.host_config->blkio_device_write_bps.emplace(1); }},
      {"flag '--device-read-iops'", [](auto& r) { r.host_config->blkio_device_read_iops.emplace(1); }},
      {"flag '--device-write-iops'", [](auto& r) { r.host_config->blkio_device_write_iops.emplace(1); }},
      {"flag '--cpu-period'", [](auto& r) { r.host_config->cpu_period = 1; }},
      {"flag '--cpu-quota'", [](auto& r) { r.host_config->cpu_quota = 1; }},
      {"flag '--cpu-rt-period'", [](auto& r) { r.host_config->cpu_realtime_period = 1; }},
      {"flag '--cpu-rt-runtime'", [](auto& r) { r.host_config->cpu_realtime_runtime = 1; }},
      {"flag '--cpuset-mems'", [](auto& r) { r.host_config->cpuset_mems = "0"; }},
      {"flag '--gpus'", [](auto& r) { r.host_config->device_requests.emplace(1); }},
      {"flag '--kernel-memory'", [](auto& r) { r.host_config->kernel_memory = 1; }},
      {"HostConfig.KernelMemoryTCP", [](auto& r) { r.host_config->kernel_memory_tcp = 1; }},
      {"flag '--memory-reservation'", [](auto& r) { r.host_config->memory_reservation = 1; }},
      {"flag '--oom-kill-disable'", [](auto& r) { r.host_config->oom_kill_disable = true; }},
      {"flag '--cpu-count'", [](auto& r) { r.host_config->cpu_count = 1; }},
      {"flag '--cpu-percent'", [](auto& r) { r.host_config->cpu_percent = 1; }},
      {"flag '--io-maxiops'", [](auto& r) { r.host_config->io_maximum_iops = 1; }},
      {"flag '--io-maxbandwidth'", [](auto& r) { r.host_config->io_maximum_bandwidth = 1; }},
  };
}

std::vector<Wish> config_wishes() {
  const auto endpoint = [](ContainerCreateRequest& r) -> EndpointSettings& {
    return *r.networking_config->endpoints_config->at("default");
  };
  return {
      {"flag '--domainname'", [](auto& r) { r.domainname = "x"; }},
      {"flag '--health-cmd'", [](auto& r) { r.healthcheck.emplace().test = Strings{"CMD", "x"}; }},
      {"flag '--health-interval'", [](auto& r) { r.healthcheck.emplace().retries = 3; }},
      {"Config.NetworkDisabled", [](auto& r) { r.network_disabled = true; }},
      {"Config.OnBuild", [](auto& r) { r.on_build = Strings{"x"}; }},
      {"Config.Shell", [](auto& r) { r.shell = Strings{"x"}; }},
      {"network driver option 'com.docker.network.endpoint.ifname'",
       [=](auto& r) {
         endpoint(r).driver_opts = Map{{"com.docker.network.endpoint.ifname", "foo0"}};
       }},
  };
}

void expect_refused(const std::vector<Wish>& wishes) {
  for (const Wish& wish : wishes) {
    ContainerCreateRequest request = as_dockers_client_sends_it();
    wish.change(request);
    const auto checked = check_available(request);
    ASSERT_FALSE(checked) << wish.what;
    EXPECT_EQ(checked.error().kind(), ErrorKind::NotImplemented);
    EXPECT_EQ(checked.error().message(),
              std::string("wherry: ") + wish.what + " is not available in wherry " WHERRY_VERSION);
  }
}

TEST(Unavailable, every_host_field_of_a_later_version_is_refused_by_its_flag) { expect_refused(host_wishes()); }
TEST(Unavailable, every_config_field_of_a_later_version_is_refused_by_its_flag) {
  expect_refused(config_wishes());
}

TEST(Unavailable, a_health_check_that_is_switched_off_is_accepted) {
  ContainerCreateRequest request = as_dockers_client_sends_it();
  request.healthcheck.emplace().test = Strings{"NONE"};
  EXPECT_EQ(message_of(check_available(request)), "accepted");
}

// ---- validate

struct BadValue {
  const char* message;
  std::function<void(HostConfig&)> change;
};

TEST(Validate, what_cannot_be_is_refused_with_dockers_sentences) {
  const std::vector<BadValue> cases = {
      {"Minimum memory limit allowed is 6MB", [](auto& h) { h.memory = 1 << 20; }},
      {"Minimum memoryswap limit should be larger than memory limit, see usage",
       [](auto& h) { h.memory = 64 << 20, h.memory_swap = 32 << 20; }},
      {"You should always set the Memory limit when using Memoryswap limit, see usage",
       [](auto& h) { h.memory_swap = 32 << 20; }},
      {"Invalid value: 101, valid memory swappiness range is 0-100",
       [](auto& h) { h.memory_swappiness = 101; }},
      {"Invalid value: -2, valid memory swappiness range is 0-100",
       [](auto& h) { h.memory_swappiness = -2; }},
      {"invalid IPC mode: nonsense", [](auto& h) { h.ipc_mode = "nonsense"; }},
      {"invalid PID mode: nonsense", [](auto& h) { h.pid_mode = "nonsense"; }},
      {"invalid PID mode: container:", [](auto& h) { h.pid_mode = "container:"; }},
      {"invalid UTS mode: private", [](auto& h) { h.uts_mode = "private"; }},
      {"invalid CapAdd: unknown capability: \"CAP_NONSENSE\"",
       [](auto& h) { h.cap_add = Strings{"NONSENSE"}; }},
      {"invalid ulimit type: nonsense", [](auto& h) { h.ulimits = {{"nonsense", 1, 1}}; }},
      {"ulimit soft limit must be less than or equal to hard limit: 2 > 1",
       [](auto& h) { h.ulimits = {{"nofile", 1, 2}}; }},
      {"can't create 'AutoRemove' container with restart policy",
       [](auto& h) { h.auto_remove = true, h.restart_policy.name = "always"; }},
      {"Invalid value 1001, range for oom score adj is [-1000, 1000]", [](auto& h) { h.oom_score_adj = 1001; }},
      {"SHM size can not be less than 0", [](auto& h) { h.shm_size = -1; }},
      {"unknown or invalid runtime name: runsc", [](auto& h) { h.runtime = "runsc"; }},
      {"invalid --security-opt 1: \"nonsense\"", [](auto& h) { h.security_opt = Strings{"nonsense"}; }},
      {"invalid device mode: x", [](auto& h) { h.devices = {{"/dev/null", "/dev/null", "x"}}; }},
      {"invalid IP address in Dns: \"dns.example\"", [](auto& h) { h.dns = Strings{"dns.example"}; }},
      {"invalid DnsSearch: \"a\\nb\"", [](auto& h) { h.dns_search = Strings{"a\nb"}; }},
      {"invalid DnsOptions: \"\"", [](auto& h) { h.dns_options = Strings{""}; }},
      {"bad format for add-host: \"db\"", [](auto& h) { h.extra_hosts = Strings{"db"}; }},
      {"conflicting options: dns and the network mode",
       [](auto& h) { h.dns = Strings{"1.1.1.1"}, h.network_mode = "container:x"; }},
      {"conflicting options: custom host-to-IP mapping and the network mode",
       [](auto& h) { h.extra_hosts = Strings{"a:1.1.1.1"}, h.network_mode = "container:x"; }},
      {"Invalid value 9-1 for cpuset cpus: invalid format: 9-1", [](auto& h) { h.cpuset_cpus = "9-1"; }},
  };
  for (const BadValue& bad : cases) {
    HostConfig host;
    bad.change(host);
    EXPECT_EQ(message_of(validate_host_config(host, {})), bad.message);
  }
  EXPECT_EQ(message_of(validate_host_config({}, {})), "accepted");
}

TEST(Validate, sysctls_outside_the_containers_namespaces_are_refused) {
  for (const char* key : {"kernel.core_pattern", "kernel/core_pattern", "kernel/../net.x", "net/../kernel.x", "vm.x",
                          "fs.file-max", "", "../x", "/net.x"}) {
    HostConfig host;
    host.sysctls = Map{{key, "1"}};
    EXPECT_FALSE(validate_host_config(host, {})) << key;
  }
  for (const char* key : {"net.core.somaxconn", "net/core/somaxconn", "kernel.shmmax", "fs.mqueue.msg_max"}) {
    HostConfig host;
    host.sysctls = Map{{key, "1"}};
    EXPECT_TRUE(validate_host_config(host, {})) << key;
  }
}

TEST(Validate, sysctls_of_a_shared_namespace_are_refused_and_values_are_one_line) {
  HostConfig host;
  host.sysctls = Map{{"net.core.somaxconn", "1"}};
  host.network_mode = "host";
  EXPECT_FALSE(validate_host_config(host, {}));
  host.network_mode = "container:x";
  EXPECT_FALSE(validate_host_config(host, {}));
  HostConfig ipc;
  ipc.sysctls = Map{{"kernel.shmmax", "1"}};
  ipc.ipc_mode = "host";
  EXPECT_FALSE(validate_host_config(ipc, {}));
  HostConfig lines;
  lines.sysctls = Map{{"net.core.somaxconn", "1\n2"}};
  EXPECT_FALSE(validate_host_config(lines, {}));
}

TEST(Validate, the_config_is_judged_too) {
  ContainerConfig config;
  config.working_dir = "relative";
  EXPECT_EQ(message_of(validate_config(config, {})),
            "the working directory 'relative' is invalid, it needs to be an absolute path");
  config = {};
  config.env = Strings{"=x"};
  EXPECT_EQ(message_of(validate_config(config, {})), "invalid environment variable: =x");
  config = {};
  config.stop_signal = "NONSENSE";
  EXPECT_EQ(message_of(validate_config(config, {})), "invalid signal: NONSENSE");
  config = {};
  config.hostname = "h";
  HostConfig host;
  host.network_mode = "container:x";
  EXPECT_EQ(message_of(validate_config(config, host)), "conflicting options: hostname and the network mode");
}

TEST(Validate, defaults_are_dockers) {
  HostConfig host;
  host.memory = 64 << 20;
  std::vector<std::string> warnings;
  fill_defaults(host, {.cgroup_mode = sys::CgroupMode::Hybrid}, warnings);
  EXPECT_EQ(host.network_mode, "bridge");
  EXPECT_EQ(host.shm_size, 64 << 20);
  EXPECT_EQ(host.ipc_mode, "private");
  EXPECT_EQ(host.cgroupns_mode, "host");
  EXPECT_EQ(host.memory_swap, 128 << 20);
  EXPECT_TRUE(warnings.empty());
  HostConfig on_v2;
  fill_defaults(on_v2, {.cgroup_mode = sys::CgroupMode::V2}, warnings);
  EXPECT_EQ(on_v2.cgroupns_mode, "private");
}

TEST(Validate, twice_a_memory_that_no_machine_has_is_no_swap_limit) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  std::vector<std::string> warnings;
  HostConfig host;
  host.memory = kMost / 2;
  fill_defaults(host, {}, warnings);
  EXPECT_EQ(host.memory_swap, kMost - 1);
  host = {};
  host.memory = kMost / 2 + 1;
  fill_defaults(host, {}, warnings);
  EXPECT_EQ(host.memory_swap, -1);
}

TEST(Validate, limits_that_the_host_lacks_are_taken_back_with_a_warning) {
  HostConfig host;
  host.memory = 64 << 20;
  host.pids_limit = 10;
  std::vector<std::string> warnings;
  fill_defaults(host, {.has_swap_limit = false, .has_pids_limit = false}, warnings);
  EXPECT_EQ(host.memory_swap, -1);
  EXPECT_FALSE(host.pids_limit);
  EXPECT_EQ(warnings.size(), 2U);
}

TEST(Validate, a_swappiness_that_no_group_can_have_is_taken_back_with_dockers_warning) {
  HostConfig host;
  host.memory_swappiness = 40;
  std::vector<std::string> warnings;
  fill_defaults(host, {}, warnings);
  EXPECT_EQ(host.memory_swappiness, 40);
  EXPECT_TRUE(warnings.empty());
  fill_defaults(host, {.has_swappiness = false}, warnings);
  EXPECT_FALSE(host.memory_swappiness);
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_EQ(warnings[0],
            "Your kernel does not support memory swappiness capabilities or the cgroup is not "
            "mounted. Memory swappiness discarded.");
}

TEST(Signals, names_numbers_and_realtime_forms_are_understood) {
  EXPECT_EQ(parse_signal("SIGTERM").value(), 15);
  EXPECT_EQ(parse_signal("term").value(), 15);
  EXPECT_EQ(parse_signal("9").value(), 9);
  EXPECT_EQ(parse_signal("RTMIN+3").value(), 37);
  EXPECT_EQ(parse_signal("SIGRTMAX-1").value(), 63);
  for (const char* bad : {"", "0", "65", "SIG", "NONSENSE", "RTMIN-1", "RTMIN+99", "-9"})
    EXPECT_FALSE(parse_signal(bad)) << bad;
  EXPECT_EQ(signal_name(9), "SIGKILL");
}

// ---- logs

TEST(LogConfig, the_engines_default_fills_an_empty_driver) {
  spec::docker::LogConfig config;
  ASSERT_TRUE(settle_log_config(config, "json-file", {{"max-size", "1m"}}));
  EXPECT_EQ(config.type, "json-file");
  EXPECT_EQ(config.config->at("max-size"), "1m");
}

TEST(LogConfig, unknown_drivers_and_options_are_refused) {
  const auto settle = [](const std::string& type, const Map& options) {
    spec::docker::LogConfig config{.type = type, .config = options};
    return message_of(settle_log_config(config, "json-file", {}));
  };
  EXPECT_EQ(settle("nonsense", {}), "error looking up logging plugin nonsense: plugin \"nonsense\" not found");
  EXPECT_EQ(settle("json-file", {{"nonsense", "1"}}), "unknown log opt 'nonsense' for json-file log driver");
  EXPECT_EQ(settle("json-file", {{"max-file", "0"}}), "max-file cannot be less than 1");
  EXPECT_EQ(settle("json-file", {{"max-file", "3"}}), "accepted");  // and never rotated
  EXPECT_EQ(settle("json-file", {{"max-size", "x"}}), "invalid size: 'x'");
  EXPECT_EQ(settle("json-file", {{"mode", "x"}}), "logger: logging mode not supported: x");
  EXPECT_EQ(settle("syslog", {}),
            "wherry: flag '--log-driver syslog' is not available in wherry " WHERRY_VERSION);
  EXPECT_EQ(settle("json-file", {{"compress", "true"}}),
            "wherry: flag '--log-opt compress' is not available in wherry " WHERRY_VERSION);
  EXPECT_EQ(settle("none", {}), "accepted");
}

TEST(LogConfig, options_become_what_the_pump_does) {
  ContainerRecord record;
  record.id = ContainerId("abc");
  record.name = "web";
  record.host_config.log_config = {
      .type = "json-file",
      .config = Map{{"max-size", "10m"}, {"max-file", "3"}, {"mode", "non-blocking"},
                    {"max-buffer-size", "4k"}, {"labels", "tier"}, {"env-regex", "^A"}, {"tag", "{{.Name}}/x"}}};
  record.config.labels = Map{{"tier", "1"}, {"other", "2"}};
  record.config.env = Strings{"A1=x", "B=y"};
  const keeper::LogOptions log = log_options_of(record).value();
  EXPECT_EQ(log.driver, keeper::LogDriver::JsonFile);
  EXPECT_EQ(log.file_name, "abc-json.log");
  EXPECT_EQ(log.max_size, 10 << 20);
  EXPECT_EQ(log.max_files, 3U);
  EXPECT_EQ(log.mode, keeper::LogMode::NonBlocking);
  EXPECT_EQ(log.max_buffer, 4096U);
  EXPECT_EQ(log.attributes, R"({"A1":"x","tag":"web/x","tier":"1"})");
}

TEST(LogConfig, sizes_are_powers_of_1024) {
  EXPECT_EQ(parse_size("10").value(), 10);
  EXPECT_EQ(parse_size("1.5k").value(), 1536);
  EXPECT_EQ(parse_size("2MiB").value(), 2 << 20);
  EXPECT_EQ(parse_size("1gb").value(), 1 << 30);
  for (const char* bad : {"", "k", "1x", "-1", "1.2.3m", "99999999999p"}) EXPECT_FALSE(parse_size(bad)) << bad;
}

// ---- image

TEST(ImageMerge, the_image_fills_what_the_user_left_open) {
  ContainerConfig config;
  config.env = Strings{"A=user"};
  spec::RunConfig image;
  image.env = Strings{"A=image", "B=image"};
  image.cmd = Strings{"sh"};
  image.user = "app";
  image.working_dir = "/srv";
  image.labels = Map{{"l", "image"}};
  ASSERT_TRUE(merge_image_config(config, image));
  EXPECT_EQ(*config.env, (Strings{"A=user", "B=image"}));
  EXPECT_EQ(config.cmd.list(), (Strings{"sh"}));
  EXPECT_EQ(config.user, "app");
  EXPECT_EQ(config.working_dir, "/srv");
  EXPECT_EQ(config.labels->at("l"), "image");
}

TEST(ImageMerge, a_users_entrypoint_drops_the_images_command) {
  spec::RunConfig image;
  image.entrypoint = Strings{"/entry"};
  image.cmd = Strings{"arg"};
  ContainerConfig own_entrypoint;
  own_entrypoint.entrypoint = Strings{"/mine"};
  ASSERT_TRUE(merge_image_config(own_entrypoint, image));
  EXPECT_EQ(command_line_of(own_entrypoint).path, "/mine");
  EXPECT_TRUE(command_line_of(own_entrypoint).args.empty());
  ContainerConfig own_command;
  own_command.cmd = Strings{"x"};
  ASSERT_TRUE(merge_image_config(own_command, image));
  EXPECT_EQ(command_line_of(own_command).path, "/entry");
  EXPECT_EQ(command_line_of(own_command).args, (Strings{"x"}));
}

TEST(ImageMerge, an_empty_entrypoint_switches_the_images_off) {
  spec::RunConfig image;
  image.entrypoint = Strings{"/entry"};
  ContainerConfig config;
  config.entrypoint = Strings{""};
  config.cmd = Strings{"x"};
  ASSERT_TRUE(merge_image_config(config, image));
  EXPECT_EQ(command_line_of(config).path, "x");
}

TEST(ImageMerge, nothing_to_run_is_an_error) {
  ContainerConfig config;
  EXPECT_EQ(message_of(merge_image_config(config, {})), "no command specified");
}

// ---- security options

TEST(SecurityOptions, dockers_spellings_are_understood) {
  const auto parsed =
      parse_security_options({"no-new-privileges:true", "seccomp=unconfined", "systempaths=unconfined",
                              "label=disable", "apparmor=unconfined"},
                             true)
          .value();
  EXPECT_TRUE(parsed.no_new_privileges);
  EXPECT_TRUE(parsed.seccomp_unconfined);
  EXPECT_TRUE(parsed.unmask_system_paths);
}

TEST(SecurityOptions, an_apparmor_profile_is_refused_only_where_it_would_count) {
  EXPECT_TRUE(parse_security_options({"apparmor=docker-default"}, false));
  EXPECT_FALSE(parse_security_options({"apparmor=docker-default"}, true));
}

TEST(SecurityOptions, a_profile_is_decided_by_capabilities_architecture_and_kernel) {
  const std::string profile = R"({"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":1,
    "archMap":[{"architecture":"SCMP_ARCH_X86_64","subArchitectures":["SCMP_ARCH_X86"]}],
    "syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW"},
      {"names":["mount"],"action":"SCMP_ACT_ALLOW","includes":{"caps":["CAP_SYS_ADMIN"]}},
      {"names":["ptrace"],"action":"SCMP_ACT_ALLOW","includes":{"minKernel":"4.8"}},
      {"names":["arm"],"action":"SCMP_ACT_ALLOW","includes":{"arches":["arm"]}},
      {"names":["clone"],"action":"SCMP_ACT_ALLOW","excludes":{"caps":["CAP_SYS_ADMIN"]}}]})";
  const auto names = [&](const ProfileContext& context) {
    Strings found;
    const spec::oci::Seccomp seccomp = parse_seccomp_profile(profile, context).value();
    for (const auto& rule : seccomp.syscalls) found.push_back(rule.names.front());
    return found;
  };
  EXPECT_EQ(names({.capabilities = {}, .architecture = "amd64", .kernel_major = 6}),
            (Strings{"read", "ptrace", "clone"}));
  EXPECT_EQ(names({.capabilities = {"CAP_SYS_ADMIN"}, .architecture = "arm", .kernel_major = 3}),
            (Strings{"read", "mount", "arm"}));
  EXPECT_FALSE(parse_seccomp_profile("{", {}));
}

}  // namespace
}  // namespace wherry::engine
