#include "registry/settings.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include "base/strings.h"
#include "registry/url.h"

namespace wherry::registry {
namespace {

// An address as 16 bytes, IPv4 mapped, so that one comparison serves both.
std::optional<std::array<std::uint8_t, 16>> address_of(std::string_view text) {
  std::array<std::uint8_t, 16> bytes{};
  const std::string copy(text);
  if (::inet_pton(AF_INET6, copy.c_str(), bytes.data()) == 1) return bytes;
  bytes = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
  if (::inet_pton(AF_INET, copy.c_str(), bytes.data() + 12) == 1) return bytes;
  return std::nullopt;
}

bool in_network(std::string_view host, std::string_view network) {
  const auto parts = cut(network, '/');
  if (!parts) return false;
  const auto base = address_of(parts->before);
  const auto address = address_of(host);
  auto prefix = parse_u64(parts->after);
  if (!base || !address || !prefix) return false;
  if (parts->before.find(':') == std::string_view::npos) *prefix += 96;
  if (*prefix > 128) return false;
  for (std::size_t bit = 0; bit < *prefix; ++bit) {
    const unsigned mask = 0x80U >> (bit % 8);
    if (((*base)[bit / 8] & mask) != ((*address)[bit / 8] & mask)) return false;
  }
  return true;
}

Result<> check_mirror(const std::string& mirror) {
  const auto url = parse_url(mirror);
  if (!url)
    return Error::invalid(fmt::format("invalid mirror: {} is not a valid URI: {}", quote(mirror),
                                      url.error().message()));
  if (!url->query.empty() || mirror.find('#') != std::string::npos)
    return Error::invalid(
        fmt::format("invalid mirror: query or fragment at end of the URI {}", quote(mirror)));
  return {};
}

}  // namespace

Result<> check(const Settings& settings) {
  for (const std::string& mirror : settings.mirrors) TRY(check_mirror(mirror));
  for (const std::string& entry : settings.insecure_registries) {
    if (entry.find("://") != std::string::npos)
      return Error::invalid(
          fmt::format("insecure registry {} should not contain '://'", entry));
    if (entry.empty() || entry.front() == '-')
      return Error::invalid(fmt::format("insecure registry {} is not valid", quote(entry)));
  }
  return {};
}

std::string_view host_of(std::string_view domain) {
  if (domain.starts_with('[')) return domain.substr(1, domain.find(']') - 1);
  return domain.substr(0, domain.find(':'));
}

bool is_insecure(const Settings& settings, std::string_view domain) {
  const std::string_view host = host_of(domain);
  if (is_loopback_host(host)) return true;
  return std::ranges::any_of(settings.insecure_registries, [&](const std::string& entry) {
    return entry == domain || entry == host || in_network(host, entry);
  });
}

}  // namespace wherry::registry
