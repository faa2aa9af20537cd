#include "cli/dns_flags.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/strings.h"

namespace wherry::cli {
namespace {

constexpr std::size_t kMaximumDomain = 254;

std::optional<std::string> canonical_address(std::string_view text) {
  const std::string copy(text);
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  std::array<char, INET6_ADDRSTRLEN> shown{};
  for (const int family : {AF_INET, AF_INET6}) {
    if (::inet_pton(family, copy.c_str(), bytes.data()) != 1) continue;
    return ::inet_ntop(family, bytes.data(), shown.data(), shown.size());
  }
  return std::nullopt;
}

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_label(std::string_view label) {
  return !label.empty() && label.front() != '-' && label.back() != '-' &&
         std::ranges::all_of(label, [](char c) { return is_letter(c) || is_digit(c) || c == '-'; });
}

}  // namespace

Result<std::string> parse_dns_server(std::string_view text) {
  if (auto address = canonical_address(trim(text))) return std::move(*address);
  return Error::invalid(fmt::format("IP address is not correctly formatted: {}", text));
}

Result<std::string> parse_dns_search(std::string_view text) {
  std::string_view name = trim(text);
  if (name == ".") return std::string(name);
  if (name.ends_with('.')) name.remove_suffix(1);
  const bool valid = name.size() <= kMaximumDomain && std::ranges::any_of(name, is_letter) &&
                     std::ranges::all_of(split(name, '.'), is_label);
  if (!valid) return Error::invalid(fmt::format("{} is not a valid domain", text));
  return std::string(name);
}

Result<std::string> parse_extra_host(std::string_view text) {
  auto parts = cut(text, '=');
  if (!parts) parts = cut(text, ':');
  if (!parts || parts->before.empty())
    return Error::invalid(fmt::format("bad format for add-host: {}", quote(text)));
  std::string_view address = parts->after;
  if (address == "host-gateway") return fmt::format("{}:{}", parts->before, address);
  if (address.size() > 2 && address.front() == '[' && address.back() == ']')
    address = address.substr(1, address.size() - 2);
  if (!canonical_address(trim(address)))
    return Error::invalid(fmt::format("invalid IP address in add-host: {}", quote(address)));
  return fmt::format("{}:{}", parts->before, address);
}

}  // namespace wherry::cli
