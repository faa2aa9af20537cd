// A container in docker's API: its Config, the create request, and the small bodies of the
// container verbs.
#pragma once

#include "base/value_type.h"
#include "spec/docker_common.h"
#include "spec/docker_host_config.h"
#include "spec/docker_network.h"

namespace wherry::spec::docker {

// Durations are nanoseconds; zero inherits.
struct HealthConfig {
  Strings test;
  std::int64_t interval = 0;
  std::int64_t timeout = 0;
  std::int64_t start_period = 0;
  std::int64_t start_interval = 0;
  std::int64_t retries = 0;
};

// The portable half of a container's configuration.
struct ContainerConfig {
  WHERRY_VALUE_TYPE(ContainerConfig);

  std::string hostname;
  std::string domainname;
  std::string user;
  bool attach_stdin = false;
  bool attach_stdout = false;
  bool attach_stderr = false;
  StringSet exposed_ports;
  bool tty = false;
  bool open_stdin = false;
  bool stdin_once = false;
  Strings env;
  Command cmd;
  std::optional<HealthConfig> healthcheck;
  bool args_escaped = false;
  std::string image;
  StringSet volumes;
  std::string working_dir;
  Command entrypoint;
  bool network_disabled = false;
  std::string mac_address;  // deprecated since 1.44: EndpointSettings.mac_address
  Strings on_build;
  StringMap labels;
  std::string stop_signal;
  std::optional<std::int64_t> stop_timeout;  // seconds
  Strings shell;
};

// POST /containers/create: a ContainerConfig with two more members.
struct ContainerCreateRequest : ContainerConfig {
  WHERRY_VALUE_TYPE(ContainerCreateRequest);

  std::optional<HostConfig> host_config;
  std::optional<NetworkingConfig> networking_config;
};

struct ContainerCreateResponse {
  std::string id;
  std::vector<std::string> warnings;  // [] if there are none
};

struct ContainerWaitError {
  std::string message;
};
struct ContainerWaitResponse {
  std::optional<ContainerWaitError> error;
  std::int64_t status_code = 0;
};

struct ContainerTopResponse {
  std::vector<std::vector<std::string>> processes;
  std::vector<std::string> titles;
};

// POST /containers/{id}/update.
struct ContainerUpdateRequest : Resources {
  RestartPolicy restart_policy;
};
struct ContainerUpdateResponse {
  Strings warnings;
};

// Bodies in docker_config_json.cc.
json::Value to_json(const HealthConfig& source);
Result<> from_json(const json::Value& value, HealthConfig& target);
json::Value to_json(const ContainerConfig& source);
Result<> from_json(const json::Value& value, ContainerConfig& target);
json::Value to_json(const ContainerCreateRequest& source);
Result<> from_json(const json::Value& value, ContainerCreateRequest& target);
json::Value to_json(const ContainerCreateResponse& source);
Result<> from_json(const json::Value& value, ContainerCreateResponse& target);
json::Value to_json(const ContainerWaitError& source);
Result<> from_json(const json::Value& value, ContainerWaitError& target);
json::Value to_json(const ContainerWaitResponse& source);
Result<> from_json(const json::Value& value, ContainerWaitResponse& target);
json::Value to_json(const ContainerTopResponse& source);
Result<> from_json(const json::Value& value, ContainerTopResponse& target);
json::Value to_json(const ContainerUpdateRequest& source);
Result<> from_json(const json::Value& value, ContainerUpdateRequest& target);
json::Value to_json(const ContainerUpdateResponse& source);
Result<> from_json(const json::Value& value, ContainerUpdateResponse& target);

}  // namespace wherry::spec::docker
