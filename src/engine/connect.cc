// `network connect` and `network disconnect`, of containers that run and of those that do not.
#include <fmt/format.h>

#include "base/log.h"
#include "engine/endpoints.h"
#include "engine/lifecycle.h"
#include "engine/name_files.h"
#include "engine/networks.h"
#include "engine/unavailable.h"
#include "engine/validate.h"

namespace wherry::engine {
namespace {

using network::Description;
using spec::docker::EndpointSettings;

constexpr std::string_view kSharedNamespace =
    "container sharing network namespace with another container or host cannot be connected to "
    "any other network";
constexpr std::string_view kHostNetwork =
    "container cannot be disconnected from host network or connected to host network";
constexpr std::string_view kNoNetwork =
    "container cannot be connected to multiple networks with one of the networks in private "
    "(none) mode";

struct Situation {
  ContainerRecord record;
  State state;
  std::shared_ptr<const sys::Pidfd> pidfd;
};

Result<Situation> situation_of(Container& container, const std::string& name) {
  const auto details = container.details.lock();
  if (details->removed) return Error::not_found(fmt::format("No such container: {}", name));
  return Situation{details->record, details->state, details->pidfd};
}

Result<> check_connect(const Situation& now, const Description& network,
                       const EndpointSettings& wishes) {
  const std::string& mode = now.record.host_config.network_mode;
  if (joined_container(mode) || mode == "host") return Error::invalid(std::string(kSharedNamespace));
  if (network.driver == "host") return Error::invalid(std::string(kHostNetwork));
  if (network.driver == "null" || mode == "none") return Error::invalid(std::string(kNoNetwork));
  if (now.state.has_process() && now.state.endpoints.contains(network.name))
    return Error(ErrorKind::Forbidden,
                 fmt::format("endpoint with name {} already exists in network {}", now.record.name,
                             network.name));
  TRY(check_endpoint_fields(wishes));
  return check_endpoint_wishes(network, wishes);
}

// It is connected with an old hosts file, too.
void warn_of(const ContainerRecord& record, const Result<>& written) {
  if (!written)
    log::warning("container {}: hosts file: {}", record.id.short_form(), written.error().message());
}

Result<EndpointSettings> join_running(Core& core, const Situation& now, const Description& network,
                                      const EndpointSettings& wishes) {
  if (!now.pidfd) return Error::internal("container without a process descriptor");
  const sys::Fd netns = TRY(network::open_netns(*now.pidfd));
  const network::Endpoint endpoint =
      TRY(core.networks->join({now.record.id, network.id, wishes_from(wishes)}, netns));
  const EndpointSettings shown = describe_endpoint(endpoint, wishes, now.record);
  note_member(core, now.record, network, shown, netns);
  if (!endpoint.ip.empty()) warn_of(now.record, add_own_address(core, now.record, endpoint.ip));
  if (!endpoint.ip6.empty()) warn_of(now.record, add_own_address(core, now.record, endpoint.ip6));
  return shown;
}

Result<> save(Core& core, Container& container) {
  TRY(core.containers->save_record(container));
  return core.containers->save_state(container);
}

}  // namespace

Result<> connect_network(Core& core, const std::string& name,
                         const spec::docker::NetworkConnectRequest& request) {
  const Description network = TRY(core.networks->find_network(name));
  const ContainerPtr container = TRY(core.containers->find(request.container));
  const EndpointSettings wishes = request.endpoint_config.value_or(EndpointSettings{});
  const std::lock_guard operation(container->operation);
  const Situation now = TRY(situation_of(*container, request.container));
  TRY(check_connect(now, network, wishes));
  std::optional<EndpointSettings> shown;
  if (now.state.has_process()) shown = TRY(join_running(core, now, network, wishes));
  {
    const auto details = container->details.lock();
    details->record.endpoints[network.name] = wishes;
    if (shown) details->state.endpoints[network.name] = *shown;
  }
  TRY(save(core, *container));
  if (shown) publish_event_of_network(core, network, "connect", now.record.id.str());
  return {};
}

Result<> disconnect_network(Core& core, const std::string& name,
                            const spec::docker::NetworkDisconnectRequest& request) {
  const Description network = TRY(core.networks->find_network(name));
  const ContainerPtr container = TRY(core.containers->find(request.container));
  const std::lock_guard operation(container->operation);
  const Situation now = TRY(situation_of(*container, request.container));
  if (network.driver == "host" || now.record.host_config.network_mode == "host")
    return Error::invalid(std::string(kHostNetwork));
  const bool runs = now.state.has_process();
  const bool connected = runs ? now.state.endpoints.contains(network.name)
                              : now.record.endpoints.contains(network.name);
  if (!connected)
    return Error(ErrorKind::Forbidden,
                 fmt::format("container {} is not connected to network {}", now.record.id.str(),
                             network.name));
  if (runs && has_interfaces(network)) {
    if (!now.pidfd) return Error::internal("container without a process descriptor");
    const sys::Fd netns = TRY(network::open_netns(*now.pidfd));
    core.members.leave(now.record.id, network.id);
    TRY(core.networks->leave(now.record.id, network.id, netns));
    const auto& gone = now.state.endpoints.at(network.name);
    if (gone && !gone->ip_address.empty())
      warn_of(now.record, remove_own_address(core, now.record, gone->ip_address));
    if (gone && !gone->global_ipv6_address.empty())
      warn_of(now.record, remove_own_address(core, now.record, gone->global_ipv6_address));
  }
  {
    const auto details = container->details.lock();
    details->record.endpoints.erase(network.name);
    details->state.endpoints.erase(network.name);
  }
  TRY(save(core, *container));
  if (runs) publish_event_of_network(core, network, "disconnect", now.record.id.str());
  return {};
}

}  // namespace wherry::engine
