#include "engine/oci_config.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "runtime/defaults.h"

namespace wherry::engine {
namespace {

using spec::oci::Config;
using Strings = std::vector<std::string>;

ContainerRecord basic_record() {
  ContainerRecord record;
  record.id = ContainerId(std::string(64, 'a'));
  record.name = "x";
  record.path = "sh";
  record.args = {"-c", "true"};
  record.config.env = Strings{"A=1"};
  record.host_config.network_mode = "none";
  record.host_config.ipc_mode = "private";
  record.host_config.shm_size = 64 << 20;
  record.host_config.cgroupns_mode = "host";
  return record;
}

OciContext basic_context() {
  OciContext context;
  context.cgroup_mode = sys::CgroupMode::Hybrid;
  context.directory = "/data/containers/a";
  context.hostname = "box";
  context.init_program = "/opt/wherry-init";
  return context;
}

Config make(const std::function<void(ContainerRecord&)>& change = [](ContainerRecord&) {},
            const OciContext& context = basic_context()) {
  ContainerRecord record = basic_record();
  change(record);
  auto config = make_oci_config(record, context);
  EXPECT_TRUE(config) << (config ? "" : config.error().message());
  return config.value_or(Config{});
}

bool has_namespace(const Config& config, const std::string& type) {
  return std::ranges::any_of(config.linux_.namespaces, [&](const auto& ns) { return ns.type == type; });
}

const spec::oci::Mount* find_mount(const Config& config, const std::string& destination) {
  const auto found = std::ranges::find(config.mounts, destination, &spec::oci::Mount::destination);
  return found == config.mounts.end() ? nullptr : &*found;
}

bool has(const Strings& list, const std::string& word) { return std::ranges::find(list, word) != list.end(); }

TEST(OciConfig, the_command_is_path_and_arguments) {
  const Config config = make();
  EXPECT_EQ(config.process->args, (Strings{"sh", "-c", "true"}));
  EXPECT_EQ(config.process->cwd, "/");
  EXPECT_EQ(config.hostname, "box");
}

TEST(OciConfig, the_environment_has_dockers_variables_first_and_home_last) {
  const Config config = make();
  EXPECT_EQ(config.process->env,
            (Strings{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOSTNAME=box",
                     "A=1", "HOME=/"}));
}

TEST(OciConfig, a_variable_replaces_and_a_bare_name_removes) {
  const Strings env = make_environment({.hostname = "h",
                                        .tty = true,
                                        .config_env = {"TERM=dumb", "HOSTNAME"},
                                        .extra = {"HOME=/x"},
                                        .home = "/root"});
  EXPECT_TRUE(has(env, "TERM=dumb"));
  EXPECT_TRUE(has(env, "HOME=/x"));
  EXPECT_FALSE(has(env, "HOME=/root"));
  EXPECT_TRUE(std::ranges::none_of(env, [](const auto& e) { return e.starts_with("HOSTNAME"); }));
}

TEST(OciConfig, defaults_are_the_runtimes) {
  const Config config = make();
  EXPECT_EQ(config.process->capabilities->bounding, runtime::default_capabilities());
  EXPECT_EQ(config.process->capabilities->effective, runtime::default_capabilities());
  EXPECT_TRUE(config.process->capabilities->inheritable.empty());
  EXPECT_EQ(config.linux_.masked_paths, runtime::default_masked_paths());
  EXPECT_TRUE(config.linux_.seccomp.has_value());
  EXPECT_FALSE(config.process->no_new_privileges);
  for (const char* type : {"mount", "network", "uts", "pid", "ipc"}) EXPECT_TRUE(has_namespace(config, type)) << type;
}

TEST(OciConfig, an_ordinary_user_keeps_the_bounding_set_only) {
  OciContext context = basic_context();
  context.user.uid = 1000;
  const Config config = make([](ContainerRecord&) {}, context);
  EXPECT_FALSE(config.process->capabilities->bounding.empty());
  EXPECT_TRUE(config.process->capabilities->effective.empty());
  EXPECT_TRUE(config.process->capabilities->permitted.empty());
}

// One row per flag: what it changes, and what must be seen then.
struct FlagCase {
  const char* flag;
  std::function<void(ContainerRecord&)> change;
  std::function<bool(const Config&)> seen;
};

std::vector<FlagCase> flag_cases() {
  return {
      {"--workdir", [](auto& r) { r.config.working_dir = "/w"; }, [](auto& c) { return c.process->cwd == "/w"; }},
      {"--tty", [](auto& r) { r.config.tty = true; },
       [](auto& c) { return c.process->terminal && has(c.process->env, "TERM=xterm"); }},
      {"--read-only", [](auto& r) { r.host_config.readonly_rootfs = true; },
       [](auto& c) { return c.root->readonly && has(find_mount(c, "/etc/hosts")->options, "ro"); }},
      {"--cap-add", [](auto& r) { r.host_config.cap_add = Strings{"NET_ADMIN"}; },
       [](auto& c) { return has(c.process->capabilities->bounding, "CAP_NET_ADMIN"); }},
      {"--cap-drop", [](auto& r) { r.host_config.cap_drop = Strings{"ALL"}; },
       [](auto& c) { return c.process->capabilities->bounding.empty(); }},
      {"--privileged", [](auto& r) { r.host_config.privileged = true; },
       [](auto& c) {
         return !c.linux_.seccomp && c.linux_.masked_paths.empty() && c.linux_.readonly_paths.empty() &&
                c.linux_.resources->devices.size() == 1 && c.linux_.resources->devices[0].allow &&
                has(find_mount(c, "/sys")->options, "rw");
       }},
      {"--security-opt no-new-privileges",
       [](auto& r) { r.host_config.security_opt = Strings{"no-new-privileges"}; },
       [](auto& c) { return c.process->no_new_privileges; }},
      {"--security-opt seccomp=unconfined",
       [](auto& r) { r.host_config.security_opt = Strings{"seccomp=unconfined"}; },
       [](auto& c) { return !c.linux_.seccomp; }},
      {"--security-opt systempaths=unconfined",
       [](auto& r) { r.host_config.security_opt = Strings{"systempaths=unconfined"}; },
       [](auto& c) { return c.linux_.masked_paths.empty() && c.linux_.readonly_paths.empty(); }},
      {"MaskedPaths []", [](auto& r) { r.host_config.masked_paths = Strings{}; },
       [](auto& c) { return c.linux_.masked_paths.empty() && !c.linux_.readonly_paths.empty(); }},
      {"--device", [](auto& r) { r.host_config.devices = {{"/dev/null", "/dev/zilch", "r"}}; },
       [](auto& c) {
         return c.linux_.devices.size() == 1 && c.linux_.devices[0].path == "/dev/zilch" &&
                c.linux_.resources->devices.back().access == "r" &&
                c.linux_.resources->devices.back().minor == 3;
       }},
      {"--ulimit", [](auto& r) { r.host_config.ulimits = {{"nofile", 2048, 1024}}; },
       [](auto& c) {
         return c.process->rlimits.size() == 1 && c.process->rlimits[0].type == "RLIMIT_NOFILE" &&
                c.process->rlimits[0].hard == 2048 && c.process->rlimits[0].soft == 1024;
       }},
      {"--sysctl", [](auto& r) { r.host_config.sysctls = std::map<std::string, std::string>{{"net.a", "1"}}; },
       [](auto& c) { return c.linux_.sysctl.at("net.a") == "1"; }},
      {"--shm-size", [](auto& r) { r.host_config.shm_size = 1 << 20; },
       [](auto& c) { return has(find_mount(c, "/dev/shm")->options, "size=1048576"); }},
      {"--init", [](auto& r) { r.host_config.init = true; },
       [](auto& c) {
         return c.process->args.front() == "/sbin/docker-init" && c.process->args[1] == "--" &&
                find_mount(c, "/sbin/docker-init")->source == "/opt/wherry-init" &&
                has(find_mount(c, "/sbin/docker-init")->options, "ro");
       }},
      {"--pid host", [](auto& r) { r.host_config.pid_mode = "host"; },
       [](auto& c) { return !has_namespace(c, "pid"); }},
      {"--uts host", [](auto& r) { r.host_config.uts_mode = "host"; },
       [](auto& c) { return !has_namespace(c, "uts") && c.hostname.empty(); }},
      {"--ipc host", [](auto& r) { r.host_config.ipc_mode = "host"; },
       [](auto& c) { return !has_namespace(c, "ipc") && find_mount(c, "/dev/shm")->type == "bind"; }},
      {"--ipc none", [](auto& r) { r.host_config.ipc_mode = "none"; },
       [](auto& c) { return has_namespace(c, "ipc") && find_mount(c, "/dev/shm") == nullptr; }},
      {"--cgroupns private", [](auto& r) { r.host_config.cgroupns_mode = "private"; },
       [](auto& c) { return has_namespace(c, "cgroup"); }},
      {"--oom-score-adj", [](auto& r) { r.host_config.oom_score_adj = 500; },
       [](auto& c) { return c.process->oom_score_adj == 500; }},
      {"--memory", [](auto& r) { r.host_config.memory = 1 << 26; r.host_config.memory_swap = -1; },
       [](auto& c) {
         return c.linux_.resources->memory->limit == 1 << 26 && c.linux_.resources->memory->swap == -1;
       }},
      {"--cpus", [](auto& r) { r.host_config.nano_cpus = 1'500'000'000; },
       [](auto& c) {
         return c.linux_.resources->cpu->quota == 150'000 && c.linux_.resources->cpu->period == 100'000U;
       }},
      {"--cpu-shares", [](auto& r) { r.host_config.cpu_shares = 512; },
       [](auto& c) { return c.linux_.resources->cpu->shares == 512U; }},
      {"--cpuset-cpus", [](auto& r) { r.host_config.cpuset_cpus = "0"; },
       [](auto& c) { return c.linux_.resources->cpu->cpus == "0"; }},
      {"--pids-limit", [](auto& r) { r.host_config.pids_limit = 7; },
       [](auto& c) { return c.linux_.resources->pids->limit == 7; }},
  };
}

TEST(OciConfig, every_flag_reaches_its_field) {
  for (const FlagCase& flag : flag_cases()) EXPECT_TRUE(flag.seen(make(flag.change))) << flag.flag;
}

TEST(OciConfig, without_their_flags_their_fields_are_unset) {
  const Config plain = make();
  EXPECT_FALSE(plain.linux_.resources->memory);
  EXPECT_FALSE(plain.linux_.resources->cpu);
  EXPECT_FALSE(plain.linux_.resources->pids);
  EXPECT_FALSE(plain.root->readonly);
  EXPECT_FALSE(plain.process->terminal);
  EXPECT_TRUE(plain.process->rlimits.empty());
  EXPECT_TRUE(plain.linux_.devices.empty());
  EXPECT_EQ(find_mount(plain, "/sbin/docker-init"), nullptr);
}

TEST(OciConfig, a_shared_network_has_no_namespace_and_no_default_sysctls) {
  OciContext context = basic_context();
  context.own_network = false;
  const Config config = make([](ContainerRecord& r) { r.host_config.network_mode = "host"; }, context);
  EXPECT_FALSE(has_namespace(config, "network"));
  EXPECT_TRUE(config.linux_.sysctl.empty());
}

TEST(OciConfig, joined_namespaces_have_a_path) {
  OciContext context = basic_context();
  context.join["pid"] = "/proc/self/fd/9";
  const Config config = make([](ContainerRecord& r) { r.host_config.pid_mode = "container:y"; }, context);
  const auto found = std::ranges::find(config.linux_.namespaces, "pid", &spec::oci::Namespace::type);
  ASSERT_NE(found, config.linux_.namespaces.end());
  EXPECT_EQ(found->path, "/proc/self/fd/9");
}

TEST(OciConfig, a_users_mount_replaces_the_default_one_and_outer_mounts_come_first) {
  const Config config = make([](ContainerRecord& record) {
    ContainerMount inner;
    inner.point = {.type = "bind", .source = "/s", .destination = "/a/b"};
    ContainerMount outer;
    outer.point = {.type = "tmpfs", .destination = "/a"};
    ContainerMount hosts;
    hosts.point = {.type = "bind", .source = "/h", .destination = "/etc/hosts"};
    record.mounts = {inner, outer, hosts};
  });
  EXPECT_EQ(std::ranges::count(config.mounts, "/etc/hosts", &spec::oci::Mount::destination), 1);
  EXPECT_EQ(find_mount(config, "/etc/hosts")->source, "/h");
  EXPECT_LT(find_mount(config, "/a"), find_mount(config, "/a/b"));
}

TEST(OciConfig, an_absent_device_is_refused_with_dockers_sentence) {
  ContainerRecord record = basic_record();
  record.host_config.devices = {{"/dev/absent", "/dev/absent", "rwm"}};
  const auto config = make_oci_config(record, basic_context());
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().message(),
            "error gathering device information while adding custom device \"/dev/absent\": no such "
            "file or directory");
}

}  // namespace
}  // namespace wherry::engine
