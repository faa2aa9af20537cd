// wherry: the command line of the container engine.
#include <string>
#include <vector>

#include "cli/session.h"

int main(int argc, char** argv) {
  return wherry::cli::run_program(std::vector<std::string>(argv, argv + argc));
}
