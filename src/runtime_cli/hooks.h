// Hooks of the runtime's namespaces: prestart and createRuntime while a container is made,
// poststart behind `start`, poststop behind `delete`. Those of the container's namespaces are
// steps of its plan (runtime/hook_plan).
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "runtime_cli/container.h"
#include "runtime_cli/verbs.h"
#include "spec/oci_runtime.h"

namespace wherry::runtime_cli {

// What a hook reads from stdin; without `pid` where it is 0.
spec::oci::State hook_state(const Record& record, const char* status, pid_t pid);

// Runs them in order, in the bundle's directory. Stops at the first that fails, which also one is
// that takes longer than its timeout; it is killed then.
Result<> run_hooks(const char* kind, const std::vector<spec::oci::Hook>& hooks,
                   const spec::oci::State& state);
// All of them; what fails is a warning (the specification's rule for poststop).
void run_late_hooks(const Context& context, const char* kind,
                    const std::vector<spec::oci::Hook>& hooks, const spec::oci::State& state);

}  // namespace wherry::runtime_cli
