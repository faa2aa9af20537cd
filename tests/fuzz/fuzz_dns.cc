// Any bytes as a query of a container, as the answer of an upstream server to it, and as a packet
// on the engine's socket. The first two bytes say where the query ends.
#include <cstdint>
#include <string>

#include "base/check.h"
#include "resolver/answer.h"
#include "resolver/cache.h"
#include "resolver/message.h"
#include "resolver/protocol.h"

namespace {

using namespace wherry;
using namespace wherry::resolver;

Tables make_tables() {
  Tables tables;
  tables.put({.id = "a",
              .attachments = {{"n", "net", "172.18.0.2", "fd00::2", {"web", "www"}}},
              .upstreams = {"192.0.2.1"}});
  return tables;
}

void answer(Tables& tables, std::string_view packet, const Query& query) {
  CHECK(query.question_end <= packet.size());
  for (const std::size_t limit : {kPlainUdpBytes, kLargestMessage}) {
    const auto answered = answer_locally(tables, *tables.find("a"), packet, query, limit);
    if (!answered) continue;
    CHECK(answered->size() <= limit);
    CHECK(read_u16(*answered, 0) == query.id);
    // What we write is what we can read.
    CHECK(parse_response(*answered, packet, query).has_value());
  }
}

void keep(std::string_view packet, const Query& query, std::string_view response) {
  const auto parsed = parse_response(response, packet, query);
  if (!parsed) return;
  for (const std::size_t place : parsed->ttl_places) CHECK(place + 4 <= response.size());
  Cache cache;
  cache.store(packet, response, *parsed, Clock::time_point{});
  const auto found = cache.find(packet, Clock::time_point{} + std::chrono::milliseconds(500));
  if (found) CHECK(found->size() == response.size() && read_u16(*found, 0) == query.id);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Tables tables = make_tables();
  if (size < 2) return 0;
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const std::size_t cut = static_cast<std::size_t>(data[0]) << 8 | data[1];
  const std::string_view rest = all.substr(2);
  const std::string_view packet = rest.substr(0, cut);
  static_cast<void>(id_to_answer(packet));
  if (const auto query = parse_query(packet)) {
    answer(tables, packet, *query);
    keep(packet, *query, rest.substr(packet.size()));
  }
  if (auto message = decode(rest, {})) static_cast<void>(encode(*message));
  return 0;
}
