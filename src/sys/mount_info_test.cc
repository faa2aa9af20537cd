#include "sys/mount_info.h"

#include <gtest/gtest.h>

namespace wherry::sys {
namespace {

TEST(MountInfo, a_line_has_id_place_and_propagation) {
  const auto mount = parse_mount_info(
      "36 35 98:0 /mnt1 /mnt/a\\040b\\134 rw,noatime shared:7 master:1 - ext3 /dev/root rw");
  ASSERT_TRUE(mount);
  EXPECT_EQ(mount->id, 36U);
  EXPECT_EQ(mount->mount_point, "/mnt/a b\\");
  EXPECT_TRUE(mount->shared);
  EXPECT_TRUE(mount->slave);
}

TEST(MountInfo, a_private_mount_has_neither_and_words_behind_the_dash_do_not_count) {
  const auto mount = parse_mount_info("36 35 98:0 / / rw - ext4 shared:1 rw,master:2");
  ASSERT_TRUE(mount);
  EXPECT_FALSE(mount->shared);
  EXPECT_FALSE(mount->slave);
}

TEST(MountInfo, what_is_no_line_of_it_is_nothing) {
  for (const char* line : {"", "36", "x 35 98:0 / / rw - ext4 a rw", "36 35 98:0 / /"})
    EXPECT_FALSE(parse_mount_info(line)) << line;
}

TEST(MountInfo, proc_is_a_mount_of_its_own_and_its_files_are_on_it) {
  const auto mount = mount_of("/proc/self/status");
  ASSERT_TRUE(mount) << mount.error().message();
  EXPECT_EQ(mount->mount_point, "/proc");
  EXPECT_FALSE(mount_of("/nope/nope"));
}

}  // namespace
}  // namespace wherry::sys
