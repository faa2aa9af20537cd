#include "engine/time_bound.h"

#include <fmt/format.h>

#include <array>
#include <string_view>

#include "base/strings.h"
#include "engine/filters.h"

namespace wherry::engine {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t seconds;
};
constexpr std::array<Unit, 3> kUnits = {{{"h", 3600}, {"m", 60}, {"s", 1}}};
constexpr std::int64_t kMost = 1'000'000'000;  // of one unit

// Whole hours, minutes and seconds, in that order: "1h30m".
std::optional<std::chrono::seconds> duration_from(std::string_view text) {
  std::int64_t total = 0;
  bool any = false;
  for (const Unit& unit : kUnits) {
    const auto parts = cut(text, unit.name.front());
    if (!parts) continue;
    const auto count = parse_u64(parts->before);
    if (!count || *count > kMost) return std::nullopt;
    total += static_cast<std::int64_t>(*count) * unit.seconds;
    text = parts->after;
    any = true;
  }
  if (!any || !text.empty()) return std::nullopt;
  return std::chrono::seconds(total);
}

}  // namespace

Result<std::optional<Instant>> until_filter(const FilterMap& filters, Instant now) {
  const auto& values = filter_values(filters, "until");
  if (values.empty()) return std::nullopt;
  if (values.size() > 1) return Error::invalid("more than one until filter specified");
  const std::string& text = values.front();
  if (const auto seconds = parse_i64(text)) return Instant(std::chrono::seconds(*seconds));
  if (const auto instant = parse_rfc3339(text)) return *instant;
  if (const auto ago = duration_from(text)) return now - *ago;
  return Error::invalid(fmt::format("failed to parse value as time or duration: {}", quote(text)));
}

}  // namespace wherry::engine
