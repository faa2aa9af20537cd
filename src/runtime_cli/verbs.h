// One function per command. The int is the exit code of the program.
#pragma once

#include <string>

#include "base/result.h"
#include "runtime_cli/options.h"

namespace wherry::runtime_cli {

struct Context {
  Options options;
  std::string root;  // --root
  // Warnings go to --log, or to stderr without one.
  void warn(const std::string& message) const;
};

Result<int> create_container(const Context& context);
Result<int> run_container(const Context& context);
Result<int> start_container(const Context& context);
Result<int> exec_in_container(const Context& context);
Result<int> print_state(const Context& context);
Result<int> kill_container(const Context& context);
Result<int> delete_container(const Context& context);
Result<int> pause_container(const Context& context);
Result<int> resume_container(const Context& context);
Result<int> update_container(const Context& context);
Result<int> list_containers(const Context& context);
Result<int> list_processes(const Context& context);
Result<int> write_spec(const Context& context);
Result<int> print_features(const Context& context);

}  // namespace wherry::runtime_cli
