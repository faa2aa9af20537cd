#include "spec/oci_runtime.h"

namespace wherry::spec::oci {

WHERRY_VALUE_TYPE_MEMBERS(Process);
WHERRY_VALUE_TYPE_MEMBERS(Resources);
WHERRY_VALUE_TYPE_MEMBERS(BlockIoLimits);
WHERRY_VALUE_TYPE_MEMBERS(Seccomp);
bool Seccomp::operator==(const Seccomp& other) const = default;
WHERRY_VALUE_TYPE_MEMBERS(Linux);
WHERRY_VALUE_TYPE_MEMBERS(Config);
}  // namespace wherry::spec::oci
