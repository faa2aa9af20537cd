#include <fmt/format.h>

#include <algorithm>
#include <csignal>

#include "base/log.h"
#include "base/time.h"
#include "engine/lifecycle.h"

namespace wherry::engine {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t kDefaultTimeout_s = 10;
constexpr std::int64_t kLongestTimeout_s = 1'000'000'000;  // longer ones leave the clock's range
constexpr int kFreeze_ms = 10'000;
constexpr int kKill_ms = 5'000;
// rm -f and kill give up after this: a process in uninterruptible sleep cannot be killed.
constexpr auto kKillWait = 10s;

enum class Waited : std::uint8_t { Ended, TimedOut, Cancelled };

// Until no process is left, or `deadline` (none: without limit). A stop request wakes it.
Waited wait_for_end(Container& container, std::optional<std::chrono::steady_clock::time_point> deadline,
                    const std::stop_token& stop) {
  const std::stop_callback wake(stop, [&] {
    const auto details = container.details.lock();
    container.changed.notify_all();
  });
  auto details = container.details.lock();
  const auto over = [&] { return stop.stop_requested() || !details->state.has_process(); };
  if (deadline) container.changed.wait_until(details.lock_handle(), *deadline, over);
  else container.changed.wait(details.lock_handle(), over);
  if (!details->state.has_process()) return Waited::Ended;
  return stop.stop_requested() ? Waited::Cancelled : Waited::TimedOut;
}

// Who handles an end holds the operation from the change of the state on until the addresses are
// free: the caller of stop may give them to another container at once.
void wait_for_release(Container& container) { const std::lock_guard operation(container.operation); }

struct Running {
  ContainerRecord record;
  State state;
  std::shared_ptr<const sys::Pidfd> pidfd;
};

Running snapshot(Container& container) {
  const auto details = container.details.lock();
  return {details->record, details->state, details->pidfd};
}

// To the first process. A frozen one gets it when it is thawed, which is done here.
Result<> signal_container(Core& core, const Running& running, int number) {
  if (!running.pidfd) return Error::conflict(fmt::format("container {} is not running", running.record.id.str()));
  TRY(running.pidfd->signal(number));
  publish_event(core, running.record, "kill", {{"signal", std::to_string(number)}});
  return {};
}

Result<> thaw_if_paused(Core& core, Container& container) {
  const std::lock_guard operation(container.operation);
  const Running running = snapshot(container);
  if (running.state.kind() != Status::Paused) return {};
  TRY(cgroup_of(core, running.state.cgroup).thaw());
  {
    const auto details = container.details.lock();
    if (details->state.kind() == Status::Paused) details->state.set(Status::Running);
  }
  publish_event(core, running.record, "unpause");
  return {};
}

// SIGKILL for every process of the container, frozen or not.
Result<> kill_everything(Core& core, const Running& running) {
  if (running.pidfd) static_cast<void>(running.pidfd->signal(SIGKILL));
  publish_event(core, running.record, "kill", {{"signal", std::to_string(SIGKILL)}});
  const sys::Cgroup cgroup = cgroup_of(core, running.state.cgroup);
  if (!cgroup) return {};
  if (running.state.kind() == Status::Paused) {
    // A v1 freezer holds the dying back, and the wait for an empty group with them.
    static_cast<void>(cgroup.signal_all(SIGKILL));
    static_cast<void>(cgroup.thaw());
  }
  return cgroup.kill_all(kKill_ms);
}

// A container that waits for its next try has no process: its stop is only a decision.
bool cancel_restart(Core& core, Container& container) {
  {
    const auto details = container.details.lock();
    if (details->state.kind() != Status::Restarting) return false;
    details->state.stopped_by_user = true;
    details->state.set(Status::Exited);
  }
  container.changed.notify_all();
  core.containers->save_state_later(container);
  return true;
}

std::int64_t timeout_of(const StopOptions& options, const ContainerRecord& record) {
  if (options.timeout_s) return *options.timeout_s;
  return record.config.stop_timeout.value_or(kDefaultTimeout_s);
}

Result<int> stop_signal_of(const StopOptions& options, const ContainerRecord& record) {
  if (options.signal && !options.signal->empty()) return parse_signal(*options.signal);
  if (!record.config.stop_signal.empty()) return parse_signal(record.config.stop_signal);
  return SIGTERM;
}

Result<> stop_running(Core& core, Container& container, const StopOptions& options,
                      const std::stop_token& stop) {
  const Running running = snapshot(container);
  const int signal = TRY(stop_signal_of(options, running.record));
  const std::int64_t timeout_s = timeout_of(options, running.record);
  // An error means that the process has just ended: then there is nothing to wait for long.
  static_cast<void>(signal_container(core, running, signal));
  TRY(thaw_if_paused(core, container));
  std::optional<std::chrono::steady_clock::time_point> deadline;
  if (timeout_s >= 0)
    deadline = std::chrono::steady_clock::now() + std::chrono::seconds(std::min(timeout_s, kLongestTimeout_s));
  const Waited waited = wait_for_end(container, deadline, stop);
  if (waited == Waited::Ended) {
    wait_for_release(container);
    return {};
  }
  if (waited == Waited::Cancelled) return Error(ErrorKind::Cancelled, "stop: the caller went away");
  return kill_and_wait(core, container);
}

Error cannot_kill(const std::string& name, const Error& cause) {
  return {cause.kind(), cause.errno_value(), fmt::format("cannot kill container: {}: {}", name, cause.message())};
}

}  // namespace

Result<> kill_and_wait(Core& core, Container& container) {
  const Running running = snapshot(container);
  if (!running.state.has_process()) return {};
  if (const auto killed = kill_everything(core, running); !killed)
    log::warning("container {}: {}", running.record.id.short_form(), killed.error().message());
  if (wait_for_end(container, std::chrono::steady_clock::now() + kKillWait, {}) == Waited::Ended) {
    wait_for_release(container);
    return {};
  }
  return Error(ErrorKind::Deadline,
               fmt::format("tried to kill container, but did not receive an exit event (container {})",
                           running.record.id.str()));
}

Result<> stop_container(Core& core, const ContainerPtr& container, const StopOptions& options,
                        std::stop_token stop) {
  if (options.signal && !options.signal->empty()) TRY(parse_signal(*options.signal));
  {
    const auto details = container->details.lock();
    if (!details->state.counts_as_running())
      return Error(ErrorKind::NotModified, "Container is already stopped");
    details->state.stopped_by_user = true;
  }
  if (cancel_restart(core, *container)) return {};
  TRY_AS(fmt::format("cannot stop container: {}", container->record().name),
         stop_running(core, *container, options, stop));
  publish_event(core, container->record(), "stop");
  return {};
}

Result<> restart_container(Core& core, const ContainerPtr& container, const StopOptions& options,
                           std::stop_token stop) {
  const std::string id = container->id().str();
  if (auto stopped = stop_container(core, container, options, stop);
      !stopped && stopped.error().kind() != ErrorKind::NotModified)
    return std::unexpected(std::move(stopped).error().within(fmt::format("Cannot restart container {}", id)));
  auto started = start_container(core, container);
  if (!started && started.error().kind() != ErrorKind::NotModified)
    return std::unexpected(std::move(started).error().within(fmt::format("Cannot restart container {}", id)));
  publish_event(core, container->record(), "restart");
  return {};
}

Result<> kill_container(Core& core, Container& container, const std::string& signal,
                        const std::string& name) {
  const Result<int> parsed = signal.empty() ? Result<int>(SIGKILL) : parse_signal(signal);
  if (!parsed) return cannot_kill(name, parsed.error());
  const int number = *parsed;
  const Running running = snapshot(container);
  if (running.state.kind() == Status::Restarting && number == SIGKILL && cancel_restart(core, container))
    return {};
  if (!running.state.has_process())
    return cannot_kill(name, Error::conflict(fmt::format("container {} is not running", running.record.id.str())));
  // docker: a kill by the signal that stops the container counts as a user's stop.
  if (number == SIGKILL || number == TRY(stop_signal_of({}, running.record)))
    container.details.lock()->state.stopped_by_user = true;
  Result<> done = number == SIGKILL ? kill_and_wait(core, container)
                                    : signal_container(core, running, number);
  if (!done) return cannot_kill(name, done.error());
  return {};
}

Result<> pause_container(Core& core, Container& container) {
  const std::lock_guard operation(container.operation);
  const Running running = snapshot(container);
  const std::string id = running.record.id.str();
  if (running.state.kind() == Status::Paused)
    return Error::conflict(fmt::format("Container {} is already paused", id));
  if (running.state.kind() == Status::Restarting)
    return Error::conflict(fmt::format("Container {} is restarting, wait until the container is running", id));
  if (running.state.kind() != Status::Running)
    return Error::conflict(fmt::format("container {} is not running", id));
  TRY_AS(fmt::format("cannot pause container {}", id), cgroup_of(core, running.state.cgroup).freeze(kFreeze_ms));
  {
    const auto details = container.details.lock();
    if (details->state.kind() == Status::Running) details->state.set(Status::Paused);
  }
  core.containers->save_state_later(container);
  publish_event(core, running.record, "pause");
  return {};
}

Result<> unpause_container(Core& core, Container& container) {
  const std::lock_guard operation(container.operation);
  const Running running = snapshot(container);
  const std::string id = running.record.id.str();
  if (running.state.kind() != Status::Paused)
    return Error::conflict(fmt::format("Container {} is not paused", id));
  TRY_AS(fmt::format("cannot resume container {}", id), cgroup_of(core, running.state.cgroup).thaw());
  {
    const auto details = container.details.lock();
    if (details->state.kind() == Status::Paused) details->state.set(Status::Running);
  }
  core.containers->save_state_later(container);
  publish_event(core, running.record, "unpause");
  return {};
}

}  // namespace wherry::engine
