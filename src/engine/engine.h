// Engine: the one facade. A typed verb per user action; the REST API, later the CRI, and the
// tests come in by this door only.
//
// Every verb may be called from any thread and blocks until it is done, unless it says that
// it answers through a callback; a verb that can wait long takes a stop_token and returns
// Cancelled soon after a stop request. `name` is a full id, a name (with or without the
// leading slash) or a unique id prefix, looked up in that order; an unknown one is NotFound
// with docker's words ("No such container: x").
//
// A request that sets a field this version does not do is NotImplemented with the sentence
// "wherry: flag '--publish' is not available in wherry 0.1.0"; nothing is accepted and ignored.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/options.h"
#include "engine/requests.h"
#include "spec/docker_container.h"
#include "spec/docker_event.h"
#include "spec/docker_exec.h"
#include "spec/docker_inspect.h"
#include "spec/docker_network.h"
#include "spec/docker_system.h"
#include "spec/docker_volume.h"

namespace wherry::image {
class Images;
}

namespace wherry::engine {

class Engine {
 public:
  // Locks the data root (Conflict if another engine has it), upgrades its format, finds or
  // starts the keeper, and reconciles every record with what the kernel says. When it
  // returns, running containers are adopted and restart policies are under way.
  static Result<std::unique_ptr<Engine>> open(Options options);
  // Leaves containers running; waits for verbs' background work to settle.
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // ---- containers -------------------------------------------------------------------
  // `name` "" picks one of ours. An absent image is NotFound "No such image: x:latest".
  Result<spec::docker::ContainerCreateResponse> create_container(
      const std::string& name, const std::string& platform,
      const spec::docker::ContainerCreateRequest& request);
  // Running already: NotModified. A failed start stays recorded in State.Error/ExitCode.
  Result<> start_container(const std::string& name);
  Result<> stop_container(const std::string& name, const StopOptions& options,
                          std::stop_token stop);
  Result<> restart_container(const std::string& name, const StopOptions& options,
                             std::stop_token stop);
  // `signal` as "KILL", "SIGKILL" or "9"; "" is SIGKILL.
  Result<> kill_container(const std::string& name, const std::string& signal);
  Result<> pause_container(const std::string& name);
  Result<> unpause_container(const std::string& name);
  Result<> remove_container(const std::string& name, const RemoveContainerOptions& options);
  Result<> rename_container(const std::string& name, const std::string& new_name);
  Result<> resize_container(const std::string& name, WindowSize size);
  // Registers and returns; `done` is called once with the exit status.
  Result<SubscriptionPtr> wait_container(const std::string& name, WaitCondition condition,
                                         WaitDone done);
  // Returns when the connection was handed to the keeper (stream) or the log was replayed.
  Result<> attach_container(const std::string& name, const AttachOptions& options,
                            const Hijack& hijack);
  Result<> container_logs(const std::string& name, const LogsOptions& options,
                          const LogsReady& ready, const LogSink& sink, std::stop_token stop);
  Result<spec::docker::ContainerTopResponse> top_container(const std::string& name,
                                                           const std::string& ps_args);
  Result<spec::docker::ContainerInspect> inspect_container(const std::string& name, bool size);
  Result<std::vector<spec::docker::ContainerSummary>> list_containers(
      const ListContainersOptions& options);

  // ---- exec -------------------------------------------------------------------------
  // Gives the exec's id.
  Result<std::string> create_exec(const std::string& name,
                                  const spec::docker::ExecCreateRequest& request);
  // Detached: `hijack` is not called. A command that cannot start is an Error before the
  // hijack, and ExitCode 126 or 127 in inspect_exec.
  Result<> start_exec(const std::string& exec_id, const ExecStartOptions& options,
                      const Hijack& hijack);
  Result<> resize_exec(const std::string& exec_id, WindowSize size);
  Result<spec::docker::ExecInspect> inspect_exec(const std::string& exec_id);

  // ---- volumes ----------------------------------------------------------------------
  // A volume of that name that exists already is given as it is.
  Result<spec::docker::Volume> create_volume(const spec::docker::VolumeCreateRequest& request);
  Result<spec::docker::Volume> inspect_volume(const std::string& name);
  // Filters: dangling, name (a pattern), driver, label.
  Result<spec::docker::VolumeListResponse> list_volumes(const FilterMap& filters);
  // Conflict while a container names it. Force::Yes: an absent one is success.
  Result<> remove_volume(const std::string& name, Force force);
  // Those that no container names; named ones only with the filter all=true.
  Result<spec::docker::VolumePruneResponse> prune_volumes(const FilterMap& filters);

  // Every volume with its size and the number of its containers; walks their files.
  Result<std::vector<spec::docker::Volume>> volume_usage();
  // Bytes of every layer, by diff_id.
  Result<std::map<std::string, std::int64_t>> layer_sizes();

  // ---- networks ---------------------------------------------------------------------
  // `name` is a full id, a name or a unique id prefix; NotFound "network x not found".
  Result<std::vector<spec::docker::Network>> list_networks(const FilterMap& filters);
  // With the endpoints of the containers that run.
  Result<spec::docker::Network> inspect_network(const std::string& name);
  Result<spec::docker::NetworkCreateResponse> create_network(
      const spec::docker::NetworkCreateRequest& request);
  // Forbidden for bridge, host and none, and while a running container is on it.
  Result<> remove_network(const std::string& name);
  // Of running containers at once, of others from their next start.
  Result<> connect_network(const std::string& name,
                           const spec::docker::NetworkConnectRequest& request);
  Result<> disconnect_network(const std::string& name,
                              const spec::docker::NetworkDisconnectRequest& request);
  Result<spec::docker::NetworkPruneResponse> prune_networks(const FilterMap& filters);

  // ---- images -----------------------------------------------------------------------
  // The image store: list, inspect, pull, push, tag, load, remove, login. Its removals ask
  // this engine which containers use an image, and its events come out of subscribe_events.
  image::Images& images();

  // ---- system -----------------------------------------------------------------------
  Result<spec::docker::Info> info();
  spec::docker::Version version();
  PingData ping();
  // What has happened and happens, in order; `sink` runs on an engine thread and must not
  // block. With an EventsOptions.until in the past the ring is replayed and `done` called;
  // at an `until` to come the caller drops the subscription.
  Result<SubscriptionPtr> subscribe_events(const EventsOptions& options, EventSink sink,
                                           std::function<void()> done);
  // Ends and removes every container, the keeper, the bridge and our nf_tables table, so that
  // nothing of this engine is left outside of its data root. Only the destructor may follow.
  Result<> clean_up();
  // New settings for what begins from now on, and docker's event `daemon reload`. Error
  // (InvalidArgument, as of open()): the old ones stay.
  Result<> reload(const LiveOptions& options);
  // Never fails: a line per thing that the engine needs of this host.
  std::vector<CheckLine> system_check();
  // The same without an engine: nothing is tried on the data root.
  static std::vector<CheckLine> check_host(const Options& options);

 private:
  struct Parts;
  explicit Engine(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace wherry::engine
