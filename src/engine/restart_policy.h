// When a container that ended is started again: docker's four policies and their back-off.
// Pure functions; the timers are the engine's.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "base/result.h"

namespace wherry::engine {

struct RestartPolicy {
  enum class Kind : std::uint8_t { No, Always, OnFailure, UnlessStopped };
  Kind kind = Kind::No;
  std::int64_t maximum_retries = 0;  // OnFailure: 0 is without limit

  // `name` as in HostConfig.RestartPolicy.Name ("" is no); docker's sentences otherwise.
  static Result<RestartPolicy> parse(const std::string& name, std::int64_t maximum_retries);
};

// What has happened to the container, as far as its policy cares.
struct RestartHistory {
  std::int64_t restart_count = 0;      // restarts in a row by the policy
  bool stopped_by_user = false;        // stop, kill or restart by a user ended this run
  std::chrono::milliseconds delay{0};  // the last back-off; zero before the first
};

// An end while the engine is running.
bool should_restart(const RestartPolicy& policy, const RestartHistory& history,
                    std::int64_t exit_code);
// At engine start, for a container that ended while no engine was watching or in a former
// boot: `always` comes back even if a user had stopped it, `unless-stopped` does not.
bool should_restart_at_engine_start(const RestartPolicy& policy, const RestartHistory& history,
                                    std::int64_t exit_code);

// 100 ms, doubled for each restart in a row up to 60 s; a run of 10 s or more starts over.
std::chrono::milliseconds next_delay(std::chrono::milliseconds last_delay,
                                     std::chrono::nanoseconds run_time);

}  // namespace wherry::engine
