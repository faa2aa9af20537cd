#include "api/origin.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <array>

#include "base/strings.h"

namespace wherry::api {
namespace {

bool is_address(std::string_view text) {
  const std::string host(text);
  std::array<unsigned char, sizeof(in6_addr)> ignored{};
  return ::inet_pton(AF_INET, host.c_str(), ignored.data()) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), ignored.data()) == 1;
}

// "host:port", "[v6]:port" or "host".
std::string_view host_of(std::string_view header) {
  if (header.starts_with('[')) return header.substr(1, header.find(']') - 1);
  return header.substr(0, header.rfind(':'));
}

}  // namespace

Result<> check_origin(const http::Request& request) {
  if (request.transport == http::Transport::Unix) return {};
  if (request.has_header("Origin"))
    return Error(ErrorKind::Forbidden, "requests of web pages are not served");
  const std::string_view host = host_of(request.header("Host"));
  // The name that docker's own clients put there for every engine.
  const bool known = is_address(host) || equals_ignore_case(host, "localhost") ||
                     equals_ignore_case(host, "api.moby.localhost") || host.empty();
  if (known) return {};
  return Error(
      ErrorKind::Forbidden,
      fmt::format("host {} is not served over TCP: use an address or localhost", quote(host)));
}

}  // namespace wherry::api
