// The values of --dns, --dns-search and --add-host as docker's client checks and sends them.
// Thread rule: pure functions.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace wherry::cli {

// An address in its shortest form. "IP address is not correctly formatted: x".
Result<std::string> parse_dns_server(std::string_view text);
// "." (no search list), or a domain, from which the last dot is taken: "x is not a valid domain".
Result<std::string> parse_dns_search(std::string_view text);
// "name:address" from name:address, name=address or name=[v6]; the address may be the word
// host-gateway, which the engine knows the meaning of.
Result<std::string> parse_extra_host(std::string_view text);

}  // namespace wherry::cli
