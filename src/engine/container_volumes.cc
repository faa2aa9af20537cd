#include "engine/container_volumes.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "engine/mount_request.h"
#include "engine/volume_verbs.h"
#include "sys/mount.h"
#include "volume/copy.h"

namespace wherry::engine {
namespace {

using spec::docker::items;

bool is_volume(const ContainerMount& mount) { return mount.point.type == "volume"; }
bool is_image(const ContainerMount& mount) { return mount.point.type == "image"; }

Result<> make_volume(Core& core, const ContainerId& id, ContainerMount& mount, Undo& undo) {
  const std::string name = mount.point.name;
  TRY(check_volume_driver(name, mount.point.driver));
  const volume::Created created = TRY(core.volumes->create({.name = name,
                                                            .labels = mount.volume_labels,
                                                            .options = mount.volume_options,
                                                            .user = id}));
  const bool is_new = created.made == volume::Made::New;
  undo.add([&core, id, name, is_new]() noexcept {
    core.volumes->release(name, id);
    // Somebody else may hold it by now.
    if (is_new) static_cast<void>(remove_volume(core, name, Force::No));
  });
  mount.point.source = core.volumes->path_of(name);
  if (is_new) publish_volume_event(core, name, "create");
  return {};
}

// The lease keeps the layers until the container's row names the image.
Result<> make_image_tree(Core& core, ContainerMount& mount, Undo& undo) {
  // One that was inherited is shown anew: its tree belongs to the other container.
  const std::string name = mount.image_id.empty() ? mount.point.source : mount.image_id;
  const image::Resolved image = TRY(core.images->resolve(name, std::nullopt));
  const ContainerId tree = ContainerId::random();
  TRY(core.snapshots->create_container(tree, image.diff_ids));
  undo.add([&core, tree, lease = image.lease]() noexcept {
    static_cast<void>(core.snapshots->remove_container(tree));
  });
  mount.image_id = image.id.str();
  mount.image_tree = tree.str();
  return {};
}

Result<sys::Fd> mount_image(Core& core, const ContainerMount& mount) {
  sys::Fd tree = TRY(core.snapshots->mount(ContainerId(mount.image_tree),
                                           {.access = snapshot::MountOptions::Access::ReadOnly}));
  if (mount.subpath.empty()) return tree;
  const sys::Fd below = TRY(volume::open_subpath(tree, mount.point.name, mount.subpath));
  return TRY(sys::DetachedMount::clone(below, "", sys::DetachedMount::Recursive::No)).release();
}

std::vector<const ContainerMount*> volumes_of(const ContainerRecord& record) {
  std::vector<const ContainerMount*> volumes;
  for (const ContainerMount& mount : record.mounts)
    if (is_volume(mount)) volumes.push_back(&mount);
  return volumes;
}

}  // namespace

Result<std::vector<ContainerMount>> inherited_mounts(Core& core, const spec::docker::HostConfig& host_config) {
  std::vector<ContainerMount> inherited;
  for (const std::string& text : items(host_config.volumes_from)) {
    const VolumesFrom from = TRY(parse_volumes_from(text));
    const auto found = core.containers->find(from.container);
    // A 404 would send docker's client to pull the image.
    if (!found) return Error::invalid(found.error().message());
    const ContainerRecord source = (*found)->record();
    for (ContainerMount& mount : inherit_mounts(source.mounts, from)) inherited.push_back(std::move(mount));
  }
  return inherited;
}

Result<> make_volumes(Core& core, ContainerRecord& record, Undo& undo) {
  for (ContainerMount& mount : record.mounts) {
    if (is_volume(mount)) TRY(make_volume(core, record.id, mount, undo));
    if (is_image(mount)) TRY(make_image_tree(core, mount, undo));
  }
  return {};
}

Result<> fill_volumes(Core& core, const ContainerRecord& record) {
  const auto wants = [](const ContainerMount& mount) { return is_volume(mount) && mount.copy_up; };
  if (std::ranges::none_of(record.mounts, wants)) return {};
  const sys::Fd root = TRY(core.snapshots->mount(record.id, {.access = snapshot::MountOptions::Access::ReadOnly}));
  for (const ContainerMount& mount : record.mounts) {
    if (!wants(mount)) continue;
    const sys::Fd content = TRY(volume::open_content(root, mount.point.destination));
    if (content) TRY(core.volumes->fill(mount.point.name, content));
  }
  return {};
}

Result<> mount_volumes(Core& core, const ContainerRecord& record, RunInputs& inputs) {
  for (const ContainerMount* mount : volumes_of(record)) {
    // Containers of wherry before volumes have their own directories: bound by path.
    if (!core.volumes->find(mount->point.name)) continue;
    inputs.ready_mounts[mount->point.destination] =
        TRY(core.volumes->mount(mount->point.name, record.id, mount->subpath));
  }
  for (const ContainerMount& mount : record.mounts)
    if (is_image(mount)) inputs.ready_mounts[mount.point.destination] = TRY(mount_image(core, mount));
  return {};
}

void publish_volume_mounts(Core& core, const ContainerRecord& record) {
  for (const ContainerMount* mount : volumes_of(record))
    publish_volume_event(core, mount->point.name, "mount",
                         {{"container", record.id.str()},
                          {"destination", mount->point.destination},
                          {"propagation", mount->point.propagation},
                          {"read/write", mount->point.rw ? "true" : "false"}});
}

void publish_volume_unmounts(Core& core, const ContainerRecord& record) {
  for (const ContainerMount* mount : volumes_of(record))
    publish_volume_event(core, mount->point.name, "unmount", {{"container", record.id.str()}});
}

std::vector<std::string> release_volumes(Core& core, const ContainerRecord& record, AnonymousVolumes anonymous) {
  std::vector<std::string> doomed;
  for (const ContainerMount* mount : volumes_of(record)) {
    const std::string& name = mount->point.name;
    core.volumes->release(name, record.id);
    if (anonymous == AnonymousVolumes::Remove && mount->anonymous && core.volumes->doom(name))
      doomed.push_back(name);
  }
  return doomed;
}

void bury_volumes(Core& core, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    core.volumes->bury(name);
    publish_volume_event(core, name, "destroy");
  }
  if (!names.empty()) empty_volume_trash(core);
}

std::set<std::string> image_trees(Core& core) {
  std::set<std::string> trees;
  for (const ContainerPtr& container : core.containers->all())
    for (const ContainerMount& mount : container->record().mounts)
      if (is_image(mount)) trees.insert(mount.image_tree);
  return trees;
}

void remove_image_trees(Core& core, const ContainerRecord& record) {
  for (const ContainerMount& mount : record.mounts) {
    if (!is_image(mount)) continue;
    if (auto removed = core.snapshots->remove_container(ContainerId(mount.image_tree)); !removed)
      log::warning("container {}: remove the tree of a mounted image: {}", record.id.short_form(),
                   removed.error().message());
  }
}

void restore_holds(Core& core) {
  for (const ContainerPtr& container : core.containers->all()) {
    const ContainerRecord record = container->record();
    for (const ContainerMount* mount : volumes_of(record))
      if (auto held = core.volumes->hold(mount->point.name, record.id); !held)
        log::warning("container {}: {}", record.id.short_form(), held.error().message());
  }
}

void restore_mounts(Core& core) {
  for (const ContainerPtr& container : core.containers->all()) {
    if (!container->state().has_process()) continue;
    const ContainerRecord record = container->record();
    for (const ContainerMount* mount : volumes_of(record)) core.volumes->mounted(mount->point.name, record.id);
  }
  core.volumes->drop_unheld();
  empty_volume_trash(core);
}

}  // namespace wherry::engine
