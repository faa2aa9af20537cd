#include <fmt/format.h>

#include <fcntl.h>

#include "base/log.h"
#include "base/undo.h"
#include "base/time.h"
#include "engine/lifecycle.h"
#include "engine/names.h"
#include "engine/unavailable.h"
#include "sys/path.h"

namespace wherry::engine {
namespace {

Error must_stop_first(const ContainerRecord& record, const State& state) {
  const bool paused = state.kind() == Status::Paused;
  return Error::conflict(
      fmt::format("cannot remove container \"{}\": container is {}: {}stop the container before "
                  "removing or force remove",
                  record.name, state.status, paused ? "unpause and then " : ""));
}

// What the container left on disk. A failure leaves it for the next reconcile. A trash directory may
// have to grow by a block.
void delete_files(Core& core, const ContainerId& id) {
  const auto files = core.database->with_reserve([&] { return core.snapshots->remove_container(id); });
  if (!files)
    log::warning("container {}: remove its files: {}", id.short_form(), files.error().message());
  const auto removed = core.database->with_reserve([&] { return core.directories->discard(id); });
  if (!removed)
    log::warning("container {}: remove its directory: {}", id.short_form(), removed.error().message());
}

}  // namespace

Result<> remove_locked(Core& core, const ContainerPtr& container, RowRemoval removal,
                       AnonymousVolumes anonymous) {
  ContainerRecord record;
  State state;
  {
    const auto details = container->details.lock();
    if (details->removed) return {};
    details->removed = true;
    details->state.set(Status::Removing);
    record = details->record;
    state = details->state;
  }
  core.containers->hide(*container);
  if (record.host_config.auto_remove) anonymous = AnonymousVolumes::Remove;
  const std::vector<std::string> volumes = release_volumes(core, record, anonymous);
  const Tombstone tombstone{.id = record.id,
                            .exit_code = state.exit_code,
                            .error = state.error,
                            .removed_unix_s = to_unix_seconds(now())};
  Result<> deleted;
  if (removal == RowRemoval::Durable) deleted = core.containers->delete_row(tombstone);
  else core.containers->delete_row_later(tombstone);
  bury_volumes(core, volumes);
  core.execs.remove_of(record.id);
  publish_event(core, record, "destroy");
  container->waiters.notify_removed({.status_code = state.exit_code, .error = std::nullopt});
  container->changed.notify_all();
  core.workers.post([&core, record, id = record.id] {
    static_cast<void>(core.keeper->forget(target_of(id)));  // ends a reservation
    delete_files(core, id);
    remove_image_trees(core, record);
  });
  return deleted;
}

Result<> remove_container(Core& core, const ContainerPtr& container,
                          const RemoveContainerOptions& options, const std::string& name) {
  const State before = container->state();
  Undo undo;
  if (before.counts_as_running()) {
    if (!options.force) return must_stop_first(container->record(), before);
    {
      const auto details = container->details.lock();
      details->state.stopped_by_user = true;
      ++details->forced_removals;
    }
    undo.add([&]() noexcept { --container->details.lock()->forced_removals; });
    TRY_AS(fmt::format("cannot remove container \"{}\": could not kill container", container->record().name),
           kill_and_wait(core, *container));
  }
  const std::lock_guard operation(container->operation);
  const State state = container->state();
  if (container->details.lock()->removed) {
    // Somebody else was faster: one winner, and a force removal has what it wants.
    if (options.force) return {};
    return Error::not_found(fmt::format("No such container: {}", name));
  }
  if (state.has_process()) return must_stop_first(container->record(), state);
  return remove_locked(core, container, RowRemoval::Durable,
                       options.volumes ? AnonymousVolumes::Remove : AnonymousVolumes::Keep);
}

Result<> rename_container(Core& core, Container& container, const std::string& new_name) {
  const std::lock_guard operation(container.operation);
  const ContainerRecord record = container.record();
  if (container.details.lock()->removed)
    return Error::not_found(fmt::format("No such container: {}", record.name));
  if (new_name.empty()) return Error::invalid("Neither old nor new names may be empty");
  if (new_name == record.name || new_name == "/" + record.name)
    return Error::invalid("Renaming a container with the same name as its current name");
  const std::string slashed = new_name.starts_with('/') ? new_name : "/" + new_name;
  const std::string reserved = TRY_AS("Error when allocating new name",
                                      core.containers->reserve_name(slashed, record.id));
  if (auto renamed = core.containers->rename(container, reserved); !renamed) {
    core.containers->release_name(reserved);
    return renamed;
  }
  core.members.rename(record.id, record.name, reserved);
  publish_event(core, container.record(), "rename", {{"oldName", "/" + record.name}});
  return {};
}

}  // namespace wherry::engine
