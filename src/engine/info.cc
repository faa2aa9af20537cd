#include "engine/info.h"

#include <dirent.h>
#include <fmt/format.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "base/strings.h"
#include "base/time.h"
#include "engine/lifecycle.h"
#include "sys/directory.h"

namespace wherry::engine {
namespace {

using spec::docker::Info;

std::int64_t count_entries(const char* directory) {
  const sys::Directory open(::opendir(directory));
  std::int64_t count = 0;
  while (open && ::readdir(open.get()) != nullptr) ++count;
  return std::max<std::int64_t>(0, count - 2);
}

// PRETTY_NAME of os-release.
std::string operating_system() {
  const auto text = sys::read_file("/etc/os-release");
  if (!text) return "Linux";
  for (const std::string_view line : split(*text, '\n')) {
    constexpr std::string_view key = "PRETTY_NAME=";
    if (!line.starts_with(key)) continue;
    std::string_view value = trim(line.substr(key.size()));
    if (value.size() >= 2 && value.front() == '"') value = value.substr(1, value.size() - 2);
    return std::string(value);
  }
  return "Linux";
}

std::string os_version() {
  const auto text = sys::read_file("/etc/os-release");
  if (!text) return "";
  for (const std::string_view line : split(*text, '\n')) {
    constexpr std::string_view key = "VERSION_ID=";
    if (!line.starts_with(key)) continue;
    std::string value(trim(line.substr(key.size())));
    std::erase(value, '"');
    return value;
  }
  return "";
}

bool reads_as_one(const char* path) {
  const auto text = sys::read_file(path);
  return text && trim(*text) == "1";
}

void count_containers(Core& core, Info& info) {
  for (const ContainerPtr& container : core.containers->all()) {
    ++info.containers;
    const Status status = container->state().kind();
    if (status == Status::Running || status == Status::Restarting) ++info.containers_running;
    else if (status == Status::Paused) ++info.containers_paused;
    else ++info.containers_stopped;
  }
}

void fill_host(Info& info) {
  utsname name{};
  static_cast<void>(::uname(&name));
  info.kernel_version = name.release;
  info.architecture = name.machine;
  info.name = name.nodename;
  info.operating_system = operating_system();
  info.os_version = os_version();
  struct sysinfo memory {};
  static_cast<void>(::sysinfo(&memory));
  info.mem_total = static_cast<std::int64_t>(memory.totalram) * memory.mem_unit;
  info.n_cpu = ::sysconf(_SC_NPROCESSORS_ONLN);
  info.ipv4_forwarding = reads_as_one("/proc/sys/net/ipv4/ip_forward");
  info.bridge_nf_iptables = reads_as_one("/proc/sys/net/bridge/bridge-nf-call-iptables");
  info.bridge_nf_ip6tables = reads_as_one("/proc/sys/net/bridge/bridge-nf-call-ip6tables");
  info.n_fd = count_entries("/proc/self/fd");
  info.n_goroutines = count_entries("/proc/self/task");
  info.system_time = format_rfc3339_nano(now());
}

void fill_cgroups(const Core& core, Info& info, std::vector<std::string>& warnings) {
  const HostFacts facts = host_facts(core);
  info.cgroup_driver = facts.cgroup_mode == sys::CgroupMode::None ? "none" : "cgroupfs";
  info.cgroup_version = facts.cgroup_mode == sys::CgroupMode::V2 ? "2" : "1";
  info.memory_limit = core.cgroups->find("memory") != nullptr;
  info.swap_limit = facts.has_swap_limit;
  const bool cpu = core.cgroups->find("cpu") != nullptr;
  info.cpu_shares = info.cpu_cfs_period = info.cpu_cfs_quota = cpu;
  info.cpu_set = core.cgroups->find("cpuset") != nullptr;
  info.pids_limit = facts.has_pids_limit;
  if (!info.memory_limit) warnings.emplace_back("WARNING: No memory limit support");
  if (!info.swap_limit) warnings.emplace_back("WARNING: No swap limit support");
  if (!cpu) warnings.emplace_back("WARNING: No cpu shares support");
  if (!info.cpu_set) warnings.emplace_back("WARNING: No cpuset support");
}

void fill_registries(const LiveOptions& options, Info& info) {
  info.index_server_address = "https://index.docker.io/v1/";
  info.registry_config.insecure_registry_cidrs = {"::1/128", "127.0.0.0/8"};
  info.registry_config.index_configs["docker.io"] = {
      .name = "docker.io", .mirrors = options.registry_mirrors, .secure = true, .official = true};
  if (!options.registry_mirrors.empty()) info.registry_config.mirrors = options.registry_mirrors;
  for (const std::string& registry : options.insecure_registries) {
    if (registry.contains('/')) info.registry_config.insecure_registry_cidrs.push_back(registry);
    else info.registry_config.index_configs[registry] = {.name = registry, .mirrors = {}, .secure = false};
  }
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

Result<Info> make_info(Core& core) {
  Info info;
  std::vector<std::string> warnings;
  info.id = core.engine_id;
  count_containers(core, info);
  info.images = static_cast<std::int64_t>(TRY(core.images->count()));
  const std::string driver(core.snapshots->name());
  info.driver = driver == "overlay" ? "overlay2" : driver;
  info.driver_status.emplace();
  for (const auto& [key, value] : core.snapshots->status()) info.driver_status->push_back({key, value});
  info.plugins = {.volume = std::vector<std::string>{"local"},
                  .network = std::vector<std::string>{"bridge", "host", "macvlan", "null"},
                  .authorization = std::nullopt,
                  .log = std::vector<std::string>{"json-file", "none"}};
  fill_host(info);
  fill_cgroups(core, info, warnings);
  const LiveOptions live = *core.live.lock();
  fill_registries(live, info);
  info.debug = live.debug;
  info.logging_driver = core.options.log_driver;
  info.n_events_listener = static_cast<std::int64_t>(core.events.subscriber_count());
  info.docker_root_dir = core.options.data_root;
  info.http_proxy = environment("HTTP_PROXY");
  info.https_proxy = environment("HTTPS_PROXY");
  info.no_proxy = environment("NO_PROXY");
  info.labels = live.labels;
  info.server_version = WHERRY_VERSION;
  info.runtimes["wherry"] = {.path = "wherry-keeper", .runtime_args = std::nullopt, .status = std::nullopt};
  info.default_runtime = "wherry";
  info.live_restore_enabled = core.options.live_restore;
  for (const network::PoolSetting& pool : core.options.address_pools)
    info.default_address_pools.push_back({pool.base, pool.size});
  info.init_binary = "docker-init";
  info.security_options = std::vector<std::string>{"name=seccomp,profile=builtin"};
  if (core.cgroups->mode() == sys::CgroupMode::V2) info.security_options->emplace_back("name=cgroupns");
  info.firewall_backend = spec::docker::FirewallInfo{.driver = "nftables"};
  for (const std::string& chain : core.networks->foreign_drops())
    warnings.push_back(fmt::format(
        "WARNING: firewall chain {} drops forwarded packets: containers may reach no other host",
        chain));
  if (!warnings.empty()) info.warnings = std::move(warnings);
  return info;
}

spec::docker::Version make_version() {
  utsname name{};
  static_cast<void>(::uname(&name));
  spec::docker::Version version;
  version.platform.name = "Wherry";
  version.version = WHERRY_VERSION;
  version.api_version = "1.51";
  version.min_api_version = "1.24";
  version.os = "linux";
  version.arch = spec::host_platform().architecture;
  version.kernel_version = name.release;
  version.components = {{.name = "Engine",
                         .version = WHERRY_VERSION,
                         .details = {{"ApiVersion", version.api_version},
                                     {"MinAPIVersion", version.min_api_version},
                                     {"Os", version.os},
                                     {"Arch", version.arch},
                                     {"KernelVersion", version.kernel_version},
                                     {"Experimental", "false"},
                                     {"GitCommit", ""},
                                     {"GoVersion", ""},
                                     {"BuildTime", ""}}}};
  return version;
}

}  // namespace wherry::engine
