#include "sys/id_map.h"

#include <gtest/gtest.h>

namespace wherry::sys {
namespace {

using Ranges = std::vector<IdRange>;

std::string refusal(std::string_view text) {
  const auto maps = parse_id_maps(text);
  return maps ? "accepted" : maps.error().message();
}

TEST(IdMaps, ranges_of_users_and_groups) {
  const auto maps = parse_id_maps("uids=1000-0-1#1-1-999;gids=5-6-7");
  ASSERT_TRUE(maps) << maps.error().message();
  EXPECT_EQ(maps->users, (Ranges{{1000, 0, 1}, {1, 1, 999}}));
  EXPECT_EQ(maps->groups, (Ranges{{5, 6, 7}}));
}

TEST(IdMaps, what_the_kernel_would_refuse_is_refused_here) {
  for (const char* text : {"", "uids=1-2-3", "x", "uids=;gids=", "uids=1-2-3;gids=1-2-3;gids=1-2-3",
                           "uids=1-2;gids=1-2-3", "uids=1-2-0;gids=1-2-3", "uids=-1-2-3;gids=1-2-3",
                           "uids=4294967295-0-1;gids=0-0-1", "uids=4294967294-0-2;gids=0-0-1",
                           "uids=0-0-99999999999999999999;gids=0-0-1"})
    EXPECT_NE(refusal(text), "accepted") << text;
  EXPECT_EQ(refusal("uids=0-0-10#9-50-1;gids=0-0-1"),
            "invalid idmap \"uids=0-0-10#9-50-1;gids=0-0-1\": ranges overlap");
  EXPECT_EQ(refusal("uids=0-0-10#20-5-1;gids=0-0-1"),
            "invalid idmap \"uids=0-0-10#20-5-1;gids=0-0-1\": ranges overlap");
}

TEST(IdMaps, there_is_a_limit) {
  std::string text = "gids=0-0-1;uids=0-0-1";
  for (int id = 1; id < 64; ++id) text += "#" + std::to_string(id) + "-" + std::to_string(id) + "-1";
  EXPECT_EQ(refusal(text), "accepted");
  EXPECT_NE(refusal(text + "#90-90-1").find("more than 64 ranges"), std::string::npos);
}

TEST(IdMaps, what_procfs_shows) {
  const auto ranges = parse_kernel_id_map("         0     100000      65536\n     65536       5 1\n");
  ASSERT_TRUE(ranges) << ranges.error().message();
  EXPECT_EQ(*ranges, (Ranges{{0, 100000, 65536}, {65536, 5, 1}}));
  const auto everybody = parse_kernel_id_map("0 0 4294967295\n");
  ASSERT_TRUE(everybody);
  EXPECT_EQ(everybody->front().count, 4294967295U);
  EXPECT_EQ(parse_kernel_id_map("")->size(), 0U);
  for (const char* text : {"0 1", "a b c", "0 0 4294967296", "4294967295 0 1", "1 2 3 4"})
    EXPECT_FALSE(parse_kernel_id_map(text)) << text;
}

TEST(IdMaps, an_id_is_seen_as_another_or_as_nobody) {
  const Ranges ranges = {{0, 100000, 10}, {20, 5, 1}};
  EXPECT_EQ(seen_id(ranges, 0), 100000U);
  EXPECT_EQ(seen_id(ranges, 9), 100009U);
  EXPECT_EQ(seen_id(ranges, 20), 5U);
  for (const std::uint32_t id : {10U, 19U, 21U, 4294967295U}) EXPECT_FALSE(seen_id(ranges, id)) << id;
}

TEST(IdMaps, two_ids_change_places_and_the_others_stay) {
  constexpr std::uint32_t kEnd = 4294967294;
  EXPECT_EQ(swapped_ids(0, 0), (Ranges{{0, 0, kEnd}}));
  EXPECT_EQ(swapped_ids(1000, 0),
            (Ranges{{0, 1000, 1}, {1, 1, 999}, {1000, 0, 1}, {1001, 1001, kEnd - 1001}}));
  EXPECT_EQ(swapped_ids(5, 7),
            (Ranges{{0, 0, 5}, {5, 7, 1}, {6, 6, 1}, {7, 5, 1}, {8, 8, kEnd - 8}}));
}

}  // namespace
}  // namespace wherry::sys
