// `docker logs`: replays a json-file log over its rotated files and follows it.
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>

#include "base/result.h"
#include "engine/requests.h"
#include "sys/fd.h"

namespace wherry::engine {

struct LogSource {
  std::string path;        // of the newest file
  // Readable (never read by us) once the container has ended and its log is complete: a
  // follower then gives what is left and returns. Unused without `follow`.
  sys::Fd ended;
  // Without `follow`: where to stop in the newest file; nullopt: at its end.
  std::optional<std::int64_t> newest_end = std::nullopt;
};

// Blocks until the log is replayed, or with `follow` until the container ends, `until` has
// passed, the sink fails or `stop` is requested (Cancelled).
Result<> read_logs(const LogSource& source, const LogsOptions& options, const LogSink& sink,
                   std::stop_token stop);

}  // namespace wherry::engine
