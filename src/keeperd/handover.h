// A keeper that becomes a newer build of itself: the same process goes on with another program, so
// it stays the parent of its containers, and no exit code, counter or connection to the pump is
// lost. What is on the run directory and in the pump the newer one finds there, as after a death;
// the handover has the rest: numbers of descriptors that stay open, and what only memory knew.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "keeper/protocol.h"
#include "sys/fd.h"

namespace wherry::keeperd {

struct Handover {
  std::string run_directory;  // by which a keeper is told from others in a list of processes
  // Descriptors; -1 where absent.
  std::int32_t directory = -1, records = -1, lock = -1;  // RunDirectory
  std::int32_t listener = -1;
  std::int32_t host_root = -1, dev_null = -1;
  std::int32_t pump = -1;  // the connection
  std::vector<std::int32_t> pump_pids;  // pumps that are our children

  struct Process {
    keeper::Target target;
    bool is_child = false;
    bool reaped = false;      // `exit` is what it ended with; its output is being drained
    keeper::ExitReport exit;
    std::int32_t oom_counter = -1;
  };
  std::vector<Process> processes;
};

// docs/formats/keeper-protocol.md, "Handover".
std::string encode(const Handover& value);
Result<Handover> decode_handover(std::string_view bytes);

// Executes `program` with `handover` in place of this one. Returns only if that failed; every
// descriptor is then as it was.
Error execute_successor(const sys::Fd& program, const Handover& handover);

// The successor's side: reads the memfd, and makes every descriptor close-on-exec again.
Result<Handover> receive_handover(const sys::Fd& memfd);

}  // namespace wherry::keeperd
