#include <fmt/format.h>

#include "engine/lifecycle.h"

namespace wherry::engine {

using spec::docker::items;

void publish_event(Core& core, const ContainerRecord& record, const std::string& action,
                   std::map<std::string, std::string> extra) {
  spec::docker::EventActor actor{.id = record.id.str(), .attributes = std::move(extra)};
  for (const auto& [key, value] : items(record.config.labels))
    actor.attributes.try_emplace(key, value);
  actor.attributes["image"] = record.config.image;
  actor.attributes["name"] = record.name;
  core.events.publish("container", action, std::move(actor));
}

void publish_network_event(Core& core, const ContainerRecord& record, const std::string& action,
                           const spec::docker::EndpointMap& endpoints) {
  for (const auto& [name, endpoint] : endpoints) {
    if (!endpoint) continue;
    const auto network = core.networks->find_network(endpoint->network_id);
    const std::string driver = network ? network->driver : "bridge";
    core.events.publish("network", action,
                        {.id = endpoint->network_id,
                         .attributes = {{"container", record.id.str()}, {"name", name}, {"type", driver}}});
  }
}

RestartPolicy policy_of(const ContainerRecord& record) {
  const auto& asked = record.host_config.restart_policy;
  // create has checked it.
  return RestartPolicy::parse(asked.name, asked.maximum_retry_count).value_or(RestartPolicy{});
}

sys::Cgroup cgroup_of(const Core& core, const std::string& path) {
  return path.empty() ? sys::Cgroup() : sys::Cgroup(core.cgroups, path);
}

keeper::Target target_of(const ContainerId& id) { return {.container = id.str(), .exec = ""}; }

Result<> check_running(const State& state, const std::string& name) {
  switch (state.kind()) {
    case Status::Running: return {};
    case Status::Paused:
      return Error::conflict(fmt::format("Container {} is paused, unpause the container before exec", name));
    case Status::Restarting:
      return Error::conflict(
          fmt::format("Container {} is restarting, wait until the container is running", name));
    default: return Error::conflict(fmt::format("container {} is not running", name));
  }
}

}  // namespace wherry::engine
