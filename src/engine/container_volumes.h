// The volumes of containers, from create to remove. Private to src/engine.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/undo.h"
#include "engine/core.h"
#include "engine/run_inputs.h"

namespace wherry::engine {

// --volumes-from: what the new container takes over. InvalidArgument names a missing container.
Result<std::vector<ContainerMount>> inherited_mounts(Core& core, const spec::docker::HostConfig& host_config);

// Makes or finds the volumes that the record names, held by its container from here on, and
// writes their paths into it; makes a tree for every image that is mounted. `undo` gives them
// back; those that were made go again.
Result<> make_volumes(Core& core, ContainerRecord& record, Undo& undo);
// Copies what the image has at their places into those that are empty. The container's tree exists.
Result<> fill_volumes(Core& core, const ContainerRecord& record);

// Detached mounts for the container's run: inputs.ready_mounts. Until release_run().
Result<> mount_volumes(Core& core, const ContainerRecord& record, RunInputs& inputs);
// "mount" and "unmount" of each volume, with docker's attributes.
void publish_volume_mounts(Core& core, const ContainerRecord& record);
void publish_volume_unmounts(Core& core, const ContainerRecord& record);

// The container lets go of its volumes; with Remove the anonymous ones that nobody else holds are
// gone from lists, and from disk when the container's own row is. The names of those: for bury().
enum class AnonymousVolumes : bool { Keep, Remove };
std::vector<std::string> release_volumes(Core& core, const ContainerRecord& record, AnonymousVolumes anonymous);
// After the container's row: deletes what is left of them.
void bury_volumes(Core& core, const std::vector<std::string>& names);

// The trees of mounted images: snapshots that belong to containers under ids of their own.
std::set<std::string> image_trees(Core& core);
void remove_image_trees(Core& core, const ContainerRecord& record);

// At start: every container holds what it names, running ones have it mounted.
void restore_holds(Core& core);
void restore_mounts(Core& core);

}  // namespace wherry::engine
