// The rows of user networks. What exists in the kernel is network::Networks' affair; a row is
// written before and deleted after.
#pragma once

#include <vector>

#include "base/result.h"
#include "network/network.h"

namespace wherry::metadata {
class Database;
}

namespace wherry::engine {

// Rows that cannot be read are named in the log and left alone.
Result<std::vector<network::Description>> load_networks(metadata::Database& database);
// Durable when they return.
Result<> insert_network(metadata::Database& database, const network::Description& network);
Result<> delete_network(metadata::Database& database, const NetworkId& id);

}  // namespace wherry::engine
