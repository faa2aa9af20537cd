#include "resolver/cache.h"

#include <gtest/gtest.h>

#include "resolver/testing.h"

namespace wherry::resolver {
namespace {

using namespace std::chrono_literals;
using testing::make_query;

const Clock::time_point kStart{};

// Stores an answer with the TTL, and gives the query.
std::string store(Cache& cache, const std::string& name, std::uint32_t ttl_s) {
  std::string packet = make_query({.name = name, .id = 1});
  const auto query = parse_query(packet);
  const std::string answer = make_answer(packet, *query, {.ipv4 = {{1, 1, 1, 1}}, .ttl_s = ttl_s}, 512);
  cache.store(packet, answer, *parse_response(answer, packet, *query), kStart);
  return packet;
}

TEST(DnsCache, answers_the_same_question_with_its_id_and_what_is_left_of_the_ttl) {
  Cache cache;
  std::string packet = store(cache, "web.example", 60);
  write_u16(packet, 0, 999);
  const auto answer = cache.find(packet, kStart + 10s);
  ASSERT_TRUE(answer);
  EXPECT_EQ(testing::read_answer(*answer).id, 999);
  EXPECT_EQ(testing::read_answer(*answer).ttl_s, 50U);
  EXPECT_FALSE(cache.find(make_query({.name = "other.example"}), kStart));
}

TEST(DnsCache, forgets_when_the_ttl_is_over) {
  Cache cache;
  const std::string packet = store(cache, "web.example", 60);
  EXPECT_TRUE(cache.find(packet, kStart + 59s));
  EXPECT_FALSE(cache.find(packet, kStart + 60s));
  EXPECT_EQ(cache.size(), 0U);
}

TEST(DnsCache, keeps_nothing_without_a_ttl_and_no_answer_for_longer_than_its_limit) {
  Cache cache;
  EXPECT_FALSE(cache.find(store(cache, "zero.example", 0), kStart));
  const std::string packet = store(cache, "long.example", 1000000);
  EXPECT_TRUE(cache.find(packet, kStart + 3599s));
  EXPECT_FALSE(cache.find(packet, kStart + 3600s));
}

TEST(DnsCache, makes_room_by_dropping_the_least_used) {
  Cache cache;
  const std::string first = store(cache, "first.example", 60);
  const std::string second = store(cache, "second.example", 60);
  for (std::size_t i = 2; i < Cache::kEntries; ++i) store(cache, "n" + std::to_string(i), 60);
  EXPECT_TRUE(cache.find(first, kStart));
  store(cache, "one-more.example", 60);
  EXPECT_EQ(cache.size(), Cache::kEntries);
  EXPECT_TRUE(cache.find(first, kStart));
  EXPECT_FALSE(cache.find(second, kStart));
}

}  // namespace
}  // namespace wherry::resolver
