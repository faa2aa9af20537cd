#include "engine/oci_config.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/strings.h"
#include "engine/oci_devices.h"
#include "runtime/defaults.h"

namespace wherry::engine {
namespace {

using spec::docker::items;
using spec::docker::HostConfig;
using spec::oci::Config;
using spec::oci::DeviceRule;
using spec::oci::Mount;

constexpr std::string_view kDefaultPath =
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr std::int64_t kCpuPeriod_us = 100'000;
constexpr const char* kInitTarget = "/sbin/docker-init";

std::string_view key_of(std::string_view entry) { return entry.substr(0, entry.find('=')); }

void set_variable(std::vector<std::string>& environment, const std::string& entry) {
  const auto found = std::ranges::find_if(
      environment, [&](const std::string& known) { return key_of(known) == key_of(entry); });
  const bool removes = !entry.contains('=');
  if (found == environment.end()) {
    if (!removes) environment.push_back(entry);
  } else if (removes) {
    environment.erase(found);
  } else {
    *found = entry;
  }
}

bool private_pid_namespace(const HostConfig& host) { return host.pid_mode.empty() || host.pid_mode == "private"; }

Result<spec::oci::Process> make_process(const ContainerRecord& record, const OciContext& context,
                                        const SecurityOptions& security) {
  const HostConfig& host = record.host_config;
  spec::oci::Process process;
  process.terminal = record.config.tty;
  if (host.console_size.height != 0 || host.console_size.width != 0)
    process.console_size = spec::oci::Box{host.console_size.height, host.console_size.width};
  process.user.uid = context.user.uid;
  process.user.gid = context.user.gid;
  process.user.additional_gids = context.user.additional_gids;
  if (host.init.value_or(false) && private_pid_namespace(host)) process.args = {kInitTarget, "--"};
  process.args.push_back(record.path);
  process.args.insert(process.args.end(), record.args.begin(), record.args.end());
  std::vector<std::string> variables = context.link_environment;
  variables.insert(variables.end(), items(record.config.env).begin(),
                   items(record.config.env).end());
  process.env = make_environment({.hostname = context.hostname,
                                  .tty = record.config.tty,
                                  .config_env = std::move(variables),
                                  .home = context.user.home});
  process.cwd = record.config.working_dir.empty() ? "/" : record.config.working_dir;
  process.capabilities = capability_sets(TRY(capabilities_of(host)), context.user.uid);
  process.rlimits = rlimits_of(host);
  process.no_new_privileges = security.no_new_privileges;
  process.oom_score_adj = host.oom_score_adj;
  return process;
}

void remove_namespace(Config& config, std::string_view type) {
  std::erase_if(config.linux_.namespaces, [&](const auto& ns) { return ns.type == type; });
}

void set_namespace(Config& config, const std::string& type, const std::string& path) {
  remove_namespace(config, type);
  config.linux_.namespaces.push_back({.type = type, .path = path});
}

void apply_namespaces(Config& config, const HostConfig& host, const OciContext& context) {
  if (!context.own_network) remove_namespace(config, "network");
  if (host.pid_mode == "host") remove_namespace(config, "pid");
  if (host.ipc_mode == "host") remove_namespace(config, "ipc");
  if (host.uts_mode == "host") remove_namespace(config, "uts");
  if (host.cgroupns_mode == "host") remove_namespace(config, "cgroup");
  if (host.cgroupns_mode == "private") set_namespace(config, "cgroup", "");
  for (const auto& [type, path] : context.join) set_namespace(config, type, path);
}

void apply_sysctls(Config& config, const HostConfig& host, const OciContext& context) {
  config.linux_.sysctl.clear();
  if (context.own_network) config.linux_.sysctl = runtime::default_sysctls();
  for (const auto& [key, value] : items(host.sysctls)) config.linux_.sysctl[key] = value;
}

bool is_mounted_by_user(const ContainerRecord& record, const std::string& destination) {
  return std::ranges::any_of(record.mounts, [&](const ContainerMount& mount) {
    return mount.point.destination == destination;
  });
}

Mount bind(std::string source, std::string destination, std::vector<std::string> options) {
  options.insert(options.begin(), "rbind");
  return {.destination = std::move(destination), .type = "bind", .source = std::move(source),
          .options = std::move(options)};
}

// The file system's own mounts: docker's defaults without those that a mode or a user replaces.
void apply_default_mounts(Config& config, const ContainerRecord& record) {
  const HostConfig& host = record.host_config;
  std::erase_if(config.mounts, [&](const Mount& mount) {
    const bool ipc = mount.destination == "/dev/shm" || mount.destination == "/dev/mqueue";
    return is_mounted_by_user(record, mount.destination) || (ipc && host.ipc_mode == "none");
  });
  for (Mount& mount : config.mounts) {
    // A new mqueue mount shows the queues of the namespace it is made in: the host's, here.
    if (host.ipc_mode == "host" && mount.destination == "/dev/shm" && ::access("/dev/shm", F_OK) == 0)
      mount = bind(mount.destination, mount.destination, {"nosuid", "noexec", "nodev"});
    if (host.privileged && (mount.type == "sysfs" || mount.type == "cgroup"))
      std::ranges::replace(mount.options, "ro", "rw");
  }
}

void add_generated_files(Config& config, const ContainerRecord& record, const OciContext& context) {
  struct File {
    const char* name;
    const char* target;
  };
  constexpr std::array<File, 3> files = {{{"resolv.conf", "/etc/resolv.conf"},
                                          {"hostname", "/etc/hostname"},
                                          {"hosts", "/etc/hosts"}}};
  for (const File& file : files) {
    if (is_mounted_by_user(record, file.target)) continue;
    config.mounts.push_back(bind(context.directory + "/" + file.name, file.target,
                                 {"rprivate", record.host_config.readonly_rootfs ? "ro" : "rw"}));
  }
}

// Outer mounts first, so that one does not hide another inside it.
void add_user_mounts(Config& config, const ContainerRecord& record) {
  std::vector<ContainerMount> mounts = record.mounts;
  const auto depth = [](const ContainerMount& mount) {
    return std::ranges::count(mount.point.destination, '/');
  };
  std::ranges::stable_sort(mounts, {}, depth);
  for (ContainerMount& mount : mounts) {
    const bool tmpfs = mount.point.type == "tmpfs";
    config.mounts.push_back({.destination = mount.point.destination,
                             .type = tmpfs ? "tmpfs" : "bind",
                             .source = tmpfs ? "tmpfs" : mount.point.source,
                             .options = std::move(mount.options)});
  }
}

void apply_paths(Config& config, const HostConfig& host, const SecurityOptions& security) {
  config.linux_.masked_paths.clear();
  config.linux_.readonly_paths.clear();
  if (host.privileged) return;
  if (!security.unmask_system_paths) {
    config.linux_.masked_paths = runtime::default_masked_paths();
    config.linux_.readonly_paths = runtime::default_readonly_paths();
  }
  if (host.masked_paths) config.linux_.masked_paths = *host.masked_paths;
  if (host.readonly_paths) config.linux_.readonly_paths = *host.readonly_paths;
}

Result<> apply_devices(Config& config, const HostConfig& host) {
  auto& rules = config.linux_.resources->devices;
  if (host.privileged) {
    rules = {DeviceRule{.allow = true, .type = "a", .access = "rwm"}};
    config.linux_.devices = all_host_devices();
  }
  for (const auto& mapping : host.devices.value_or(std::vector<spec::docker::DeviceMapping>{})) {
    DeviceSet set = TRY(devices_of(mapping));
    config.linux_.devices.insert(config.linux_.devices.end(), set.devices.begin(), set.devices.end());
    if (!host.privileged) rules.insert(rules.end(), set.rules.begin(), set.rules.end());
  }
  if (host.privileged) return {};
  for (const std::string& text : items(host.device_cgroup_rules))
    rules.push_back(TRY(device_rule(text)));
  return {};
}

}  // namespace

std::vector<std::string> make_environment(const EnvironmentRequest& request) {
  std::vector<std::string> environment = {std::string(kDefaultPath), "HOSTNAME=" + request.hostname};
  if (request.tty) environment.emplace_back("TERM=xterm");
  for (const std::string& entry : request.config_env) set_variable(environment, entry);
  for (const std::string& entry : request.extra) set_variable(environment, entry);
  const bool has_home = std::ranges::any_of(
      environment, [](const std::string& entry) { return key_of(entry) == "HOME"; });
  if (!has_home) environment.push_back("HOME=" + request.home);
  return environment;
}

Result<std::vector<std::string>> capabilities_of(const HostConfig& host) {
  if (host.privileged) return runtime::all_capabilities();
  return runtime::tweak_capabilities(host.cap_add.list(), host.cap_drop.list());
}

std::vector<spec::oci::Rlimit> rlimits_of(const HostConfig& host) {
  std::vector<spec::oci::Rlimit> limits;
  for (const auto& limit : host.ulimits.value_or(std::vector<spec::docker::Ulimit>{})) {
    std::string type = "RLIMIT_" + limit.name;
    std::ranges::transform(type, type.begin(), [](unsigned char c) { return std::toupper(c); });
    limits.push_back({.type = std::move(type),
                      .hard = static_cast<std::uint64_t>(limit.hard),
                      .soft = static_cast<std::uint64_t>(limit.soft)});
  }
  return limits;
}

spec::oci::Capabilities capability_sets(const std::vector<std::string>& names, std::uint32_t uid) {
  spec::oci::Capabilities sets;
  sets.bounding = names;
  if (uid == 0) {
    sets.effective = names;
    sets.permitted = names;
  }
  return sets;
}

Result<std::optional<spec::oci::Seccomp>> seccomp_of(const ContainerRecord& record,
                                                     bool host_has_apparmor) {
  const HostConfig& host = record.host_config;
  const SecurityOptions security =
      TRY(parse_security_options(items(host.security_opt), host_has_apparmor));
  if (host.privileged || security.seccomp_unconfined) return std::nullopt;
  const std::vector<std::string> capabilities = TRY(capabilities_of(host));
  if (security.seccomp_profile)
    return TRY(parse_seccomp_profile(*security.seccomp_profile, profile_context_of_host(capabilities)));
  return runtime::default_seccomp(capabilities);
}

spec::oci::Resources resources_of(const HostConfig& host) {
  spec::oci::Resources resources;
  if (host.memory > 0) {
    resources.memory.emplace();
    resources.memory->limit = host.memory;
    if (host.memory_swap != 0) resources.memory->swap = host.memory_swap;
  }
  if (const std::int64_t swappiness = host.memory_swappiness.value_or(-1); swappiness >= 0) {
    if (!resources.memory) resources.memory.emplace();
    resources.memory->swappiness = static_cast<std::uint64_t>(swappiness);
  }
  spec::oci::CpuLimits cpu;
  if (host.cpu_shares > 0) cpu.shares = static_cast<std::uint64_t>(host.cpu_shares);
  if (host.nano_cpus > 0) {
    cpu.period = kCpuPeriod_us;
    cpu.quota = host.nano_cpus / 1000 * kCpuPeriod_us / 1'000'000;
  }
  cpu.cpus = host.cpuset_cpus;
  if (cpu.shares || cpu.quota || !cpu.cpus.empty()) resources.cpu = cpu;
  if (host.pids_limit.value_or(0) != 0)
    resources.pids = spec::oci::PidsLimits{.limit = *host.pids_limit};
  return resources;
}

Result<Config> make_oci_config(const ContainerRecord& record, const OciContext& context) {
  const HostConfig& host = record.host_config;
  const SecurityOptions security =
      TRY(parse_security_options(items(host.security_opt), context.host_has_apparmor));
  Config config = runtime::default_config(context.cgroup_mode);
  config.process = TRY(make_process(record, context, security));
  config.root = spec::oci::Root{.path = "rootfs", .readonly = host.readonly_rootfs};
  if (host.uts_mode != "host") config.hostname = context.hostname;
  config.mounts = runtime::default_mounts(static_cast<std::uint64_t>(host.shm_size));
  apply_namespaces(config, host, context);
  apply_sysctls(config, host, context);
  apply_default_mounts(config, record);
  add_generated_files(config, record, context);
  if (host.init.value_or(false) && private_pid_namespace(host))
    config.mounts.push_back(bind(context.init_program, kInitTarget, {"rprivate", "ro"}));
  add_user_mounts(config, record);
  apply_paths(config, host, security);
  std::vector<DeviceRule> default_rules = runtime::default_device_rules();
  config.linux_.resources = resources_of(host);
  config.linux_.resources->devices = std::move(default_rules);
  TRY(apply_devices(config, host));
  config.linux_.seccomp = TRY(seccomp_of(record, context.host_has_apparmor));
  return config;
}

}  // namespace wherry::engine
