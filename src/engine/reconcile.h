// Brings the records in line with what the keeper and the kernel say, once at engine start.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "engine/container_state.h"
#include "engine/core.h"
#include "keeper/protocol.h"

namespace wherry::engine {

// What is to be done about one container, decided from plain data (and tested so).
enum class Verdict : std::uint8_t {
  Leave,        // the record is right: not running, and nothing runs
  Adopt,        // it runs: keep it, with the keeper's identity of the process
  RecordEnd,    // its run has ended, known or not: see Judgement::ending
  AbandonStart, // a start that was not let go: it never happened
  Remove,       // half removed, or ended with --rm
};
struct Judgement {
  Verdict verdict = Verdict::Leave;
  Ending ending;  // RecordEnd
};
struct Evidence {
  bool auto_remove = false;
  std::optional<keeper::Record> kept;             // the keeper's record of the container
  bool process_is_alive = false;                  // the process that `kept` names
};
Judgement judge(const State& state, const Evidence& evidence, Instant now);

// Adopts, ends, removes and cleans; then hands live endpoints to the network. Failures about one
// container are logged and do not stop the others.
Result<> reconcile(Core& core);

// Starts what a restart policy wants to run and does not; the last step of an engine's start.
void apply_restart_policies(Core& core);

}  // namespace wherry::engine
