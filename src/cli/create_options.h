// run and create: from flags to the body of POST /containers/create, field by field as
// docker's client sends it (every HostConfig field, zero values included).
#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/flags.h"
#include "cli/output.h"

namespace wherry::cli {

struct CreateOptions {
  boost::json::object config;  // the container's Config
  boost::json::object host_config;
  boost::json::object endpoints;  // NetworkingConfig.EndpointsConfig
  bool tty = false;
  bool open_stdin = false;
  bool attach_stdin = false;
  bool attach_stdout = false;
  bool attach_stderr = false;
  bool auto_remove = false;

  [[nodiscard]] bool attaches() const { return attach_stdin || attach_stdout || attach_stderr; }
  [[nodiscard]] std::string body() const;
};

enum class Background : bool { No, Yes };

// `arguments`: the image, the command and its arguments. Errors in docker's words.
Result<CreateOptions> create_options(const Flags& flags, const std::vector<std::string>& arguments,
                                     Background background, TerminalSize console);

// The file's KEY=VALUE lines; a bare KEY is copied from the environment if it is set there
// (BareKey::FromEnvironment), else left out. Comments begin with '#'.
enum class BareKey : bool { Drop, FromEnvironment };
Result<std::vector<std::string>> read_pairs_file(const std::string& path, BareKey bare);

}  // namespace wherry::cli
