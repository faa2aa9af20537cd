#include "engine/unavailable.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace wherry::engine {
namespace {

using spec::docker::ContainerConfig;
using spec::docker::EndpointSettings;
using spec::docker::HostConfig;

template <class T>
bool is_set(const std::optional<T>& value) {
  return value && !value->empty();
}

template <class Owner>
struct Field {
  std::string_view what;  // the flag, or the field's path where there is no flag
  bool (*asked_for)(const Owner&);
};

constexpr std::array kHostFields = {
    Field<HostConfig>{"--annotation", [](const HostConfig& h) { return is_set(h.annotations); }},
    Field<HostConfig>{"HostConfig.Cgroup", [](const HostConfig& h) { return !h.cgroup.empty(); }},
    Field<HostConfig>{"--storage-opt", [](const HostConfig& h) { return is_set(h.storage_opt); }},
    Field<HostConfig>{"--userns",
                      [](const HostConfig& h) { return !h.userns_mode.empty() && h.userns_mode != "host"; }},
    Field<HostConfig>{"--isolation",
                      [](const HostConfig& h) { return !h.isolation.empty() && h.isolation != "default"; }},
    Field<HostConfig>{"--blkio-weight", [](const HostConfig& h) { return h.blkio_weight != 0; }},
    Field<HostConfig>{"--blkio-weight-device",
                      [](const HostConfig& h) { return is_set(h.blkio_weight_device); }},
    Field<HostConfig>{"--device-read-bps",
                      [](const HostConfig& h) { return is_set(h.blkio_device_read_bps); }},
    Field<HostConfig>{"--device-write-bps",
                      [](const HostConfig& h) { return is_set(h.blkio_device_write_bps); }},
    Field<HostConfig>{"--device-read-iops",
                      [](const HostConfig& h) { return is_set(h.blkio_device_read_iops); }},
    Field<HostConfig>{"--device-write-iops",
                      [](const HostConfig& h) { return is_set(h.blkio_device_write_iops); }},
    Field<HostConfig>{"--cpu-period", [](const HostConfig& h) { return h.cpu_period != 0; }},
    Field<HostConfig>{"--cpu-quota", [](const HostConfig& h) { return h.cpu_quota != 0; }},
    Field<HostConfig>{"--cpu-rt-period", [](const HostConfig& h) { return h.cpu_realtime_period != 0; }},
    Field<HostConfig>{"--cpu-rt-runtime", [](const HostConfig& h) { return h.cpu_realtime_runtime != 0; }},
    Field<HostConfig>{"--cpuset-mems", [](const HostConfig& h) { return !h.cpuset_mems.empty(); }},
    Field<HostConfig>{"--gpus", [](const HostConfig& h) { return is_set(h.device_requests); }},
    Field<HostConfig>{"--kernel-memory", [](const HostConfig& h) { return h.kernel_memory != 0; }},
    Field<HostConfig>{"HostConfig.KernelMemoryTCP",
                      [](const HostConfig& h) { return h.kernel_memory_tcp != 0; }},
    Field<HostConfig>{"--memory-reservation", [](const HostConfig& h) { return h.memory_reservation != 0; }},
    Field<HostConfig>{"--oom-kill-disable",
                      [](const HostConfig& h) { return h.oom_kill_disable.value_or(false); }},
    Field<HostConfig>{"--cpu-count", [](const HostConfig& h) { return h.cpu_count != 0; }},
    Field<HostConfig>{"--cpu-percent", [](const HostConfig& h) { return h.cpu_percent != 0; }},
    Field<HostConfig>{"--io-maxiops", [](const HostConfig& h) { return h.io_maximum_iops != 0; }},
    Field<HostConfig>{"--io-maxbandwidth", [](const HostConfig& h) { return h.io_maximum_bandwidth != 0; }},
};

constexpr std::array kConfigFields = {
    Field<ContainerConfig>{"--domainname", [](const ContainerConfig& c) { return !c.domainname.empty(); }},
    Field<ContainerConfig>{"--health-cmd",
                           [](const ContainerConfig& c) {
                             // NONE switches off what we do not run anyway.
                             return c.healthcheck && is_set(c.healthcheck->test) &&
                                    c.healthcheck->test->front() != "NONE";
                           }},
    Field<ContainerConfig>{"--health-interval",
                           [](const ContainerConfig& c) {
                             const auto& h = c.healthcheck;
                             return h && (h->interval != 0 || h->timeout != 0 || h->retries != 0 ||
                                          h->start_period != 0 || h->start_interval != 0);
                           }},
    Field<ContainerConfig>{"Config.NetworkDisabled",
                           [](const ContainerConfig& c) { return c.network_disabled; }},
    Field<ContainerConfig>{"Config.OnBuild", [](const ContainerConfig& c) { return is_set(c.on_build); }},
    Field<ContainerConfig>{"Config.Shell", [](const ContainerConfig& c) { return is_set(c.shell); }},
};

template <class Owner, std::size_t N>
Result<> check_table(const std::array<Field<Owner>, N>& table, const Owner& owner) {
  const auto found = std::ranges::find_if(table, [&](const auto& field) { return field.asked_for(owner); });
  if (found == table.end()) return {};
  if (found->what.starts_with("--")) return flag_not_available(found->what);
  return not_available(found->what);
}

}  // namespace

Error flag_not_available(std::string_view flag) {
  return not_available(fmt::format("flag '{}'", flag));
}

Error not_available(std::string_view what) {
  return {ErrorKind::NotImplemented,
          fmt::format("wherry: {} is not available in wherry " WHERRY_VERSION, what)};
}

Result<> check_endpoint_fields(const EndpointSettings& endpoint) {
  // Those of others are notes of the client's, kept and shown as labels are; these have a meaning.
  if (endpoint.driver_opts)
    for (const auto& [key, value] : *endpoint.driver_opts)
      if (key.starts_with("com.docker.network."))
        return not_available(fmt::format("network driver option '{}'", key));
  return {};
}

Result<> check_available(const spec::docker::ContainerCreateRequest& request) {
  if (request.host_config) TRY(check_table(kHostFields, *request.host_config));
  TRY(check_table(kConfigFields, static_cast<const ContainerConfig&>(request)));
  if (!request.networking_config || !request.networking_config->endpoints_config) return {};
  for (const auto& [name, endpoint] : *request.networking_config->endpoints_config)
    if (endpoint) TRY(check_endpoint_fields(*endpoint));
  return {};
}

}  // namespace wherry::engine
