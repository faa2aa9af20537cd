// Images in docker's API: inspect, list, remove, history. Progress streams: spec/progress.h.
#pragma once

#include "base/value_type.h"
#include "spec/docker_config.h"
#include "spec/docker_inspect.h"

namespace wherry::spec::docker {

// Config of an image as API 1.50 and later serve it. Older versions served the members of a
// ContainerConfig that an image cannot have, too: api/version_shims adds them.
struct ImageConfig {
  WHERRY_VALUE_TYPE(ImageConfig);

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
  WHERRY_VALUE_TYPE(ImageInspect);

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
  WHERRY_VALUE_TYPE(ImageSummary);

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

// Bodies in docker_image_json.cc.
json::Value to_json(const ImageConfig& source);
Result<> from_json(const json::Value& value, ImageConfig& target);
json::Value to_json(const ImageRootFs& source);
Result<> from_json(const json::Value& value, ImageRootFs& target);
json::Value to_json(const ImageMetadata& source);
Result<> from_json(const json::Value& value, ImageMetadata& target);
json::Value to_json(const ImageInspect& source);
Result<> from_json(const json::Value& value, ImageInspect& target);
json::Value to_json(const ImageSummary& source);
Result<> from_json(const json::Value& value, ImageSummary& target);
json::Value to_json(const ImageDeleteResponse& source);
Result<> from_json(const json::Value& value, ImageDeleteResponse& target);

}  // namespace wherry::spec::docker
