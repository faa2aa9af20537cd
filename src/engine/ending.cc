// What follows the end of a container's process. Order: state, events, whoever waits; then,
// off everybody's critical path, the clean-up, the durable record, and only then the keeper may
// forget the run.
#include <algorithm>

#include "base/log.h"
#include "base/time.h"
#include "engine/container_volumes.h"
#include "engine/lifecycle.h"

namespace wherry::engine {
namespace {

constexpr int kKillLeftovers_ms = 5'000;

std::chrono::nanoseconds run_time(const State& state, Instant finished_at) {
  const auto started = parse_rfc3339(state.started_at);
  return started ? finished_at - *started : std::chrono::nanoseconds::zero();
}

struct Transition {
  ContainerRecord record;
  State before;
  State after;
  sys::Fd root_mount;
};

// Moves the state on; nothing if `end` is not of the current run.
std::optional<Transition> apply_end(Core& core, Container& container, const EndOfRun& end) {
  const auto details = container.details.lock();
  State& state = details->state;
  if (details->removed || !state.has_process() || state.nonce != end.nonce) return std::nullopt;
  Transition transition{.record = details->record, .before = state, .after = {}, .root_mount = std::move(details->root_mount)};
  const RestartHistory history{.restart_count = state.restart_count,
                               .stopped_by_user = state.stopped_by_user,
                               .delay = std::chrono::milliseconds(state.restart_delay_ms)};
  const bool again = !core.stopping && should_restart(policy_of(details->record), history, end.ending.exit_code);
  if (again) {
    state.restart_delay_ms =
        next_delay(history.delay, run_time(state, end.ending.finished_at)).count();
    ++state.restart_count;
  }
  to_ended(state, end.ending, again ? Status::Restarting : Status::Exited);
  details->pidfd.reset();
  transition.after = state;
  return transition;
}

void publish_end(Core& core, const Transition& transition) {
  const auto finished = parse_rfc3339(transition.after.finished_at).value_or(now());
  const auto seconds = std::chrono::floor<std::chrono::seconds>(run_time(transition.before, finished));
  if (transition.after.oom_killed) publish_event(core, transition.record, "oom");
  publish_network_event(core, transition.record, "disconnect", transition.before.endpoints);
  publish_volume_unmounts(core, transition.record);
  publish_event(core, transition.record, "die",
                {{"exitCode", std::to_string(transition.after.exit_code)},
                 {"execDuration", std::to_string(std::max<std::int64_t>(0, seconds.count()))}});
}

WaitResult wait_result(const State& state) {
  WaitResult result{.status_code = state.exit_code, .error = std::nullopt};
  if (!state.exit_known) result.error = kExitUnknown;
  return result;
}

}  // namespace

void release_run(Core& core, const ContainerId& id, const std::string& cgroup_path) {
  core.members.leave_all(id);
  core.networks->release(id);
  core.volumes->unmount(id);
  const sys::Cgroup cgroup = cgroup_of(core, cgroup_path);
  if (!cgroup) return;
  // With --pid host or container:, processes may have outlived the container's first one.
  const auto left = cgroup.processes();
  if (left && !left->empty())
    if (const auto killed = cgroup.kill_all(kKillLeftovers_ms); !killed)
      log::warning("container {}: {}", id.short_form(), killed.error().message());
  core.ended_cgroups.remove_later(cgroup);
}

void handle_end_locked(Core& core, const ContainerPtr& container, const EndOfRun& end) {
  auto transition = apply_end(core, *container, end);
  const ContainerId id = container->id();
  if (transition) {
    const State& after = transition->after;
    publish_end(core, *transition);
    const bool restarts = after.kind() == Status::Restarting;
    const bool removes = transition->record.host_config.auto_remove && !restarts;
    container->waiters.notify_stopped(wait_result(after));
    container->changed.notify_all();
    // Gone for everybody at once; its resources follow below.
    if (removes) static_cast<void>(remove_locked(core, container, RowRemoval::Queued));
    transition->root_mount.reset();
    release_run(core, id, transition->before.cgroup);
    if (!removes)
      if (const auto saved = core.containers->save_state(*container); !saved)
        log::error("container {}: save state: {}", id.short_form(), saved.error().message());
    if (restarts) schedule_restart(core, container);
  }
  if (end.keeper_sequence != 0) static_cast<void>(core.keeper->acknowledge(end.keeper_sequence));
  // A newer run of this container must not be forgotten for an older one's sake.
  if (transition) static_cast<void>(core.keeper->forget(target_of(id)));
}

void handle_end(Core& core, const ContainerPtr& container, const EndOfRun& end) {
  const std::lock_guard operation(container->operation);
  handle_end_locked(core, container, end);
}

void schedule_restart(Core& core, const ContainerPtr& container) {
  const std::chrono::milliseconds delay(container->state().restart_delay_ms);
  core.workers.post_after(delay, [&core, container] {
    const std::lock_guard operation(container->operation);
    {
      const auto details = container->details.lock();
      if (details->removed || core.stopping || details->state.kind() != Status::Restarting) return;
    }
    if (const auto started = start_locked(core, *container); !started)
      log::warning("container {}: restart: {}", container->id().short_form(), started.error().message());
  });
}

}  // namespace wherry::engine
