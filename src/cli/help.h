// Help texts in docker's layout; what is not available yet is marked.
#pragma once

#include <string>
#include <string_view>

#include "cli/table.h"

namespace wherry::cli {

// "Usage:  docker rm [OPTIONS] CONTAINER [CONTAINER...]"
std::string usage_line(std::string_view program, std::string_view path, const CommandSpec& spec);
// The whole of --help for a command, a group or (path "") the program, right for a terminal
// of that many columns.
std::string help_text(std::string_view program, std::string_view path, const CommandSpec& spec,
                      std::size_t columns);
// The command or sub-command of `group` ("" for all) whose name is nearest to `word`; "" if
// none is near.
std::string nearest_command(std::string_view group, std::string_view word);

}  // namespace wherry::cli
