// Blocking request and answer on the keeper's socket, and the start of a keeper that is not
// there. For Client only.
#pragma once

#include <chrono>
#include <string>

#include "base/result.h"
#include "keeper/wire.h"
#include "sys/fd.h"

namespace wherry::keeper {

using Deadline = std::chrono::steady_clock::time_point;

// The socket below the run directory.
std::string socket_path(const std::string& run_directory);

// Waits for one whole message. Error kinds: Deadline, Unavailable (the peer is gone).
Result<Message> receive_until(const sys::Fd& socket, Assembler& assembler, Deadline deadline);

// Spawns `program` in a session of its own and waits for its ready byte. Conflict when another
// keeper owns the run directory: that one answers on the socket, or will.
Result<> spawn_keeper(const std::string& program, const std::string& run_directory,
                      Deadline deadline);

// True for errors that say "the other side is gone".
bool is_disconnected(const Error& error);

}  // namespace wherry::keeper
