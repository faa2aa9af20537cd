// config.json from outside: what is wrong in it, and what wherry does not do, is refused by its JSON
// path before anything is made.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "spec/oci_runtime.h"

namespace wherry::runtime_cli {

// A wrong document is InvalidArgument, a field that is set and that nothing here acts on
// NotImplemented; both name the field: "config.json: linux.seccomp.flags[0]: ...".
Result<spec::oci::Config> parse_config(std::string_view text);
// Hooks that name no environment have ours, as with runc and crun. Done by parse_config.
void complete_hooks(spec::oci::Config& config);
Result<spec::oci::Process> parse_process(std::string_view text);
// The document of update's --resources, which is config.json's linux.resources.
Result<spec::oci::Resources> parse_resources(std::string_view text);

}  // namespace wherry::runtime_cli
