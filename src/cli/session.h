// One run of the program: who it is called, its global flags, its settings and its engine.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/config_file.h"
#include "cli/flags.h"
#include "cli/table.h"
#include "client/engine.h"

namespace wherry::cli {

inline constexpr std::string_view kDefaultHost = "unix:///run/wherry/wherry.sock";

class Session {
 public:
  // `program`: "wherry", or "docker" when called through a link of that name.
  Session(std::string program, const Flags& globals);

  [[nodiscard]] const std::string& program() const { return program_; }
  // Where the engine is said to be: "default" or the name of a context.
  Result<std::string> context_name();
  Result<ConfigFile*> config();
  // The engine that the flags, the environment and the contexts name. Nothing is sent yet.
  // The one at the default socket is started if nobody listens there.
  Result<client::Engine*> engine();
  // For commands that only look and shall not start an engine.
  void do_not_start_engine() { may_start_ = false; }

 private:
  Result<std::string> host();
  Result<std::vector<std::pair<std::string, std::string>>> headers();

  std::string program_;
  std::vector<std::string> hosts_;
  std::string context_;
  std::string config_directory_;
  bool may_start_ = true;
  std::optional<ConfigFile> config_;
  std::unique_ptr<client::Engine> engine_;
};

// What a command gets.
struct Invocation {
  Session& session;
  const CommandSpec& spec;
  std::string path;  // as typed: "run" or "container run"
  const Flags& flags;
  const std::vector<std::string>& arguments;
};
// Returns the exit code.
using Handler = int (*)(const Invocation&);

// Prints the message and returns 1.
int fail(const Error& error);

// Runs the program; returns its exit code.
int run_program(std::vector<std::string> words);

}  // namespace wherry::cli
