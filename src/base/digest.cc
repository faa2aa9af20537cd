#include "base/digest.h"

#include <fmt/format.h>

#include "base/strings.h"

namespace wherry {
namespace {

constexpr std::string_view kPrefix = "sha256:";
constexpr std::size_t kHexLength = 64;

bool is_lower_hex(std::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace

Result<Digest> Digest::parse(std::string_view text) {
  const auto parts = cut(text, ':');
  if (!parts || parts->before.empty() || parts->after.empty())
    return Error::invalid("invalid checksum digest format");
  if (parts->before != "sha256") return Error::invalid("unsupported digest algorithm");
  return from_hex(parts->after);
}

Result<Digest> Digest::from_hex(std::string_view hex) {
  if (hex.size() != kHexLength) return Error::invalid("invalid checksum digest length");
  if (!is_lower_hex(hex)) return Error::invalid("invalid checksum digest format");
  return Digest(fmt::format("{}{}", kPrefix, hex));
}

Digest Digest::from_bytes(const std::array<std::uint8_t, 32>& sha256) {
  return Digest(fmt::format("{}{}", kPrefix, to_hex(sha256)));
}

std::string_view Digest::hex() const {
  return text_.empty() ? std::string_view() : std::string_view(text_).substr(kPrefix.size());
}

}  // namespace wherry
