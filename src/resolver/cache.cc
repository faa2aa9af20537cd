#include "resolver/cache.h"

#include <algorithm>

namespace wherry::resolver {
namespace {

constexpr std::size_t kIdBytes = 2;

std::string_view key_of(std::string_view query) {
  return query.substr(std::min(kIdBytes, query.size()));
}

}  // namespace

std::optional<std::string> Cache::find(std::string_view query, Clock::time_point now) {
  const auto found = index_.find(key_of(query));
  if (found == index_.end() || query.size() < kHeaderBytes) return std::nullopt;
  const auto entry = found->second;
  if (now >= entry->until) {
    index_.erase(found);
    entries_.erase(entry);
    return std::nullopt;
  }
  entries_.splice(entries_.begin(), entries_, entry);
  std::string answer = entry->answer;
  write_u16(answer, 0, read_u16(query, 0));
  const auto age_s = static_cast<std::uint32_t>(
      std::chrono::floor<std::chrono::seconds>(now - entry->stored).count());
  for (const std::size_t place : entry->ttl_places) {
    const std::uint32_t ttl_s = read_u32(answer, place);
    write_u32(answer, place, ttl_s - std::min(ttl_s, age_s));
  }
  return answer;
}

void Cache::store(std::string_view query, std::string_view answer, const Response& parsed,
                  Clock::time_point now) {
  const bool fits = answer.size() >= kHeaderBytes && answer.size() <= kAnswerBytes;
  if (!fits || parsed.ttl_s.value_or(0) == 0) return;
  if (const auto old = index_.find(key_of(query)); old != index_.end()) {
    const auto entry = old->second;
    index_.erase(old);
    entries_.erase(entry);
  }
  if (index_.size() >= kEntries) {
    index_.erase(entries_.back().key);
    entries_.pop_back();
  }
  const std::chrono::seconds kept(std::min(*parsed.ttl_s, kLongest_s));
  entries_.push_front({.key = std::string(key_of(query)),
                       .answer = std::string(answer),
                       .ttl_places = parsed.ttl_places,
                       .stored = now,
                       .until = now + kept});
  index_.emplace(entries_.front().key, entries_.begin());
}

void Cache::clear() {
  index_.clear();
  entries_.clear();
}

}  // namespace wherry::resolver
