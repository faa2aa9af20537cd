// What the resolver says by itself, and what it leaves to the upstream servers.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "resolver/message.h"
#include "resolver/tables.h"

namespace wherry::resolver {

// docker's TTL of container names.
inline constexpr std::uint32_t kNameTtl_s = 600;

// The answer to `query` (parsed from `packet`) of at most `limit` bytes; nullopt: forward it.
//   A, AAAA of a name of the asker's networks   its addresses; none of that family: no data
//   any other type of such a name               no data: the names of containers stay here
//   PTR of an address of those networks         "<container>.<network>"
//   everything else                             SERVFAIL where nothing may leave, as docker
std::optional<std::string> answer_locally(Tables& tables, const Container& asker,
                                          std::string_view packet, const Query& query,
                                          std::size_t limit);

}  // namespace wherry::resolver
