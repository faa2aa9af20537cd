// Keeps a container from overwriting the program that starts it (CVE-2019-5736): a process
// inside can open /proc/<pid>/exe of a child that has not yet exec'd, or make itself exec
// "/proc/self/exe". Called first thing in main() of the keeper, wherry-runtime and anything
// else that clones containers.
#pragma once

#include "base/result.h"

namespace wherry::runtime {

// Executes this program again from a read-only detached mount of itself (or, where that cannot
// be made, from a sealed memfd) and does not return; returns at once when it already runs from
// one. argv and environment stay as they are. The error is for the caller to weigh: it means
// that neither could be made.
Result<> run_from_read_only_self(char* const argv[]);

// Is /proc/self/exe out of reach of writers?
bool runs_from_read_only_self();

}  // namespace wherry::runtime
