#include "engine/time_bound.h"

#include <fmt/format.h>

#include "base/moment.h"
#include "base/strings.h"
#include "engine/filters.h"

namespace wherry::engine {

Result<std::optional<Instant>> until_filter(const FilterMap& filters, Instant now) {
  const auto& values = filter_values(filters, "until");
  if (values.empty()) return std::nullopt;
  if (values.size() > 1) return Error::invalid("more than one until filter specified");
  const std::string& text = values.front();
  if (const auto moment = parse_moment(text, now)) return *moment;
  return Error::invalid(fmt::format("failed to parse value as time or duration: {}", quote(text)));
}

}  // namespace wherry::engine
