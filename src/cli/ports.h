// Small translations that several commands share.
#pragma once

#include <boost/json/value.hpp>
#include <map>
#include <string>
#include <vector>

#include "client/engine.h"

namespace wherry::cli {

// The PORTS column: "80/tcp, 0.0.0.0:8080->80/tcp", neighbouring ports joined to ranges.
std::string displayable_ports(const boost::json::value& ports);

// --filter values as name -> values; names in lower case, blanks trimmed.
std::map<std::string, std::vector<std::string>> parse_filters(
    const std::vector<std::string>& values);

using client::encode_filters;

}  // namespace wherry::cli
