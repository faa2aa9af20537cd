// Starting the engine when none listens on the default socket.
#pragma once

#include <string>

#include "base/result.h"

namespace wherry::cli {

// Starts the wherryd that lies beside this program, in a session of its own, and waits until
// it says that it is ready. True: it listens now (or another one that won the race). The
// error names the last line of its log and where the log is.
Result<bool> start_engine();

// What `wherryd --check` of the wherryd beside this program prints.
Result<std::string> check_by_engine_program();

}  // namespace wherry::cli
