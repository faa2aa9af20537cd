// The program wherry-runtime but for main().
#pragma once

#include <span>

namespace wherry::runtime_cli {

int run_program(std::span<char* const> arguments);

}  // namespace wherry::runtime_cli
