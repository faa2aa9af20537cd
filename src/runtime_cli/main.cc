#include <string_view>

#include "runtime_cli/program.h"
#include "sys/id_map.h"

int main(int count, char** arguments) {
  // Started by ourselves, for the ids of a mount.
  if (count == 2 && std::string_view(arguments[1]) == "--user-namespace") return wherry::sys::run_user_namespace_worker();
  return wherry::runtime_cli::run_program({arguments, static_cast<std::size_t>(count)});
}
