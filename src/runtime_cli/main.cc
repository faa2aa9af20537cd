#include "runtime_cli/program.h"

int main(int count, char** arguments) {
  return wherry::runtime_cli::run_program({arguments, static_cast<std::size_t>(count)});
}
