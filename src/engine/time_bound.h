// The `until` filter of the prune verbs: a point in time, or how long ago it was.
#pragma once

#include <optional>

#include "base/result.h"
#include "base/time.h"
#include "engine/requests.h"

namespace wherry::engine {

// Unix seconds, RFC 3339, or a Go duration ("24h", "1h30m") before `now`. InvalidArgument for
// anything else, and for more than one value. Nothing without the filter.
Result<std::optional<Instant>> until_filter(const FilterMap& filters, Instant now = wherry::now());

}  // namespace wherry::engine
