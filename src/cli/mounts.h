// --mount and --volume: from the command line to the API's shapes.
#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <string_view>

#include "base/result.h"

namespace wherry::cli {

// One --mount ("type=bind,src=/a,dst=/b,ro", comma-separated with CSV quotes) as an element of
// HostConfig.Mounts. Errors in docker's words: "invalid field 'x' must be a key=value pair",
// "unexpected key 'x' in 'x=1'", "target is required".
Result<boost::json::value> parse_mount(std::string_view text);

// --volume: an anonymous volume ("/data"), or a bind for HostConfig.Binds whose relative
// source ("./x") is made absolute.
struct Volume {
  bool anonymous = false;
  std::string text;
};
Result<Volume> parse_volume(std::string_view text);

}  // namespace wherry::cli
