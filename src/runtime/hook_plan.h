// Hooks that run in the container's namespaces, as steps of its child. Those of the runtime's
// namespaces are the launcher's own (runtime_cli/hooks).
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "runtime/plan_builder.h"
#include "spec/oci_runtime.h"

namespace wherry::runtime {

// InvalidArgument with the JSON path of what is wrong: a relative path, a timeout that is not
// positive, too many words.
Result<> check_hooks(const spec::oci::Hooks& hooks);

// `state` is what the hooks read from stdin; the child puts its own pid into it. They run in
// `directory`, of the child's root at that moment; "": where the child is.
void plan_hooks(const std::vector<spec::oci::Hook>& hooks, const spec::oci::State& state, const std::string& directory,
                PlanBuilder& builder);

}  // namespace wherry::runtime
