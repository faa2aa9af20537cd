#include "engine/validate.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>

#include "base/strings.h"
#include "engine/name_files.h"
#include "engine/restart_policy.h"
#include "engine/security_options.h"
#include "runtime/defaults.h"
#include "sys/fd.h"

namespace wherry::engine {
namespace {

using spec::docker::items;
using spec::docker::ContainerConfig;
using spec::docker::HostConfig;

constexpr std::int64_t kSmallestMemory = 6LL << 20;
constexpr unsigned kHighestCpu = 8191;

// sysctls that belong to a namespace of the container's; everything else is the host's.
constexpr std::array<std::string_view, 8> kIpcSysctls = {
    "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni",          "kernel.sem",
    "kernel.shmall", "kernel.shmmax", "kernel.shm_rmid_forced", "kernel.shmmni"};

constexpr std::array<std::string_view, 16> kUlimits = {
    "core",    "cpu",  "data",  "fsize", "locks", "memlock", "msgqueue",   "nice",
    "nofile", "nproc", "rss", "rtprio", "rttime", "sigpending", "stack", "as"};

// docker's names of its runtime are on many a command line and in many a compose file: there is
// one runtime here, which they all mean.
constexpr std::array<std::string_view, 3> kRuntimeNames = {"wherry", "runc", "io.containerd.runc.v2"};

bool is_in(std::span<const std::string_view> words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

Result<> check_memory(const HostConfig& host) {
  if (host.memory != 0 && host.memory < kSmallestMemory)
    return Error::invalid("Minimum memory limit allowed is 6MB");
  if (host.memory_swap < -1) return Error::invalid("Invalid MemorySwap value: it must be -1 or more");
  if (host.memory == 0 && host.memory_swap > 0)
    return Error::invalid(
        "You should always set the Memory limit when using Memoryswap limit, see usage");
  if (host.memory > 0 && host.memory_swap > 0 && host.memory_swap < host.memory)
    return Error::invalid("Minimum memoryswap limit should be larger than memory limit, see usage");
  if (const std::int64_t swappiness = host.memory_swappiness.value_or(-1);
      swappiness < -1 || swappiness > 100)
    return Error::invalid(fmt::format(
        "Invalid value: {}, valid memory swappiness range is 0-100", swappiness));
  return {};
}

Result<std::string> online_cpus() {
  const std::string text = TRY(sys::read_file("/sys/devices/system/cpu/online"));
  return std::string(trim(text));
}

Result<> check_cpus(const HostConfig& host) {
  const long count = ::sysconf(_SC_NPROCESSORS_ONLN);
  if (host.nano_cpus < 0 || host.nano_cpus > count * 1'000'000'000LL)
    return Error::invalid(fmt::format(
        "range of CPUs is from 0.01 to {}.00, as there are only {} CPUs available", count, count));
  if (host.nano_cpus > 0 && host.nano_cpus < 10'000'000)
    return Error::invalid(fmt::format(
        "range of CPUs is from 0.01 to {}.00, as there are only {} CPUs available", count, count));
  if (host.cpu_shares < 0)
    return Error::invalid(fmt::format("invalid CPU shares ({}): value must be a positive integer", host.cpu_shares));
  if (host.cpuset_cpus.empty()) return {};
  auto wanted = parse_cpu_list(host.cpuset_cpus);
  if (!wanted) return Error::invalid(fmt::format("Invalid value {0} for cpuset cpus: invalid format: {0}",
                                      host.cpuset_cpus));
  const std::string online = TRY(online_cpus());
  const std::vector<unsigned> available = TRY(parse_cpu_list(online));
  for (const unsigned cpu : *wanted)
    if (std::ranges::find(available, cpu) == available.end())
      return Error::invalid(fmt::format("Requested CPUs are not available - requested {}, available: {}",
                                        host.cpuset_cpus, online));
  return {};
}

bool is_clean_sysctl(std::string_view key) {
  return !key.empty() && !key.contains("..") && !key.starts_with('.') && !key.starts_with('/') &&
         std::ranges::all_of(key, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '_' || c == '.' || c == '-' || c == '/' || c == '@' || c == ':';
         });
}

Result<> check_sysctl(const std::string& key, const std::string& value, const HostConfig& host) {
  // The kernel takes '/' for '.', so "net/x" is judged as "net.x".
  std::string dotted = key;
  std::ranges::replace(dotted, '/', '.');
  const bool clean_value = value.find_first_of("\n\r\0") == value.npos;
  if (!is_clean_sysctl(key) || dotted.contains("..") || !clean_value)
    return Error::invalid(fmt::format("invalid sysctl {}={}", quote(key), quote(value)));
  if (is_in(kIpcSysctls, dotted) || dotted.starts_with("fs.mqueue.")) {
    if (host.ipc_mode == "host")
      return Error::invalid(fmt::format("sysctl {} is not allowed in the hosts ipc namespace", quote(key)));
    return {};
  }
  if (!dotted.starts_with("net."))
    return Error::invalid(fmt::format("sysctl {} is not in a separate kernel namespace", quote(key)));
  if (host.network_mode == "host" || joined_container(host.network_mode))
    return Error::invalid(fmt::format("sysctl {} not allowed in host network namespace", quote(key)));
  return {};
}

Result<> check_mode(std::string_view value, std::span<const std::string_view> allowed,
                    std::string_view what) {
  const auto name = joined_container(value);
  const bool joins = name && !name->empty() && is_in(allowed, "container:");
  if (value.empty() || joins || (!name && is_in(allowed, value))) return {};
  return Error::invalid(fmt::format("invalid {} mode: {}", what, value));
}

Result<> check_modes(const HostConfig& host) {
  constexpr std::array<std::string_view, 2> pid = {"host", "container:"};
  constexpr std::array<std::string_view, 5> ipc = {"none", "private", "shareable", "host", "container:"};
  constexpr std::array<std::string_view, 1> uts = {"host"};
  constexpr std::array<std::string_view, 2> cgroup = {"private", "host"};
  TRY(check_mode(host.pid_mode, pid, "PID"));
  TRY(check_mode(host.ipc_mode, ipc, "IPC"));
  TRY(check_mode(host.uts_mode, uts, "UTS"));
  TRY(check_mode(host.cgroupns_mode, cgroup, "cgroup namespace"));
  if (const auto name = joined_container(host.network_mode); name && name->empty())
    return Error::invalid("Invalid network mode: invalid container format container:<name|id>");
  return {};
}

Result<> check_ulimits(const HostConfig& host) {
  for (const auto& limit : host.ulimits.value_or(std::vector<spec::docker::Ulimit>{})) {
    if (!is_in(kUlimits, limit.name))
      return Error::invalid(fmt::format("invalid ulimit type: {}", limit.name));
    // -1 is RLIM_INFINITY; as an unsigned number it is the largest.
    if (static_cast<std::uint64_t>(limit.soft) > static_cast<std::uint64_t>(limit.hard))
      return Error::invalid(fmt::format("ulimit soft limit must be less than or equal to hard limit: {} > {}",
                                        limit.soft, limit.hard));
  }
  return {};
}

// Only names are judged here; the daemon-wide rules of security options have a file of their own.
Result<> check_isolation(const HostConfig& host, const HostFacts& facts) {
  TRY(runtime::tweak_capabilities(host.cap_add.list(), host.cap_drop.list()));
  const SecurityOptions security =
      TRY(parse_security_options(items(host.security_opt), facts.has_apparmor));
  if (security.seccomp_profile)
    TRY(parse_seccomp_profile(*security.seccomp_profile, profile_context_of_host({})));
  for (const auto& [key, value] : items(host.sysctls)) TRY(check_sysctl(key, value, host));
  for (const auto& device : host.devices.value_or(std::vector<spec::docker::DeviceMapping>{}))
    if (device.cgroup_permissions.find_first_not_of("rwm") != std::string::npos)
      return Error::invalid(fmt::format("invalid device mode: {}", device.cgroup_permissions));
  return {};
}

Result<> check_environment(const ContainerConfig& config) {
  for (const std::string& entry : items(config.env))
    if (entry.empty() || entry.starts_with('='))
      return Error::invalid(fmt::format("invalid environment variable: {}", entry));
  return {};
}

void settle_swap(HostConfig& host, const HostFacts& facts, std::vector<std::string>& warnings) {
  if (host.memory <= 0) return;
  if (!facts.has_swap_limit) {
    if (host.memory_swap != -1)
      warnings.emplace_back(
          "Your kernel does not support swap limit capabilities or the cgroup is not mounted. "
          "Memory limited without swap.");
    host.memory_swap = -1;
  } else if (host.memory_swap == 0) {
    // Twice what no machine has is no limit.
    const bool doubles = host.memory <= std::numeric_limits<std::int64_t>::max() / 2;
    host.memory_swap = doubles ? host.memory * 2 : -1;
  }
}

void settle_swappiness(HostConfig& host, const HostFacts& facts,
                       std::vector<std::string>& warnings) {
  if (host.memory_swappiness.value_or(-1) == -1 || facts.has_swappiness) return;
  warnings.emplace_back(
      "Your kernel does not support memory swappiness capabilities or the cgroup is not mounted. "
      "Memory swappiness discarded.");
  host.memory_swappiness.reset();
}

}  // namespace

std::optional<std::string> joined_container(std::string_view mode) {
  constexpr std::string_view prefix = "container:";
  if (!mode.starts_with(prefix)) return std::nullopt;
  return std::string(mode.substr(prefix.size()));
}

Result<std::vector<unsigned>> parse_cpu_list(std::string_view text) {
  std::vector<unsigned> cpus;
  for (const std::string_view piece : split(text, ',')) {
    const auto range = cut(piece, '-');
    const auto first = parse_u64(trim(range ? range->before : piece));
    const auto last = range ? parse_u64(trim(range->after)) : first;
    if (!first || !last || *first > *last || *last > kHighestCpu)
      return Error::invalid(fmt::format("invalid CPU list {}", quote(text)));
    for (std::uint64_t cpu = *first; cpu <= *last; ++cpu) cpus.push_back(static_cast<unsigned>(cpu));
  }
  return cpus;
}

void fill_defaults(HostConfig& host, const HostFacts& facts, std::vector<std::string>& warnings) {
  if (host.network_mode.empty() || host.network_mode == "default") host.network_mode = "bridge";
  if (host.shm_size == 0) host.shm_size = facts.default_shm_size_bytes;
  if (host.ipc_mode.empty()) host.ipc_mode = "private";
  if (host.cgroupns_mode.empty())
    host.cgroupns_mode = facts.cgroup_mode == sys::CgroupMode::V2 ? "private" : "host";
  if (host.restart_policy.name.empty()) host.restart_policy.name = "no";
  if (host.runtime.empty()) host.runtime = "wherry";
  settle_swap(host, facts, warnings);
  settle_swappiness(host, facts, warnings);
  if (host.pids_limit.value_or(0) == 0) {
    host.pids_limit.reset();
  } else if (*host.pids_limit > 0 && !facts.has_pids_limit) {
    warnings.emplace_back(
        "Your kernel does not support PIDs limit capabilities or the cgroup is not mounted. PIDs limit discarded.");
    host.pids_limit.reset();
  }
}

Result<> validate_host_config(const HostConfig& host, const HostFacts& facts) {
  TRY(check_memory(host));
  TRY(check_cpus(host));
  TRY(check_modes(host));
  TRY(check_names(host));
  TRY(check_ulimits(host));
  TRY(check_isolation(host, facts));
  TRY(RestartPolicy::parse(host.restart_policy.name, host.restart_policy.maximum_retry_count));
  if (host.auto_remove && !host.restart_policy.name.empty() && host.restart_policy.name != "no")
    return Error::invalid("can't create 'AutoRemove' container with restart policy");
  if (host.oom_score_adj < -1000 || host.oom_score_adj > 1000)
    return Error::invalid(fmt::format("Invalid value {}, range for oom score adj is [-1000, 1000]",
                                      host.oom_score_adj));
  if (host.shm_size < 0) return Error::invalid("SHM size can not be less than 0");
  if (!host.runtime.empty() && !is_in(kRuntimeNames, host.runtime))
    return Error::invalid(fmt::format("unknown or invalid runtime name: {}", host.runtime));
  return {};
}

Result<> validate_config(const ContainerConfig& config, const HostConfig& host) {
  if (!config.working_dir.empty() && !config.working_dir.starts_with('/'))
    return Error::invalid(fmt::format(
        "the working directory '{}' is invalid, it needs to be an absolute path", config.working_dir));
  TRY(check_environment(config));
  if (!config.stop_signal.empty()) TRY(parse_signal(config.stop_signal));
  if (config.hostname.size() > 64) return Error::invalid(fmt::format("invalid hostname: {}", config.hostname));
  if (!config.hostname.empty() && host.uts_mode == "host")
    return Error::invalid("conflicting options: hostname and the UTS mode");
  if (!config.hostname.empty() && joined_container(host.network_mode))
    return Error::invalid("conflicting options: hostname and the network mode");
  return {};
}

}  // namespace wherry::engine
