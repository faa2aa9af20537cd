// A container in docker's API: its Config, the create request, and the small bodies of the
// container verbs.
#pragma once

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

}  // namespace wherry::spec::docker

namespace wherry::json {

template <>
struct Describe<spec::docker::HealthConfig> {
  using T = spec::docker::HealthConfig;
  static constexpr auto fields =
      std::tuple{omit_empty("Test", &T::test),
                 omit_empty("Interval", &T::interval),
                 omit_empty("Timeout", &T::timeout),
                 omit_empty("StartPeriod", &T::start_period),
                 omit_empty("StartInterval", &T::start_interval),
                 omit_empty("Retries", &T::retries)};
};

template <>
struct Describe<spec::docker::ContainerConfig> {
  using T = spec::docker::ContainerConfig;
  static constexpr auto fields =
      std::tuple{field("Hostname", &T::hostname),
                 field("Domainname", &T::domainname),
                 field("User", &T::user),
                 field("AttachStdin", &T::attach_stdin),
                 field("AttachStdout", &T::attach_stdout),
                 field("AttachStderr", &T::attach_stderr),
                 omit_empty("ExposedPorts", &T::exposed_ports),
                 field("Tty", &T::tty),
                 field("OpenStdin", &T::open_stdin),
                 field("StdinOnce", &T::stdin_once),
                 field("Env", &T::env),
                 field("Cmd", &T::cmd),
                 omit_empty("Healthcheck", &T::healthcheck),
                 omit_empty("ArgsEscaped", &T::args_escaped),
                 field("Image", &T::image),
                 field("Volumes", &T::volumes),
                 field("WorkingDir", &T::working_dir),
                 field("Entrypoint", &T::entrypoint),
                 omit_empty("NetworkDisabled", &T::network_disabled),
                 omit_empty("MacAddress", &T::mac_address),
                 field("OnBuild", &T::on_build),
                 field("Labels", &T::labels),
                 omit_empty("StopSignal", &T::stop_signal),
                 omit_empty("StopTimeout", &T::stop_timeout),
                 omit_empty("Shell", &T::shell)};
};

template <>
struct Describe<spec::docker::ContainerCreateRequest> {
  using T = spec::docker::ContainerCreateRequest;
  static constexpr auto fields =
      std::tuple_cat(Describe<spec::docker::ContainerConfig>::fields,
                     std::tuple{omit_empty("HostConfig", &T::host_config),
                                omit_empty("NetworkingConfig", &T::networking_config)});
};

template <>
struct Describe<spec::docker::ContainerCreateResponse> {
  using T = spec::docker::ContainerCreateResponse;
  static constexpr auto fields = std::tuple{field("Id", &T::id), field("Warnings", &T::warnings)};
};

template <>
struct Describe<spec::docker::ContainerWaitError> {
  static constexpr auto fields =
      std::tuple{omit_empty("Message", &spec::docker::ContainerWaitError::message)};
};

template <>
struct Describe<spec::docker::ContainerWaitResponse> {
  using T = spec::docker::ContainerWaitResponse;
  static constexpr auto fields =
      std::tuple{omit_empty("Error", &T::error), field("StatusCode", &T::status_code)};
};

template <>
struct Describe<spec::docker::ContainerTopResponse> {
  using T = spec::docker::ContainerTopResponse;
  static constexpr auto fields =
      std::tuple{field("Processes", &T::processes), field("Titles", &T::titles)};
};

template <>
struct Describe<spec::docker::ContainerUpdateRequest> {
  using T = spec::docker::ContainerUpdateRequest;
  static constexpr auto fields =
      std::tuple_cat(Describe<spec::docker::Resources>::fields,
                     std::tuple{field("RestartPolicy", &T::restart_policy)});
};

template <>
struct Describe<spec::docker::ContainerUpdateResponse> {
  static constexpr auto fields =
      std::tuple{field("Warnings", &spec::docker::ContainerUpdateResponse::warnings)};
};

}  // namespace wherry::json
