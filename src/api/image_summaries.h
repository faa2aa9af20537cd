// What /images/json and /system/df both list.
#pragma once

#include <vector>

#include "base/result.h"
#include "engine/engine.h"
#include "image/images.h"
#include "spec/docker_image.h"

namespace wherry::api {

// With the number of containers per image if `counted`.
enum class CountContainers : bool { No, Yes };
Result<std::vector<spec::docker::ImageSummary>> image_summaries(engine::Engine& engine,
                                                                const image::ListOptions& options,
                                                                CountContainers counted);

}  // namespace wherry::api
