// What older versions of the API want different: requests are lifted to the newest meaning,
// answers are put back into the old shape. Each rule names the version that changed it.
#pragma once

#include "api/version.h"
#include "base/result.h"
#include "spec/docker_container.h"
#include "spec/docker_exec.h"
#include "spec/json.h"

namespace wherry::api {

// Also what docker's router does for every version (PidsLimit <= 0 is no limit).
Result<> shim_create(spec::docker::ContainerCreateRequest& request, ApiVersion version);
void shim_exec_create(spec::docker::ExecCreateRequest& request, ApiVersion version);

void shim_container_inspect(json::Value& container, ApiVersion version);
void shim_container_list(json::Value& containers, ApiVersion version);
void shim_image_inspect(json::Value& image, ApiVersion version);
void shim_image_list(json::Value& images, ApiVersion version);
void shim_info(json::Value& info, ApiVersion version);

}  // namespace wherry::api
