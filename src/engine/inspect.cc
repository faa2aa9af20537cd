#include <algorithm>

#include "base/time.h"
#include "engine/lifecycle.h"
#include "engine/links.h"
#include "engine/port_bindings.h"
#include "runtime/defaults.h"

namespace wherry::engine {
namespace {

using spec::docker::items;
using spec::docker::ContainerInspect;

// The members that repeat the default bridge's endpoint for clients of API < 1.52.
void fill_classic_members(spec::docker::NetworkSettings& settings) {
  const auto bridge = settings.networks.find("bridge");
  if (bridge == settings.networks.end() || !bridge->second) return;
  settings.endpoint_id = bridge->second->endpoint_id;
  settings.gateway = bridge->second->gateway;
  settings.ip_address = bridge->second->ip_address;
  settings.ip_prefix_len = bridge->second->ip_prefix_len;
  settings.mac_address = bridge->second->mac_address;
}

// While it runs, what its run got; afterwards the network's name with empty members.
spec::docker::NetworkSettings network_settings(const ContainerRecord& record, const State& state) {
  spec::docker::NetworkSettings settings;
  if (state.has_process()) {
    settings.networks = state.endpoints;
    settings.sandbox_id = state.nonce;
    settings.ports = state.ports;
  } else if (!record.endpoints.empty()) {
    settings.networks = record.endpoints;
  } else if (!joined_container(record.host_config.network_mode)) {
    settings.networks = {{record.host_config.network_mode, spec::docker::EndpointSettings{}}};
  }
  fill_classic_members(settings);
  return settings;
}

std::vector<spec::docker::MountPoint> mount_points(const ContainerRecord& record) {
  std::vector<spec::docker::MountPoint> points;
  for (const ContainerMount& mount : record.mounts)
    if (!mount.in_host_config_tmpfs) points.push_back(mount.point);
  return points;
}

void fill_paths(const Core& core, const ContainerRecord& record, ContainerInspect& shown) {
  const std::string directory = core.directory_of(record.id);
  shown.resolv_conf_path = directory + "/resolv.conf";
  shown.hostname_path = directory + "/hostname";
  shown.hosts_path = directory + "/hosts";
  if (record.host_config.log_config.type == "json-file") shown.log_path = core.log_path(record.id);
}

// dockerd writes its defaults into the configuration that it keeps; we keep what was asked for
// and show the same.
void show_defaults(ContainerInspect& shown) {
  auto& host = shown.host_config;
  if (!host.privileged && !host.masked_paths) host.masked_paths = runtime::default_masked_paths();
  if (!host.privileged && !host.readonly_paths)
    host.readonly_paths = runtime::default_readonly_paths();
  const bool unlabelled = host.privileged || host.pid_mode == "host" || host.ipc_mode == "host";
  if (unlabelled && !host.security_opt) host.security_opt = std::vector<std::string>{"label=disable"};
  if (!host.oom_kill_disable) host.oom_kill_disable = false;
  if (host.memory_swappiness == -1) host.memory_swappiness.reset();
  if (shown.config.volumes && shown.config.volumes->empty()) shown.config.volumes.reset();
}

Result<> fill_sizes(Core& core, const ContainerRecord& record, std::int64_t& rw, std::int64_t& root) {
  const snapshot::Usage usage = TRY(core.snapshots->usage(record.id));
  rw = static_cast<std::int64_t>(usage.bytes);
  root = rw;
  // An image that was removed by force has no size any more.
  if (const auto image = core.images->inspect(record.image_id)) root += static_cast<std::int64_t>(image->size);
  return {};
}

std::string command_column(const ContainerRecord& record) {
  std::string text = record.path;
  for (const std::string& argument : record.args)
    text += argument.contains(' ') ? " '" + argument + "'" : " " + argument;
  return text;
}

}  // namespace

Result<ContainerInspect> inspect_container(Core& core, Container& container, bool size) {
  ContainerRecord record;
  State state;
  {
    const auto details = container.details.lock();
    record = details->record;
    state = details->state;
  }
  ContainerInspect shown;
  shown.id = record.id.str();
  shown.created = record.created;
  shown.path = record.path;
  shown.args = record.args;
  shown.state = describe(state);
  shown.image = record.image_id;
  shown.name = "/" + record.name;
  shown.restart_count = state.restart_count;
  shown.driver = record.driver == "overlay" ? "overlay2" : record.driver;
  shown.platform = record.platform;
  std::vector<std::string> execs = core.execs.running_in(record.id);
  if (!execs.empty()) shown.exec_ids = std::move(execs);
  // The files are made by the first start.
  if (state.started_once || !state.error.empty()) fill_paths(core, record, shown);
  shown.graph_driver.name = shown.driver;
  shown.network_settings = network_settings(record, state);
  shown.mounts = mount_points(record);
  if (size) {
    std::int64_t rw = 0;
    std::int64_t root = 0;
    TRY(fill_sizes(core, record, rw, root));
    shown.size_rw = rw;
    shown.size_root_fs = root;
  }
  record.host_config.links = shown_links(core, record);
  shown.config = std::move(record.config);
  shown.host_config = std::move(record.host_config);
  show_defaults(shown);
  return shown;
}

spec::docker::ContainerSummary summarize(const ContainerRecord& record, const State& state) {
  spec::docker::ContainerSummary shown;
  shown.id = record.id.str();
  shown.names = {"/" + record.name};
  shown.image = record.config.image;
  shown.image_id = record.image_id;
  shown.command = command_column(record);
  if (const auto created = parse_rfc3339(record.created)) shown.created = to_unix_seconds(*created);
  shown.labels = items(record.config.labels);
  shown.state = state.status;
  shown.status = status_text(state, now());
  shown.host_config.network_mode = record.host_config.network_mode;
  shown.network_settings.networks = network_settings(record, state).networks;
  if (state.has_process()) shown.ports = port_summaries(state.ports);
  shown.mounts = mount_points(record);
  return shown;
}

Result<> add_sizes(Core& core, const ContainerRecord& record, spec::docker::ContainerSummary& shown) {
  return fill_sizes(core, record, shown.size_rw, shown.size_root_fs);
}

}  // namespace wherry::engine
