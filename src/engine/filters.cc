#include "engine/filters.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>

#include "base/strings.h"

namespace wherry::engine {

Result<> check_filter_keys(const FilterMap& filters, std::span<const std::string_view> known) {
  for (const auto& [key, values] : filters)
    if (std::ranges::find(known, key) == known.end())
      return Error::invalid(fmt::format("invalid filter '{}'", key));
  return {};
}

const std::vector<std::string>& filter_values(const FilterMap& filters, const std::string& key) {
  static const std::vector<std::string> none;
  const auto found = filters.find(key);
  return found == filters.end() ? none : found->second;
}

bool matches_exactly(const FilterMap& filters, const std::string& key, std::string_view text) {
  const auto& values = filter_values(filters, key);
  return values.empty() || std::ranges::find(values, text) != values.end();
}

bool matches_labels(const FilterMap& filters, const std::string& key,
                    const std::map<std::string, std::string>& labels) {
  return std::ranges::all_of(filter_values(filters, key), [&](const std::string& wanted) {
    const auto pair = cut(wanted, '=');
    const auto found = labels.find(std::string(pair ? pair->before : std::string_view(wanted)));
    return found != labels.end() && (!pair || found->second == pair->after);
  });
}

bool matches_pattern(const FilterMap& filters, const std::string& key, std::string_view text) {
  const auto& values = filter_values(filters, key);
  return values.empty() || std::ranges::any_of(values, [&](const std::string& value) {
           if (value == text) return true;
           const RE2 pattern(value, RE2::Quiet);
           return pattern.ok() && RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), pattern);
         });
}

Result<bool> boolean_filter(const FilterMap& filters, const std::string& key, bool fallback) {
  const auto& values = filter_values(filters, key);
  if (values.empty()) return fallback;
  const bool yes = std::ranges::all_of(values, [](const auto& v) { return v == "true" || v == "1"; });
  const bool no = std::ranges::all_of(values, [](const auto& v) { return v == "false" || v == "0"; });
  if (yes == no)
    return Error::invalid(fmt::format("invalid filter '{}=[{}]'", key, join(values, " ")));
  return yes;
}

}  // namespace wherry::engine
