#include "registry/url.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>

#include "base/strings.h"

namespace wherry::registry {
namespace {

constexpr std::size_t kMaximumUrl = 16 << 10;

struct FreeUrl {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
using Handle = std::unique_ptr<CURLU, FreeUrl>;

std::string part(CURLU* handle, CURLUPart which, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(handle, which, &text, flags) != CURLUE_OK) return "";
  std::string copy(text);
  curl_free(text);
  return copy;
}

Result<Url> from_handle(CURLU* handle, std::string_view text) {
  Url url{.scheme = part(handle, CURLUPART_SCHEME),
          .host = to_lower(part(handle, CURLUPART_HOST)),
          .port = part(handle, CURLUPART_PORT, CURLU_DEFAULT_PORT),
          .path = part(handle, CURLUPART_PATH),
          .query = part(handle, CURLUPART_QUERY)};
  if (url.scheme != "http" && url.scheme != "https")
    return Error::invalid(fmt::format("{}: only http and https are supported", quote(text)));
  if (!part(handle, CURLUPART_USER).empty() || !part(handle, CURLUPART_PASSWORD).empty())
    return Error::invalid("URL carries a user name or a password");
  if (url.host.empty()) return Error::invalid(fmt::format("{}: no host", quote(text)));
  return url;
}

Result<Handle> new_handle() {
  Handle handle(curl_url());
  if (!handle) return Error::internal("curl_url: out of memory");
  return handle;
}

std::optional<std::uint32_t> ipv4(std::string_view host) {
  in_addr address{};
  if (::inet_pton(AF_INET, std::string(host).c_str(), &address) != 1) return std::nullopt;
  return ntohl(address.s_addr);
}

std::optional<std::array<std::uint8_t, 16>> ipv6(std::string_view host) {
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  std::array<std::uint8_t, 16> address{};
  if (::inet_pton(AF_INET6, std::string(host).c_str(), address.data()) != 1) return std::nullopt;
  return address;
}

bool is_address(std::string_view host) { return ipv4(host) || ipv6(host); }

bool is_private_v4(std::uint32_t address) {
  struct Range {
    std::uint32_t network;
    int prefix;
  };
  static constexpr std::array kRanges = {
      Range{0x00000000, 8},  Range{0x0A000000, 8},  Range{0x64400000, 10}, Range{0x7F000000, 8},
      Range{0xA9FE0000, 16}, Range{0xAC100000, 12}, Range{0xC0A80000, 16},
  };
  return std::ranges::any_of(kRanges, [address](const Range& range) {
    return (address >> (32 - range.prefix)) == (range.network >> (32 - range.prefix));
  });
}

bool is_private_v6(const std::array<std::uint8_t, 16>& address) {
  const bool all_zero = std::all_of(address.begin(), address.end() - 1,
                                    [](std::uint8_t byte) { return byte == 0; });
  if (all_zero && address[15] <= 1) return true;                      // :: and ::1
  if ((address[0] & 0xFE) == 0xFC) return true;                       // fc00::/7
  if (address[0] == 0xFE && (address[1] & 0xC0) == 0x80) return true; // fe80::/10
  static constexpr std::array<std::uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
  if (std::memcmp(address.data(), kMapped.data(), kMapped.size()) != 0) return false;
  return is_private_v4(std::uint32_t{address[12]} << 24 | std::uint32_t{address[13]} << 16 |
                       std::uint32_t{address[14]} << 8 | address[15]);
}

// "auth.docker.io" -> "docker.io"; "a.b.co.uk" -> "b.co.uk"; "" if there is no such part.
std::string_view site_of(std::string_view host) {
  const auto labels = split(host, '.');
  if (labels.size() < 2) return {};
  const bool short_second = labels.back().size() == 2 && labels[labels.size() - 2].size() <= 3;
  const std::size_t wanted = short_second ? 3 : 2;
  if (labels.size() < wanted) return {};
  return host.substr(static_cast<std::size_t>(labels[labels.size() - wanted].data() - host.data()));
}

}  // namespace

std::string Url::authority() const {
  const bool standard = (scheme == "https" && port == "443") || (scheme == "http" && port == "80");
  return standard ? host : host + ":" + port;
}

std::string Url::str() const {
  std::string text = scheme + "://" + authority() + path;
  if (!query.empty()) text += "?" + query;
  return text;
}

Result<Url> parse_url(std::string_view text) {
  if (text.size() > kMaximumUrl) return Error::invalid("URL is longer than 16 KiB");
  const Handle handle = TRY(new_handle());
  if (const CURLUcode code = curl_url_set(handle.get(), CURLUPART_URL, std::string(text).c_str(), 0))
    return Error::invalid(fmt::format("{}: {}", quote(text), curl_url_strerror(code)));
  return from_handle(handle.get(), text);
}

Result<Url> resolve_location(const Url& base, std::string_view location) {
  if (location.size() > kMaximumUrl) return Error::invalid("URL is longer than 16 KiB");
  const Handle handle = TRY(new_handle());
  curl_url_set(handle.get(), CURLUPART_URL, base.str().c_str(), 0);
  if (const CURLUcode code =
          curl_url_set(handle.get(), CURLUPART_URL, std::string(location).c_str(), 0))
    return Error::invalid(fmt::format("{}: {}", quote(location), curl_url_strerror(code)));
  return from_handle(handle.get(), location);
}

std::string percent_encode(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) encoded += c;
    else encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return encoded;
}

Url with_query(Url url, std::string_view key, std::string_view value) {
  if (!url.query.empty()) url.query += "&";
  url.query += fmt::format("{}={}", key, percent_encode(value));
  return url;
}

bool is_loopback_host(std::string_view host) {
  if (host == "localhost" || host.ends_with(".localhost")) return true;
  if (const auto address = ipv4(host)) return *address >> 24 == 127;
  const auto address = ipv6(host);
  return address && is_private_v6(*address) && (*address)[0] == 0 && (*address)[15] == 1 &&
         (*address)[10] == 0;
}

bool is_private_address(std::string_view host) {
  if (const auto address = ipv4(host)) return is_private_v4(*address);
  if (const auto address = ipv6(host)) return is_private_v6(*address);
  return false;
}

bool same_site(std::string_view host_a, std::string_view host_b) {
  if (host_a == host_b) return true;
  if (is_address(host_a) || is_address(host_b)) return false;
  const std::string_view site = site_of(host_a);
  return !site.empty() && site == site_of(host_b);
}

}  // namespace wherry::registry
