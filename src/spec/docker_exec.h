// Exec in docker's API: create, start and inspect.
#pragma once

#include "spec/docker_common.h"

namespace wherry::spec::docker {

// POST /containers/{id}/exec.
struct ExecCreateRequest {
  std::string user;
  bool privileged = false;
  bool tty = false;
  std::optional<ConsoleSize> console_size;
  bool attach_stdin = false;
  bool attach_stderr = false;
  bool attach_stdout = false;
  bool detach = false;
  std::string detach_keys;
  Strings env;
  std::string working_dir;
  Command cmd;
};

// POST /exec/{id}/start.
struct ExecStartRequest {
  bool detach = false;
  bool tty = false;
  std::optional<ConsoleSize> console_size;
};

struct ExecProcessConfig {
  bool tty = false;
  std::string entrypoint;
  std::vector<std::string> arguments;
  std::optional<bool> privileged;
  std::string user;
};

// GET /exec/{id}/json.
struct ExecInspect {
  std::string id;
  bool running = false;
  std::optional<std::int64_t> exit_code;  // null until it ended
  ExecProcessConfig process_config;
  bool open_stdin = false;
  bool open_stderr = false;
  bool open_stdout = false;
  bool can_remove = false;
  std::string container_id;
  std::string detach_keys;  // base64 of the key bytes
  std::int64_t pid = 0;
};

}  // namespace wherry::spec::docker

namespace wherry::json {

template <>
struct Describe<spec::docker::ExecCreateRequest> {
  using T = spec::docker::ExecCreateRequest;
  static constexpr auto fields = std::tuple{field("User", &T::user),
                                            field("Privileged", &T::privileged),
                                            field("Tty", &T::tty),
                                            omit_empty("ConsoleSize", &T::console_size),
                                            field("AttachStdin", &T::attach_stdin),
                                            field("AttachStderr", &T::attach_stderr),
                                            field("AttachStdout", &T::attach_stdout),
                                            field("Detach", &T::detach),
                                            field("DetachKeys", &T::detach_keys),
                                            field("Env", &T::env),
                                            field("WorkingDir", &T::working_dir),
                                            field("Cmd", &T::cmd)};
};

template <>
struct Describe<spec::docker::ExecStartRequest> {
  using T = spec::docker::ExecStartRequest;
  static constexpr auto fields =
      std::tuple{field("Detach", &T::detach), field("Tty", &T::tty),
                 omit_empty("ConsoleSize", &T::console_size)};
};

template <>
struct Describe<spec::docker::ExecProcessConfig> {
  using T = spec::docker::ExecProcessConfig;
  static constexpr auto fields =
      std::tuple{field("tty", &T::tty), field("entrypoint", &T::entrypoint),
                 field("arguments", &T::arguments), omit_empty("privileged", &T::privileged),
                 omit_empty("user", &T::user)};
};

template <>
struct Describe<spec::docker::ExecInspect> {
  using T = spec::docker::ExecInspect;
  static constexpr auto fields = std::tuple{field("ID", &T::id),
                                            field("Running", &T::running),
                                            field("ExitCode", &T::exit_code),
                                            field("ProcessConfig", &T::process_config),
                                            field("OpenStdin", &T::open_stdin),
                                            field("OpenStderr", &T::open_stderr),
                                            field("OpenStdout", &T::open_stdout),
                                            field("CanRemove", &T::can_remove),
                                            field("ContainerID", &T::container_id),
                                            field("DetachKeys", &T::detach_keys),
                                            field("Pid", &T::pid)};
};

}  // namespace wherry::json
