// Everything of a container in docker's API.
#pragma once

#include "spec/docker_config.h"       // IWYU pragma: export
#include "spec/docker_host_config.h"  // IWYU pragma: export
#include "spec/docker_inspect.h"      // IWYU pragma: export
#include "spec/docker_mount.h"        // IWYU pragma: export
#include "spec/docker_network.h"      // IWYU pragma: export
