#include "engine/reconcile.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>

#include "base/log.h"
#include "base/time.h"
#include "engine/endpoints.h"
#include "engine/lifecycle.h"
#include "engine/links.h"
#include "engine/port_bindings.h"
#include "engine/run_tag.h"
#include "sys/directory.h"
#include "sys/path.h"

namespace wherry::engine {
namespace {

constexpr std::int64_t kUnknownExitCode = 255;  // docker's, after an unclean end
constexpr int kRemoveCgroup_ms = 2'000;
constexpr int kKillCgroup_ms = 5'000;
constexpr std::size_t kIdLength = 64;

Instant instant_from(std::int64_t nanoseconds) { return Instant(std::chrono::nanoseconds(nanoseconds)); }

Ending ending_from(const keeper::ExitReport& report, Instant now) {
  return {.exit_code = report.code,
          .known = report.known,
          .oom_killed = report.oom_killed,
          .finished_at = report.finished_ns > 0 ? instant_from(report.finished_ns) : now};
}

// A process of an earlier boot may share number and start time with one of today.
bool is_alive(const keeper::Record& record, const std::string& boot_id) {
  if (record.boot_id != boot_id) return false;
  const auto start_time = sys::process_start_time(record.pid);
  return start_time && *start_time == record.start_time;
}

using Records = std::map<std::string, keeper::Record>;

struct Listing {
  Records containers;                  // by container id
  std::vector<keeper::Record> execs;
};
Result<Listing> list_keeper(Core& core) {
  Listing listing;
  for (keeper::Record& record : TRY(core.keeper->list())) {
    if (record.target.exec.empty()) listing.containers[record.target.container] = std::move(record);
    else listing.execs.push_back(std::move(record));
  }
  return listing;
}

// Tombstones too: the engine may have been killed between the keeper's forgetting and its own row.
std::optional<keeper::Record> kept_record(Core& core, const Records& records, const ContainerId& id,
                                          const State& state) {
  const auto found = records.find(id.str());
  if (found != records.end()) return found->second;
  if (!state.has_process()) return std::nullopt;
  auto looked_up = core.keeper->lookup(target_of(id));
  if (!looked_up || !*looked_up || (*looked_up)->nonce != state.nonce) return std::nullopt;
  return **looked_up;
}

void adopt(Core& core, Container& container, const keeper::Record& kept) {
  auto pidfd = sys::Pidfd::open(kept.pid);
  const RunTag tag = decode_run_tag(kept.cgroup);
  {
    const auto details = container.details.lock();
    State& state = details->state;
    if (state.nonce != kept.nonce || !state.has_process()) {
      to_running(state, {}, kept.started_ns > 0 ? instant_from(kept.started_ns) : now());
      state.nonce = kept.nonce;
      state.boot_id = kept.boot_id;
      state.endpoints = tag.endpoints;
      state.ports = tag.ports;
    }
    state.pid = kept.pid;
    state.start_time = kept.start_time;
    state.cgroup = tag.cgroup;
    if (pidfd) details->pidfd = std::make_shared<const sys::Pidfd>(std::move(*pidfd));
    const bool frozen = cgroup_of(core, state.cgroup).is_frozen();
    state.set(frozen ? Status::Paused : Status::Running);
  }
  core.containers->save_state_later(container);
}

// A start that the row does not know of becomes one that it does, so that its end has a beginning.
void catch_up_with_run(Container& container, const keeper::Record& kept) {
  const auto details = container.details.lock();
  State& state = details->state;
  if (state.has_process() && state.nonce == kept.nonce) return;
  to_running(state, {.pid = kept.pid, .start_time = kept.start_time, .nonce = kept.nonce, .boot_id = kept.boot_id},
             kept.started_ns > 0 ? instant_from(kept.started_ns) : now());
  const RunTag tag = decode_run_tag(kept.cgroup);
  state.cgroup = tag.cgroup;
  state.endpoints = tag.endpoints;
  state.ports = tag.ports;
}

void carry_out(Core& core, const ContainerPtr& container, const Judgement& judgement,
               const std::optional<keeper::Record>& kept) {
  const std::lock_guard operation(container->operation);
  switch (judgement.verdict) {
    case Verdict::Leave:
      // An end that was recorded but not acknowledged.
      if (kept && kept->state == keeper::State::Exited)
        static_cast<void>(core.keeper->forget(target_of(container->id())));
      return;
    case Verdict::Adopt: return adopt(core, *container, *kept);
    case Verdict::AbandonStart:
      static_cast<void>(core.keeper->forget(kept->target));
      return release_run(core, container->id(), decode_run_tag(kept->cgroup).cgroup);
    case Verdict::RecordEnd: {
      if (kept) catch_up_with_run(*container, *kept);
      const std::string nonce = container->state().nonce;
      return handle_end_locked(core, container, {.nonce = nonce, .ending = judgement.ending,
                                                 .keeper_sequence = kept ? kept->exit_sequence : 0});
    }
    case Verdict::Remove: static_cast<void>(remove_locked(core, container, RowRemoval::Queued)); return;
  }
}

// Runs of containers that have no row: nobody can reach them any more.
void end_unknown_runs(Core& core, const Records& records) {
  for (const auto& [id, record] : records) {
    if (core.containers->find_id(ContainerId(id))) continue;
    // The rest of a --rm whose row went first.
    if (record.state == keeper::State::Exited) {
      static_cast<void>(core.keeper->forget(record.target));
      continue;
    }
    log::warning("container {} runs without a record: killing it", ContainerId(id).short_form());
    const sys::Cgroup cgroup = cgroup_of(core, decode_run_tag(record.cgroup).cgroup);
    if (cgroup) static_cast<void>(cgroup.kill_all(kKillCgroup_ms));
    static_cast<void>(core.keeper->forget(record.target));
    if (cgroup) static_cast<void>(cgroup.remove(kRemoveCgroup_ms));
  }
}

void adopt_execs(Core& core, const std::vector<keeper::Record>& execs) {
  for (const keeper::Record& record : execs) {
    const ContainerPtr container = core.containers->find_id(ContainerId(record.target.container));
    if (!container || record.state == keeper::State::Starting || record.state == keeper::State::Ready) {
      static_cast<void>(core.keeper->forget(record.target));
      continue;
    }
    auto exec = std::make_shared<Exec>();
    exec->id = ExecId(record.target.exec);
    exec->container = ContainerId(record.target.container);
    exec->container_nonce = container->state().nonce;
    exec->request.tty = record.stdio.tty;
    exec->request.attach_stdin = record.stdio.open_stdin;
    exec->request.attach_stdout = exec->request.attach_stderr = !record.stdio.discard;
    exec->request.cmd = spec::docker::Strings(std::vector<std::string>{""});
    {
      const auto progress = exec->progress.lock();
      progress->phase = Exec::Phase::Running;
      progress->pid = record.pid;
      if (auto pidfd = sys::Pidfd::open(record.pid))
        progress->pidfd = std::make_shared<const sys::Pidfd>(std::move(*pidfd));
    }
    core.execs.insert(exec);
  }
}

// Names of 64 hex characters below a directory of ours: containers'.
std::vector<std::string> container_names_in(const std::string& path) {
  std::vector<std::string> names;
  const sys::Directory open(::opendir(path.c_str()));
  while (open) {
    const dirent* entry = ::readdir(open.get());
    if (entry == nullptr) break;
    const std::string_view name = entry->d_name;
    const bool hex = std::ranges::all_of(
        name, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
    if (name.size() == kIdLength && hex) names.emplace_back(name);
  }
  return names;
}

void remove_orphan_files(Core& core) {
  const std::set<std::string> trees = image_trees(core);
  if (const auto snapshots = core.snapshots->containers())
    for (const ContainerId& id : *snapshots)
      if (!core.containers->has_row(id) && !trees.contains(id.str())) static_cast<void>(core.snapshots->remove_container(id));
  if (const auto directories = core.directories->list())
    for (const ContainerId& id : *directories)
      if (!core.containers->has_row(id)) static_cast<void>(core.directories->discard(id));
}

void remove_orphan_cgroups(Core& core) {
  std::set<std::string> names;
  for (const sys::CgroupHierarchy& hierarchy : core.cgroups->hierarchies)
    names.merge([&] {
      const auto found = container_names_in(hierarchy.mount_point + core.cgroup_parent);
      return std::set<std::string>(found.begin(), found.end());
    }());
  for (const std::string& name : names) {
    const ContainerPtr container = core.containers->find_id(ContainerId(name));
    if (container && container->state().has_process()) continue;
    const sys::Cgroup cgroup = cgroup_of(core, core.cgroup_parent + "/" + name);
    static_cast<void>(cgroup.kill_all(kKillCgroup_ms));
    if (const auto removed = cgroup.remove(kRemoveCgroup_ms); !removed)
      log::warning("left-over cgroup {}: {}", cgroup.path(), removed.error().message());
  }
}

network::Endpoint endpoint_from(const std::string& name, const spec::docker::EndpointSettings& shown) {
  network::Endpoint endpoint;
  endpoint.network_id = NetworkId(shown.network_id);
  endpoint.network_name = name;
  endpoint.endpoint_id = shown.endpoint_id;
  endpoint.ip = shown.ip_address;
  endpoint.prefix = static_cast<unsigned>(shown.ip_prefix_len);
  endpoint.gateway = shown.gateway;
  endpoint.mac = shown.mac_address;
  endpoint.gateway_priority = shown.gw_priority;
  endpoint.ip6 = shown.global_ipv6_address;
  endpoint.prefix6 = static_cast<unsigned>(shown.global_ipv6_prefix_len);
  endpoint.gateway6 = shown.ipv6_gateway;
  return endpoint;
}

bool has_address(const spec::docker::EndpointSettings& shown) {
  return !shown.ip_address.empty() || !shown.global_ipv6_address.empty();
}

struct LiveNetworks {
  std::vector<network::LiveEndpoint> endpoints;
  std::vector<network::LivePorts> ports;
};
LiveNetworks live_networks(Core& core) {
  LiveNetworks live;
  for (const ContainerPtr& container : core.containers->all()) {
    const State state = container->state();
    if (!state.has_process()) continue;
    for (const auto& [name, shown] : state.endpoints)
      if (shown && has_address(*shown))
        live.endpoints.push_back(
            {.container = container->id(), .endpoint = endpoint_from(name, *shown)});
    auto published = published_from(state.ports);
    if (!published.empty()) live.ports.push_back({container->id(), std::move(published)});
  }
  return live;
}

// The registry of members, and with it the resolver, learns of the containers that run.
void note_live_members(Core& core) {
  for (const ContainerPtr& container : core.containers->all()) {
    const auto [record, state, pidfd] = [&] {
      const auto details = container->details.lock();
      return std::tuple{details->record, details->state, details->pidfd};
    }();
    if (!state.has_process() || !pidfd) continue;
    const auto netns = network::open_netns(*pidfd);
    for (const auto& [name, shown] : state.endpoints) {
      const auto network = core.networks->find_network(name);
      if (netns && network && shown && has_address(*shown))
        note_member(core, record, *network, *shown, *netns);
    }
    open_links(core, record);
  }
}

Result<> restore_networks(Core& core) {
  const LiveNetworks live = live_networks(core);
  TRY(core.networks->restore(live.endpoints, live.ports));
  note_live_members(core);
  return {};
}

}  // namespace

void apply_restart_policies(Core& core) {
  for (const ContainerPtr& container : core.containers->all()) {
    const std::lock_guard operation(container->operation);
    {
      const auto details = container->details.lock();
      State& state = details->state;
      if (state.has_process() || !state.started_once || details->removed) continue;
      const bool waits = state.kind() == Status::Restarting;
      const RestartHistory history{.restart_count = state.restart_count,
                                   .stopped_by_user = state.stopped_by_user};
      if (!waits && !should_restart_at_engine_start(policy_of(details->record), history, state.exit_code))
        continue;
      state.set(Status::Restarting);
      state.stopped_by_user = false;
      // A new boot or a new engine is a new beginning for the back-off.
      state.restart_delay_ms = 0;
    }
    schedule_restart(core, container);
  }
}

Judgement judge(const State& state, const Evidence& evidence, Instant now) {
  const auto& kept = evidence.kept;
  const bool row_says_running = state.has_process();
  if (state.kind() == Status::Removing) return {Verdict::Remove, {}};
  if (kept && (kept->state == keeper::State::Starting || kept->state == keeper::State::Ready) && !row_says_running)
    return {Verdict::AbandonStart, {}};
  if (kept && kept->state == keeper::State::Running && evidence.process_is_alive) return {Verdict::Adopt, {}};
  const bool same_run = kept && kept->nonce == state.nonce;
  if (kept && kept->state == keeper::State::Exited && (row_says_running || !same_run))
    return {Verdict::RecordEnd, ending_from(kept->exit, now)};
  if (row_says_running)
    return {Verdict::RecordEnd,
            {.exit_code = kUnknownExitCode, .known = false, .oom_killed = false, .finished_at = now}};
  if (evidence.auto_remove && state.kind() == Status::Exited) return {Verdict::Remove, {}};
  return {Verdict::Leave, {}};
}

Result<> reconcile(Core& core) {
  restore_holds(core);
  const Listing listing = TRY_AS("ask the keeper what runs", list_keeper(core));
  for (const ContainerPtr& container : core.containers->all()) {
    const ContainerRecord record = container->record();
    const State state = container->state();
    Evidence evidence{.auto_remove = record.host_config.auto_remove,
                      .kept = kept_record(core, listing.containers, record.id, state),
                      .process_is_alive = false};
    evidence.process_is_alive = evidence.kept && is_alive(*evidence.kept, core.boot_id);
    carry_out(core, container, judge(state, evidence, now()), evidence.kept);
  }
  restore_mounts(core);
  end_unknown_runs(core, listing.containers);
  adopt_execs(core, listing.execs);
  remove_orphan_cgroups(core);
  remove_orphan_files(core);
  TRY_AS("restore networks", restore_networks(core));
  return {};
}

}  // namespace wherry::engine
