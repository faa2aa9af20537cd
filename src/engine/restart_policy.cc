#include "engine/restart_policy.h"

#include <fmt/format.h>

#include <algorithm>

namespace wherry::engine {
namespace {
using Kind = RestartPolicy::Kind;
using std::chrono::milliseconds;
constexpr milliseconds kFirstDelay{100};
constexpr milliseconds kLongestDelay{60'000};
constexpr std::chrono::seconds kHealthyRun{10};
}  // namespace

Result<RestartPolicy> RestartPolicy::parse(const std::string& name, std::int64_t maximum_retries) {
  if (name == "on-failure") {
    if (maximum_retries < 0)
      return Error::invalid("invalid restart policy: maximum retry count cannot be negative");
    return RestartPolicy{Kind::OnFailure, maximum_retries};
  }
  Kind kind = Kind::No;
  if (name == "always") kind = Kind::Always;
  else if (name == "unless-stopped") kind = Kind::UnlessStopped;
  else if (!name.empty() && name != "no")
    return Error::invalid(fmt::format(
        "invalid restart policy: unknown policy '{}'; use one of 'no', 'always', 'on-failure', or "
        "'unless-stopped'",
        name));
  if (maximum_retries != 0)
    return Error::invalid(
        fmt::format("invalid restart policy: maximum retry count can only be used with 'on-failure'{}",
                    maximum_retries < 0 ? " and cannot be negative" : ""));
  return RestartPolicy{kind, 0};
}

bool should_restart(const RestartPolicy& policy, const RestartHistory& history,
                    std::int64_t exit_code) {
  if (history.stopped_by_user) return false;
  switch (policy.kind) {
    case Kind::No: return false;
    case Kind::Always:
    case Kind::UnlessStopped: return true;
    case Kind::OnFailure:
      return exit_code != 0 &&
             (policy.maximum_retries == 0 || history.restart_count < policy.maximum_retries);
  }
  return false;
}

bool should_restart_at_engine_start(const RestartPolicy& policy, const RestartHistory& history,
                                    std::int64_t exit_code) {
  if (policy.kind == Kind::Always) return true;
  return should_restart(policy, history, exit_code);
}

milliseconds next_delay(milliseconds last_delay, std::chrono::nanoseconds run_time) {
  if (last_delay == milliseconds::zero() || run_time >= kHealthyRun) return kFirstDelay;
  return std::min(last_delay * 2, kLongestDelay);
}

}  // namespace wherry::engine
