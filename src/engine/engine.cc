#include "engine/engine.h"

#include <algorithm>
#include <utility>

#include "engine/core.h"
#include "engine/info.h"
#include "engine/lifecycle.h"
#include "engine/links.h"
#include "engine/networks.h"
#include "engine/open.h"
#include "engine/top.h"
#include "engine/volume_verbs.h"

namespace wherry::engine {

struct Engine::Parts {
  std::unique_ptr<Core> core;
};

Engine::Engine(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Engine::~Engine() { close_core(*parts_->core); }

Result<std::unique_ptr<Engine>> Engine::open(Options options) {
  auto parts = std::make_unique<Parts>();
  parts->core = TRY(open_core(std::move(options)));
  return std::unique_ptr<Engine>(new Engine(std::move(parts)));
}

Result<> Engine::clean_up() { return engine::clean_up(*parts_->core); }

Result<spec::docker::ContainerCreateResponse> Engine::create_container(
    const std::string& name, const std::string& platform,
    const spec::docker::ContainerCreateRequest& request) {
  return engine::create_container(*parts_->core, name, platform, request);
}

Result<> Engine::start_container(const std::string& name) {
  return engine::start_container(*parts_->core, TRY(parts_->core->containers->find(name)));
}

Result<> Engine::stop_container(const std::string& name, const StopOptions& options,
                                std::stop_token stop) {
  return engine::stop_container(*parts_->core, TRY(parts_->core->containers->find(name)), options,
                                std::move(stop));
}

Result<> Engine::restart_container(const std::string& name, const StopOptions& options,
                                   std::stop_token stop) {
  return engine::restart_container(*parts_->core, TRY(parts_->core->containers->find(name)), options,
                                   std::move(stop));
}

Result<> Engine::kill_container(const std::string& name, const std::string& signal) {
  const ContainerPtr container =
      TRY_AS("cannot kill container: " + name, parts_->core->containers->find(name));
  return engine::kill_container(*parts_->core, *container, signal, name);
}

Result<> Engine::pause_container(const std::string& name) {
  return engine::pause_container(*parts_->core, *TRY(parts_->core->containers->find(name)));
}

Result<> Engine::unpause_container(const std::string& name) {
  return engine::unpause_container(*parts_->core, *TRY(parts_->core->containers->find(name)));
}

Result<> Engine::remove_container(const std::string& name, const RemoveContainerOptions& options) {
  if (options.link) return remove_link(*parts_->core, name);
  return engine::remove_container(*parts_->core, TRY(parts_->core->containers->find(name)), options, name);
}

Result<> Engine::rename_container(const std::string& name, const std::string& new_name) {
  return engine::rename_container(*parts_->core, *TRY(parts_->core->containers->find(name)), new_name);
}

Result<> Engine::resize_container(const std::string& name, WindowSize size) {
  const ContainerPtr container = TRY(parts_->core->containers->find(name));
  const State state = container->state();
  if (!state.has_process())
    return Error::conflict("container " + container->id().str() + " is not running");
  return parts_->core->keeper->resize(
      target_of(container->id()),
      {static_cast<std::uint16_t>(size.height), static_cast<std::uint16_t>(size.width)});
}

Result<SubscriptionPtr> Engine::wait_container(const std::string& name, WaitCondition condition,
                                               WaitDone done) {
  Core& core = *parts_->core;
  auto found = core.containers->find(name);
  if (!found) {
    // A wait that was armed again after an engine restart, for a container that --rm took.
    const auto tombstone = TRY(core.containers->find_tombstone(name));
    if (!tombstone) return std::move(found).error();
    done({.status_code = tombstone->exit_code, .error = std::nullopt});
    return std::make_unique<Subscription>();
  }
  return engine::wait_container(**found, condition, std::move(done));
}

Result<> Engine::attach_container(const std::string& name, const AttachOptions& options,
                                  const Hijack& hijack) {
  return engine::attach_container(*parts_->core, *TRY(parts_->core->containers->find(name)), options, hijack);
}

Result<> Engine::container_logs(const std::string& name, const LogsOptions& options,
                                const LogsReady& ready, const LogSink& sink, std::stop_token stop) {
  const ContainerPtr container = TRY(parts_->core->containers->find(name));
  return engine::container_logs(*parts_->core, *container, options, {ready, sink}, std::move(stop));
}

Result<spec::docker::ContainerTopResponse> Engine::top_container(const std::string& name,
                                                                 const std::string& ps_args) {
  const ContainerPtr container = TRY(parts_->core->containers->find(name));
  const State state = container->state();
  if (!state.has_process())
    return Error::conflict("container " + container->id().str() + " is not running");
  return list_processes(TRY(cgroup_of(*parts_->core, state.cgroup).processes()), ps_args);
}

Result<spec::docker::ContainerInspect> Engine::inspect_container(const std::string& name, bool size) {
  return engine::inspect_container(*parts_->core, *TRY(parts_->core->containers->find(name)), size);
}

Result<std::vector<spec::docker::ContainerSummary>> Engine::list_containers(
    const ListContainersOptions& options) {
  return engine::list_containers(*parts_->core, options);
}

Result<std::string> Engine::create_exec(const std::string& name,
                                        const spec::docker::ExecCreateRequest& request) {
  return engine::create_exec(*parts_->core, *TRY(parts_->core->containers->find(name)), request, name);
}

Result<> Engine::start_exec(const std::string& exec_id, const ExecStartOptions& options,
                            const Hijack& hijack) {
  return engine::start_exec(*parts_->core, TRY(parts_->core->execs.find(exec_id)), options, hijack);
}

Result<> Engine::resize_exec(const std::string& exec_id, WindowSize size) {
  const ExecPtr exec = TRY(parts_->core->execs.find(exec_id));
  return parts_->core->keeper->resize(
      {.container = exec->container.str(), .exec = exec->id.str()},
      {static_cast<std::uint16_t>(size.height), static_cast<std::uint16_t>(size.width)});
}

Result<spec::docker::ExecInspect> Engine::inspect_exec(const std::string& exec_id) {
  return engine::inspect_exec(TRY(parts_->core->execs.find(exec_id)));
}

Result<spec::docker::Volume> Engine::create_volume(const spec::docker::VolumeCreateRequest& request) {
  return engine::create_volume(*parts_->core, request);
}

Result<spec::docker::Volume> Engine::inspect_volume(const std::string& name) {
  return engine::inspect_volume(*parts_->core, name);
}

Result<spec::docker::VolumeListResponse> Engine::list_volumes(const FilterMap& filters) {
  return engine::list_volumes(*parts_->core, filters);
}

Result<> Engine::remove_volume(const std::string& name, Force force) {
  return engine::remove_volume(*parts_->core, name, force);
}

Result<spec::docker::VolumePruneResponse> Engine::prune_volumes(const FilterMap& filters) {
  return engine::prune_volumes(*parts_->core, filters);
}

Result<std::vector<spec::docker::Volume>> Engine::volume_usage() {
  return engine::volume_usage(*parts_->core);
}

Result<std::map<std::string, std::int64_t>> Engine::layer_sizes() {
  std::map<std::string, std::int64_t> sizes;
  for (const snapshot::LayerInfo& layer : TRY(parts_->core->snapshots->layers()))
    sizes[layer.diff_id.str()] = static_cast<std::int64_t>(layer.content_bytes);
  return sizes;
}

Result<std::vector<spec::docker::Network>> Engine::list_networks(const FilterMap& filters) {
  return engine::list_networks(*parts_->core, filters);
}

Result<spec::docker::Network> Engine::inspect_network(const std::string& name) {
  return engine::inspect_network(*parts_->core, name);
}

Result<spec::docker::NetworkCreateResponse> Engine::create_network(
    const spec::docker::NetworkCreateRequest& request) {
  return engine::create_network(*parts_->core, request);
}

Result<> Engine::remove_network(const std::string& name) {
  return engine::remove_network(*parts_->core, name);
}

Result<> Engine::connect_network(const std::string& name,
                                 const spec::docker::NetworkConnectRequest& request) {
  return engine::connect_network(*parts_->core, name, request);
}

Result<> Engine::disconnect_network(const std::string& name,
                                    const spec::docker::NetworkDisconnectRequest& request) {
  return engine::disconnect_network(*parts_->core, name, request);
}

Result<spec::docker::NetworkPruneResponse> Engine::prune_networks(const FilterMap& filters) {
  return engine::prune_networks(*parts_->core, filters);
}

image::Images& Engine::images() { return *parts_->core->images; }

Result<spec::docker::Info> Engine::info() { return make_info(*parts_->core); }
spec::docker::Version Engine::version() { return make_version(); }
PingData Engine::ping() { return {}; }

Result<SubscriptionPtr> Engine::subscribe_events(const EventsOptions& options, EventSink sink,
                                                 std::function<void()> done) {
  return parts_->core->events.subscribe(options, std::move(sink), done);
}

Result<> Engine::reload(const LiveOptions& options) {
  return engine::reload(*parts_->core, options);
}

std::vector<CheckLine> Engine::check_host(const Options& options) {
  return engine::check_host(options, nullptr);
}

std::vector<CheckLine> Engine::system_check() {
  return engine::check_host(parts_->core->options, parts_->core.get());
}

}  // namespace wherry::engine
