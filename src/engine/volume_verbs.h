// Volumes, verb by verb. Private to src/engine.
#pragma once

#include "base/result.h"
#include "engine/core.h"
#include "engine/requests.h"
#include "spec/docker_volume.h"

namespace wherry::engine {

Result<spec::docker::Volume> create_volume(Core& core, const spec::docker::VolumeCreateRequest& request);
Result<spec::docker::Volume> inspect_volume(Core& core, const std::string& name);
Result<spec::docker::VolumeListResponse> list_volumes(Core& core, const FilterMap& filters);
Result<> remove_volume(Core& core, const std::string& name, Force force);
Result<spec::docker::VolumePruneResponse> prune_volumes(Core& core, const FilterMap& filters);

Result<std::vector<spec::docker::Volume>> volume_usage(Core& core);

// NotFound in docker's words unless it is "" or "local".
Result<> check_volume_driver(const std::string& volume, const std::string& driver);
// With docker's attributes: driver and `extra`.
void publish_volume_event(Core& core, const std::string& name, const std::string& action,
                          std::map<std::string, std::string> extra = {});
// Deletes what removed volumes left, in the background.
void empty_volume_trash(Core& core);

}  // namespace wherry::engine
