// The format of the engine's database, all components' tables in one ordered list.
#pragma once

#include <span>

#include "metadata/database.h"

namespace wherry::metadata {

// Every version this program knows, oldest first; give it to Database::open.
std::span<const Migration> schema();

}  // namespace wherry::metadata
