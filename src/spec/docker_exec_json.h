// The member tables of docker_exec.h. Only docker_exec_json.cc and code that walks the members
// themselves need them: everybody else calls json::parse and json::write.
#pragma once

#include "spec/docker_exec.h"
#include "spec/docker_common_json.h"
#include "spec/json.h"

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
