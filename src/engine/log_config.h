// --log-driver and --log-opt -> what the pump writes.
#pragma once

#include <map>
#include <string>

#include "base/result.h"
#include "engine/container_record.h"
#include "keeper/protocol.h"

namespace wherry::engine {

// Fills in the engine's default driver, its options where the container names no driver of its
// own, and checks every option: docker's words for an unknown one, NotImplemented for those
// of later versions.
Result<> settle_log_config(spec::docker::LogConfig& config, const std::string& default_driver,
                           const std::map<std::string, std::string>& default_options);

// For a settled configuration.
Result<keeper::LogOptions> log_options_of(const ContainerRecord& record);

// "10m", "64k", "1g": docker's RAMInBytes, powers of 1024.
Result<std::int64_t> parse_size(std::string_view text);

}  // namespace wherry::engine
