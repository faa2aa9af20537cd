// spec::Digest is the Digest of base/digest.h, which the layers that know no spec use too.
#pragma once

#include <string_view>

#include "base/digest.h"

namespace wherry::spec {

using wherry::Digest;

// sha256 over `bytes`.
Digest digest_of(std::string_view bytes);

}  // namespace wherry::spec
