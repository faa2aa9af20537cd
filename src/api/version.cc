#include "api/version.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"

namespace wherry::api {
namespace {

// docker compares component by component and takes what is no number for 0.
std::uint32_t component(std::string_view text) {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(parse_u64(text).value_or(0), 9999));
}

}  // namespace

std::string to_string(ApiVersion version) {
  return fmt::format("{}.{}", version.major, version.minor);
}

Result<ApiVersion> negotiate(std::string_view text) {
  const auto halves = cut(text, '.');
  const ApiVersion version{component(halves ? halves->before : text),
                           component(halves ? halves->after : "")};
  if (version < kOldest)
    return Error::invalid(fmt::format(
        "client version {} is too old. Minimum supported API version is {}, please upgrade your "
        "client to a newer version",
        text, to_string(kOldest)));
  if (version > kNewest)
    return Error::invalid(
        fmt::format("client version {} is too new. Maximum supported API version is {}", text,
                    to_string(kNewest)));
  return version;
}

}  // namespace wherry::api
