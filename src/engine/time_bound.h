// The `until` filter of the prune verbs: a point in time, or how long ago it was.
#pragma once

#include <optional>

#include "base/result.h"
#include "base/time.h"
#include "engine/requests.h"

namespace wherry::engine {

// As parse_moment() takes it. InvalidArgument for anything else, and for more than one value.
// Nothing without the filter.
Result<std::optional<Instant>> until_filter(const FilterMap& filters, Instant now = wherry::now());

}  // namespace wherry::engine
