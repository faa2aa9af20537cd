// The member tables of docker_config.h. Only docker_config_json.cc and code that walks the members
// themselves need them: everybody else calls json::parse and json::write.
#pragma once

#include "spec/docker_config.h"
#include "spec/docker_common_json.h"
#include "spec/docker_host_config_json.h"
#include "spec/docker_network_json.h"
#include "spec/json.h"

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
