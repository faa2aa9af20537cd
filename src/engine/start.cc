#include <fcntl.h>
#include <fmt/format.h>

#include <utility>

#include "base/log.h"
#include "base/strings.h"
#include "base/time.h"
#include "base/undo.h"
#include "engine/container_volumes.h"
#include "engine/lifecycle.h"
#include "engine/links.h"
#include "engine/log_config.h"
#include "engine/run_inputs.h"
#include "engine/run_tag.h"
#include "runtime/prepare.h"

namespace wherry::engine {
namespace {

constexpr std::size_t kNonceBytes = 16;

// The words of docker's chain of programs: its clients choose exit codes by the end of it.
constexpr std::string_view kCreateFailed =
    "failed to create task for container: failed to create shim task: OCI runtime create failed: "
    "runc create failed: ";

Result<> check_startable(const ContainerDetails& details) {
  if (details.removed || details.forced_removals > 0 || details.state.kind() == Status::Removing || details.state.kind() == Status::Dead)
    return Error::conflict("container is marked for removal and cannot be started");
  if (details.state.kind() == Status::Paused)
    return Error::conflict("cannot start a paused container, try unpause instead");
  if (details.state.counts_as_running())
    return Error(ErrorKind::NotModified, "Container is already started");
  return {};
}

// The file whose change tells of an OOM kill; empty where the host does not count them.
sys::Fd open_oom_counter(const Core& core, const std::string& cgroup) {
  const sys::CgroupHierarchy* memory = core.cgroups->find("memory");
  if (memory == nullptr) return {};
  const std::string path = fmt::format("{}{}/{}", memory->mount_point, cgroup,
                                       memory->unified ? "memory.events" : "memory.oom_control");
  auto opened = sys::open_at({}, path.c_str(), O_RDONLY);
  return opened ? std::move(*opened) : sys::Fd();
}

keeper::StartRequest start_request(const ContainerRecord& record, const std::string& nonce) {
  keeper::StartRequest request;
  request.target = target_of(record.id);
  request.nonce = nonce;
  request.stdio.tty = record.config.tty;
  request.stdio.open_stdin = record.config.open_stdin;
  request.stdio.stdin_once = record.config.stdin_once;
  const auto& size = record.host_config.console_size;
  request.stdio.window = {static_cast<std::uint16_t>(size.height), static_cast<std::uint16_t>(size.width)};
  return request;
}

struct Run {
  keeper::StartedProcess started;
  std::string nonce;
  std::string cgroup;
  spec::docker::EndpointMap endpoints;
  spec::docker::PortMap ports;
  sys::Fd root_mount;
};

Result<keeper::StartedProcess> start_in_keeper(Core& core, const ContainerRecord& record,
                                               runtime::Prepared& prepared, const Run& run) {
  keeper::StartRequest request = start_request(record, run.nonce);
  request.cgroup = encode_run_tag({run.cgroup, run.endpoints, run.ports});
  request.log = TRY(log_options_of(record));
  request.log.path = core.directory_of(record.id);
  keeper::StartFds fds;
  fds.plan = TRY(sys::sealed_memfd("plan", runtime::encode(prepared.plan)));
  fds.fds = std::move(prepared.fds);
  fds.oom_counter = open_oom_counter(core, run.cgroup);
  if (request.log.driver == keeper::LogDriver::JsonFile)
    fds.log_directory = TRY(sys::open_at({}, request.log.path.c_str(), O_RDONLY | O_DIRECTORY));
  keeper::StartedProcess started = TRY(core.keeper->start(request, fds));
  TRY(core.keeper->go(request.target));
  return started;
}

// From the record to a running process. On an error everything it made is taken back.
Result<Run> launch(Core& core, const ContainerRecord& record) {
  Run run;
  run.nonce = random_hex(kNonceBytes);
  run.cgroup = TRY(cgroup_path_of(core, record));
  core.ended_cgroups.remove_now(run.cgroup);
  Undo undo;
  undo.add([&]() noexcept {
    static_cast<void>(core.keeper->forget(target_of(record.id)));
    release_run(core, record.id, run.cgroup);
  });
  RunInputs inputs = TRY(gather_run_inputs(core, record));
  run.root_mount = TRY(inputs.rootfs.duplicate());
  const spec::oci::Config config = TRY(make_oci_config(record, inputs.oci));
  runtime::PrepareRequest request;
  request.config = &config;
  request.rootfs = std::move(inputs.rootfs);
  request.network_namespace = std::move(inputs.network_namespace);
  request.cgroup = cgroup_of(core, run.cgroup);
  request.ready_mounts = std::move(inputs.ready_mounts);
  runtime::Prepared prepared = TRY_AS(
      std::string_view(kCreateFailed).substr(0, kCreateFailed.size() - 2),
      runtime::prepare(std::move(request)));
  for (const std::string& warning : prepared.warnings)
    log::warning("container {}: {}", record.id.short_form(), warning);
  run.endpoints = std::move(inputs.endpoints);
  run.ports = std::move(inputs.ports);
  auto started = start_in_keeper(core, record, prepared, run);
  if (!started) {
    Error error = std::move(started).error();
    return Error(error.kind(), error.errno_value(), std::string(kCreateFailed) + error.message());
  }
  run.started = std::move(*started);
  undo.commit();
  return run;
}

void record_running(Core& core, Container& container, Run run) {
  {
    const auto details = container.details.lock();
    to_running(details->state,
               {.pid = run.started.process.pid,
                .start_time = run.started.process.start_time,
                .nonce = run.nonce,
                .boot_id = core.boot_id},
               now());
    details->state.cgroup = run.cgroup;
    details->state.endpoints = std::move(run.endpoints);
    details->state.ports = std::move(run.ports);
    details->pidfd = std::make_shared<const sys::Pidfd>(std::move(run.started.pidfd));
    details->root_mount = std::move(run.root_mount);
  }
  // Nothing for a container that the resolver does not know.
  const auto [id, process] = [&] {
    const auto details = container.details.lock();
    return std::pair{details->record.id.str(), details->pidfd};
  }();
  core.resolver->started(id, process->fd());
  container.changed.notify_all();
  // Nobody was promised this row yet: a crash before it is on disk is repaired at reconcile
  // from the keeper's own record.
  core.containers->save_state_later(container);
}

Error record_failure(Core& core, Container& container, const Error& error) {
  const std::int64_t code = start_failure_code(error.message());
  {
    const auto details = container.details.lock();
    to_start_failed(details->state, code, error.message());
  }
  container.changed.notify_all();
  core.containers->save_state_later(container);
  // docker answers 400 where the request named a command that cannot be run.
  const bool command_at_fault = code != 128 && error.message().starts_with(kCreateFailed);
  return {command_at_fault ? ErrorKind::InvalidArgument : error.kind(), error.errno_value(),
          error.message()};
}

}  // namespace

Result<> start_locked(Core& core, Container& container) {
  const ContainerRecord record = container.record();
  auto run = launch(core, record);
  if (!run) return record_failure(core, container, run.error());
  const spec::docker::EndpointMap endpoints = run->endpoints;
  record_running(core, container, std::move(*run));
  tell_linked(core, record);
  publish_volume_mounts(core, record);
  publish_network_event(core, record, "connect", endpoints);
  publish_event(core, record, "start");
  return {};
}

Result<> start_container(Core& core, const ContainerPtr& container) {
  const std::lock_guard operation(container->operation);
  {
    const auto details = container->details.lock();
    TRY(check_startable(*details));
    details->state.stopped_by_user = false;
    details->state.restart_count = 0;
    details->state.restart_delay_ms = 0;
  }
  Result<> started = start_locked(core, *container);
  const bool auto_remove = container->record().host_config.auto_remove;
  if (!started && auto_remove) static_cast<void>(remove_locked(core, container, RowRemoval::Queued));
  return started;
}

}  // namespace wherry::engine
