// What a container inherits from its image, by docker's rules.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "spec/docker_config.h"
#include "spec/oci_image.h"

namespace wherry::engine {

// `config` as the client sent it becomes the effective one. InvalidArgument "no command
// specified" if neither side has one.
Result<> merge_image_config(spec::docker::ContainerConfig& config, const spec::RunConfig& image);

struct CommandLine {
  std::string path;
  std::vector<std::string> args;
};
// Of a merged configuration.
CommandLine command_line_of(const spec::docker::ContainerConfig& config);

}  // namespace wherry::engine
