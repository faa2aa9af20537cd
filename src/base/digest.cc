#include "base/digest.h"

#include <fmt/format.h>

#include "base/strings.h"

namespace wherry {
namespace {

constexpr std::string_view kPrefix = "sha256:";
constexpr std::size_t kHexLength = 64;
constexpr std::size_t kQuotedInErrors = 128;

bool is_lower_hex(std::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace

Result<Digest> Digest::parse(std::string_view text) {
  const bool canonical = text.starts_with(kPrefix) &&
                         text.size() == kPrefix.size() + kHexLength &&
                         is_lower_hex(text.substr(kPrefix.size()));
  if (!canonical)
    return Error::invalid(fmt::format("invalid digest {}", quote(text.substr(0, kQuotedInErrors))));
  return Digest(std::string(text));
}

Digest Digest::from_bytes(const std::array<std::uint8_t, 32>& sha256) {
  return Digest(fmt::format("{}{}", kPrefix, to_hex(sha256)));
}

std::string_view Digest::hex() const {
  return text_.empty() ? std::string_view() : std::string_view(text_).substr(kPrefix.size());
}

}  // namespace wherry
