#include "engine/container_record.h"

namespace wherry::engine {

WHERRY_VALUE_TYPE_MEMBERS(ContainerMount);
WHERRY_VALUE_TYPE_MEMBERS(ContainerRecord);

}  // namespace wherry::engine
