// What a config must be before anything is made: ranges, words, paths, and fields that exclude
// each other. Types are the reader's business. What the specification leaves to the host (a
// capability or a controller that it lacks) is not refused here.
// Errors carry the JSON path: "linux.resources.memory.limit: -2 is not between ...".
#pragma once

#include "base/result.h"
#include "spec/oci_runtime.h"

namespace wherry::runtime_cli {

Result<> check_config(const spec::oci::Config& config);
// `process` and its members, without that name.
Result<> check_process(const spec::oci::Process& process);
// `linux` without resources and seccomp, and those two.
Result<> check_linux(const spec::oci::Config& config);
Result<> check_resources(const spec::oci::Resources& resources);
Result<> check_seccomp(const spec::oci::Seccomp& seccomp);
// At most 340 ranges that do not overlap on either side.
Result<> check_mappings(const std::vector<spec::oci::IdMapping>& mappings);

// A field that is known and that nothing here acts on.
Error not_available();

}  // namespace wherry::runtime_cli
