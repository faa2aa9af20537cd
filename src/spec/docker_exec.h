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

// Bodies in docker_exec_json.cc.
json::Value to_json(const ExecCreateRequest& source);
Result<> from_json(const json::Value& value, ExecCreateRequest& target);
json::Value to_json(const ExecStartRequest& source);
Result<> from_json(const json::Value& value, ExecStartRequest& target);
json::Value to_json(const ExecProcessConfig& source);
Result<> from_json(const json::Value& value, ExecProcessConfig& target);
json::Value to_json(const ExecInspect& source);
Result<> from_json(const json::Value& value, ExecInspect& target);

}  // namespace wherry::spec::docker
