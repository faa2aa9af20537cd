// The names that a header of plain structs needs to declare its to_json and from_json.
#pragma once

#include "base/result.h"

namespace boost::json {
class value;
}

namespace wherry::json {
using Value = boost::json::value;
}
