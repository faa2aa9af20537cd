// Images in docker's API: inspect, list, remove, history. Progress streams: spec/progress.h.
#pragma once

#include "spec/docker_config.h"
#include "spec/docker_inspect.h"

namespace wherry::spec::docker {

// Config of an image as API 1.50 and later serve it. Older versions served the members of a
// ContainerConfig that an image cannot have, too: api/version_shims adds them.
struct ImageConfig {
  std::string user;
  StringSet exposed_ports;
  Strings env;
  Command entrypoint;
  Command cmd;
  StringSet volumes;
  std::string working_dir;
  StringMap labels;
  std::string stop_signal;
  bool args_escaped = false;
  std::optional<HealthConfig> healthcheck;
  Strings on_build;
  Strings shell;
};

struct ImageRootFs {
  std::string type;
  Strings layers;
};

struct ImageMetadata {
  std::string last_tag_time = "0001-01-01T00:00:00Z";
};

struct ImageInspect {
  std::string id;
  std::vector<std::string> repo_tags;
  std::vector<std::string> repo_digests;
  std::string parent;
  std::string comment;
  std::string created;
  std::string docker_version;
  std::string author;
  ImageConfig config;
  std::string architecture;
  std::string variant;
  std::string os;
  std::string os_version;
  std::int64_t size = 0;
  DriverData graph_driver;
  ImageRootFs root_fs;
  ImageMetadata metadata;
};

struct ImageSummary {
  std::int64_t containers = -1;  // -1: not counted
  std::int64_t created = 0;
  std::string id;
  StringMap labels;
  std::string parent_id;
  std::vector<std::string> repo_digests;
  std::vector<std::string> repo_tags;
  std::int64_t shared_size = -1;  // -1: not computed
  std::int64_t size = 0;
};

// One of the two members is set.
struct ImageDeleteResponse {
  std::string deleted;
  std::string untagged;
};

}  // namespace wherry::spec::docker

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
