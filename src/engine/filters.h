// What the filters of every list verb share.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/requests.h"

namespace wherry::engine {

// InvalidArgument "invalid filter 'x'" for a key that is not in `known`.
Result<> check_filter_keys(const FilterMap& filters, std::span<const std::string_view> known);

// The values of `key`; none if it is not set.
const std::vector<std::string>& filter_values(const FilterMap& filters, const std::string& key);

// True without the filter, or if `text` equals one of its values.
bool matches_exactly(const FilterMap& filters, const std::string& key, std::string_view text);

// "key" or "key=value", all of which must hold (docker's label filter).
bool matches_labels(const FilterMap& filters, const std::string& key,
                    const std::map<std::string, std::string>& labels);

// docker's name and id filters: a value is an RE2 pattern that may match anywhere; a
// pattern that does not compile is compared as text.
bool matches_pattern(const FilterMap& filters, const std::string& key, std::string_view text);

// A filter that is one boolean ("true", "1", "false", "0"); `fallback` without it.
Result<bool> boolean_filter(const FilterMap& filters, const std::string& key, bool fallback);

}  // namespace wherry::engine
