// config.json from outside: what wherry does not do is refused by its JSON path.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "spec/oci_runtime.h"

namespace wherry::runtime_cli {

// NotImplemented names the first field that is set and that nothing here acts on.
Result<spec::oci::Config> parse_config(std::string_view text);
Result<spec::oci::Process> parse_process(std::string_view text);

}  // namespace wherry::runtime_cli
