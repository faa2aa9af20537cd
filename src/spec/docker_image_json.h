// The member tables of docker_image.h. Only docker_image_json.cc and code that walks the members
// themselves need them: everybody else calls json::parse and json::write.
#pragma once

#include "spec/docker_image.h"
#include "spec/docker_config_json.h"
#include "spec/docker_inspect_json.h"
#include "spec/json.h"

namespace wherry::json {

template <>
struct Describe<spec::docker::ImageConfig> {
  using T = spec::docker::ImageConfig;
  static constexpr auto fields = std::tuple{field("User", &T::user),
                                            omit_empty("ExposedPorts", &T::exposed_ports),
                                            field("Env", &T::env),
                                            field("Entrypoint", &T::entrypoint),
                                            field("Cmd", &T::cmd),
                                            field("Volumes", &T::volumes),
                                            field("WorkingDir", &T::working_dir),
                                            field("Labels", &T::labels),
                                            omit_empty("StopSignal", &T::stop_signal),
                                            omit_empty("ArgsEscaped", &T::args_escaped),
                                            omit_empty("Healthcheck", &T::healthcheck),
                                            field("OnBuild", &T::on_build),
                                            omit_empty("Shell", &T::shell)};
};

template <>
struct Describe<spec::docker::ImageRootFs> {
  using T = spec::docker::ImageRootFs;
  static constexpr auto fields =
      std::tuple{omit_empty("Type", &T::type), omit_empty("Layers", &T::layers)};
};

template <>
struct Describe<spec::docker::ImageMetadata> {
  static constexpr auto fields =
      std::tuple{field("LastTagTime", &spec::docker::ImageMetadata::last_tag_time)};
};

template <>
struct Describe<spec::docker::ImageInspect> {
  using T = spec::docker::ImageInspect;
  static constexpr auto fields = std::tuple{field("Id", &T::id),
                                            field("RepoTags", &T::repo_tags),
                                            field("RepoDigests", &T::repo_digests),
                                            field("Parent", &T::parent),
                                            field("Comment", &T::comment),
                                            omit_empty("Created", &T::created),
                                            field("DockerVersion", &T::docker_version),
                                            field("Author", &T::author),
                                            field("Config", &T::config),
                                            field("Architecture", &T::architecture),
                                            omit_empty("Variant", &T::variant),
                                            field("Os", &T::os),
                                            omit_empty("OsVersion", &T::os_version),
                                            field("Size", &T::size),
                                            field("GraphDriver", &T::graph_driver),
                                            field("RootFS", &T::root_fs),
                                            field("Metadata", &T::metadata)};
};

template <>
struct Describe<spec::docker::ImageSummary> {
  using T = spec::docker::ImageSummary;
  static constexpr auto fields =
      std::tuple{field("Containers", &T::containers),
                 field("Created", &T::created),
                 field("Id", &T::id),
                 field("Labels", &T::labels),
                 field("ParentId", &T::parent_id),
                 field("RepoDigests", &T::repo_digests),
                 field("RepoTags", &T::repo_tags),
                 field("SharedSize", &T::shared_size),
                 field("Size", &T::size)};
};

template <>
struct Describe<spec::docker::ImageDeleteResponse> {
  using T = spec::docker::ImageDeleteResponse;
  static constexpr auto fields =
      std::tuple{omit_empty("Deleted", &T::deleted), omit_empty("Untagged", &T::untagged)};
};

}  // namespace wherry::json
