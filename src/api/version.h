// Versions of docker's Engine API, and the negotiation of them.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace wherry::api {

struct ApiVersion {
  std::uint32_t major = 1;
  std::uint32_t minor = 0;
  auto operator<=>(const ApiVersion&) const = default;
};

inline constexpr ApiVersion kNewest{1, 51};
inline constexpr ApiVersion kOldest{1, 24};

std::string to_string(ApiVersion version);
// "1.44" of a path "/v1.44/..."; docker's 400 sentences for one that we do not serve.
Result<ApiVersion> negotiate(std::string_view text);

}  // namespace wherry::api
