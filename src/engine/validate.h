// What docker refuses at create, with its sentences, and what it fills in.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "spec/docker_config.h"
#include "sys/cgroup.h"

namespace wherry::engine {

struct HostFacts {
  sys::CgroupMode cgroup_mode = sys::CgroupMode::None;
  bool has_apparmor = false;
  bool has_swap_limit = true;
  bool has_swappiness = true;  // of a group's own: cgroup v1
  bool has_pids_limit = true;
  std::int64_t default_shm_size_bytes = 64LL << 20;
};

// Defaults that inspect shows: network mode, shm size, ipc and cgroup namespace modes, swap.
// What the host cannot limit is taken back and named in `warnings`, as docker does.
void fill_defaults(spec::docker::HostConfig& host_config, const HostFacts& facts,
                   std::vector<std::string>& warnings);

// InvalidArgument for the first value that cannot be.
Result<> validate_host_config(const spec::docker::HostConfig& host_config, const HostFacts& facts);
Result<> validate_config(const spec::docker::ContainerConfig& config,
                         const spec::docker::HostConfig& host_config);

// "SIGTERM", "TERM", "term", "15" or "SIGRTMIN+3" -> number; InvalidArgument "invalid signal: x".
Result<int> parse_signal(std::string_view text);
std::string signal_name(int number);  // "SIGTERM", "" if unknown

// "container:<name>" -> "<name>".
std::optional<std::string> joined_container(std::string_view mode);

// "0-2,7" -> numbers; InvalidArgument for anything else, or above 8191.
Result<std::vector<unsigned>> parse_cpu_list(std::string_view text);

}  // namespace wherry::engine
