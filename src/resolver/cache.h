// What upstream servers answered, for as long as they said. One per container: what one
// container has asked for cannot be seen from another by the time an answer takes. One thread.
#pragma once

#include <chrono>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "resolver/message.h"

namespace wherry::resolver {

using Clock = std::chrono::steady_clock;

class Cache {
 public:
  static constexpr std::size_t kEntries = 256;
  static constexpr std::size_t kAnswerBytes = 4096;
  static constexpr std::uint32_t kLongest_s = 3600;

  // The answer to these exact bytes (their id aside) with its TTLs counted down.
  std::optional<std::string> find(std::string_view query, Clock::time_point now);
  // Keeps it if its TTL and size allow; the entry used least recently makes room.
  void store(std::string_view query, std::string_view answer, const Response& parsed,
             Clock::time_point now);
  void clear();
  [[nodiscard]] std::size_t size() const { return index_.size(); }

 private:
  struct Entry {
    std::string key;  // the query behind its id
    std::string answer;
    std::vector<std::size_t> ttl_places;
    Clock::time_point stored;
    Clock::time_point until;
  };
  std::list<Entry> entries_;  // the most recently used first
  std::unordered_map<std::string_view, std::list<Entry>::iterator> index_;  // views of the keys
};

}  // namespace wherry::resolver
