// The life of a container, verb by verb. Private to src/engine; Engine's methods find the
// container and call these. Those named *_locked need Container::operation held.
#pragma once

#include <stop_token>
#include <string>

#include "base/result.h"
#include "engine/container.h"
#include "engine/container_volumes.h"
#include "engine/core.h"
#include "engine/requests.h"
#include "engine/restart_policy.h"
#include "engine/validate.h"

namespace wherry::engine {

HostFacts host_facts(const Core& core);

// ---- create.cc
Result<spec::docker::ContainerCreateResponse> create_container(
    Core& core, const std::string& name, const std::string& platform,
    const spec::docker::ContainerCreateRequest& request);

// ---- start.cc
Result<> start_container(Core& core, const ContainerPtr& container);
// Also by the restart policy and at reconcile.
Result<> start_locked(Core& core, Container& container);

// ---- ending.cc
// What the keeper, or reconcile, knows of the end of a run.
struct EndOfRun {
  std::string nonce;
  Ending ending;
  std::uint64_t keeper_sequence = 0;  // to acknowledge, 0: none
};
void handle_end(Core& core, const ContainerPtr& container, const EndOfRun& end);
void handle_end_locked(Core& core, const ContainerPtr& container, const EndOfRun& end);
// Starts the container after its back-off, if it is still Restarting then.
void schedule_restart(Core& core, const ContainerPtr& container);
// Network, cgroup and processes of a run that has ended.
void release_run(Core& core, const ContainerId& id, const std::string& cgroup);

// ---- stop.cc
// `name` is as the caller gave it, for docker's messages.
Result<> stop_container(Core& core, const ContainerPtr& container, const StopOptions& options,
                        std::stop_token stop);
Result<> restart_container(Core& core, const ContainerPtr& container, const StopOptions& options,
                           std::stop_token stop);
Result<> kill_container(Core& core, Container& container, const std::string& signal,
                        const std::string& name);
Result<> pause_container(Core& core, Container& container);
Result<> unpause_container(Core& core, Container& container);
// SIGKILL to every process, and waits until the end was handled; Deadline otherwise.
Result<> kill_and_wait(Core& core, Container& container);

// ---- remove.cc
Result<> remove_container(Core& core, const ContainerPtr& container,
                          const RemoveContainerOptions& options, const std::string& name);
// Takes the container out of the engine: nobody finds it from here on. What it leaves on disk
// goes in the background. `durable`: the row is gone from disk when this returns.
// The anonymous volumes of a container with --rm go in any case.
enum class RowRemoval : bool { Queued, Durable };
Result<> remove_locked(Core& core, const ContainerPtr& container, RowRemoval removal,
                       AnonymousVolumes anonymous = AnonymousVolumes::Keep);
Result<> rename_container(Core& core, Container& container, const std::string& new_name);

// ---- clean_up.cc
// Removes every container, ends the keeper and removes bridge and nf_tables table. Images
// stay. Only close_core may follow.
Result<> clean_up(Core& core);

// ---- wait.cc
Result<SubscriptionPtr> wait_container(Container& container, WaitCondition condition, WaitDone done);

// ---- attach.cc
Result<> attach_container(Core& core, Container& container, const AttachOptions& options,
                          const Hijack& hijack);
struct LogOutput {
  const LogsReady& ready;
  const LogSink& sink;
};
Result<> container_logs(Core& core, Container& container, const LogsOptions& options,
                        const LogOutput& output, std::stop_token stop);
// docker's notation for detach keys -> bytes; InvalidArgument "Invalid detach keys ...".
Result<std::string> parse_detach_keys(const std::string& text);

// ---- exec.cc
Result<std::string> create_exec(Core& core, Container& container,
                                const spec::docker::ExecCreateRequest& request,
                                const std::string& name);
Result<> start_exec(Core& core, const ExecPtr& exec, const ExecStartOptions& options,
                    const Hijack& hijack);
void handle_exec_end(Core& core, const keeper::Event& event);
Result<spec::docker::ExecInspect> inspect_exec(const ExecPtr& exec);

// ---- inspect.cc, list.cc
Result<spec::docker::ContainerInspect> inspect_container(Core& core, Container& container, bool size);
// A row of `ps` without sizes; takes no lock.
spec::docker::ContainerSummary summarize(const ContainerRecord& record, const State& state);
Result<> add_sizes(Core& core, const ContainerRecord& record, spec::docker::ContainerSummary& shown);
Result<std::vector<spec::docker::ContainerSummary>> list_containers(
    Core& core, const ListContainersOptions& options);

// ---- container_events.cc
// With docker's attributes: labels, image, name and `extra`.
void publish_event(Core& core, const ContainerRecord& record, const std::string& action,
                   std::map<std::string, std::string> extra = {});
void publish_network_event(Core& core, const ContainerRecord& record, const std::string& action,
                           const spec::docker::EndpointMap& endpoints);

// ---- shared bits
RestartPolicy policy_of(const ContainerRecord& record);
sys::Cgroup cgroup_of(const Core& core, const std::string& path);
keeper::Target target_of(const ContainerId& id);
// Conflict unless the container is Running: docker's sentences, which name it by `name`.
Result<> check_running(const State& state, const std::string& name);

}  // namespace wherry::engine
