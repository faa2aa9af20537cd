// Puts one layer's tree on top of a directory, with its literal whiteouts applied.
#pragma once

#include "base/result.h"
#include "sys/fd.h"

namespace wherry::snapshot {

// `layer` was extracted with archive::Whiteouts::Literal; `target` holds the layers below it.
Result<> flatten_onto(const sys::Fd& target, const sys::Fd& layer);

}  // namespace wherry::snapshot
