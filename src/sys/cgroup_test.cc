#include "sys/cgroup.h"

#include <gtest/gtest.h>

#include "sys/capability.h"

namespace wherry::sys {
namespace {

constexpr const char* kHybrid =
    "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n"
    "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct\n"
    "35 31 0:32 / /sys/fs/cgroup/memory ro,relatime - cgroup cgroup rw,memory\n"
    "37 31 0:34 / /sys/fs/cgroup/freezer rw,relatime - cgroup cgroup rw,freezer\n"
    "40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd\n"
    "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw,nsdelegate\n"
    "50 31 0:32 / /elsewhere/memory rw,relatime - cgroup cgroup rw,memory\n"
    "garbage\n51 - cgroup\n";

TEST(CgroupLayout, reads_a_hybrid_host) {
  const CgroupLayout layout = CgroupLayout::parse(kHybrid);
  EXPECT_EQ(layout.mode(), CgroupMode::Hybrid);
  ASSERT_EQ(layout.hierarchies.size(), 4U);  // neither the named nor the second memory
  EXPECT_EQ(layout.find("cpuacct")->mount_point, "/sys/fs/cgroup/cpu,cpuacct");
  EXPECT_TRUE(layout.find("memory")->read_only);
  EXPECT_FALSE(layout.find("freezer")->unified);
  EXPECT_EQ(layout.find("pids"), nullptr);
  EXPECT_TRUE(layout.find("devices")->unified);  // every v2 has it
}

TEST(CgroupLayout, reads_a_pure_v2_host) {
  const CgroupLayout layout =
      CgroupLayout::parse("30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
  EXPECT_EQ(layout.mode(), CgroupMode::V2);
  EXPECT_TRUE(layout.find("freezer")->unified);
  EXPECT_EQ(layout.find("memory"), nullptr);  // not before cgroup.controllers says so
}

TEST(CgroupLayout, reads_a_host_without) {
  EXPECT_EQ(CgroupLayout::parse("").mode(), CgroupMode::None);
}

TEST(Cgroup, says_unsupported_where_no_controller_is) {
  const Cgroup group(std::make_shared<const CgroupLayout>(), "/x");
  EXPECT_EQ(group.write("memory", "memory.max", "1").error().kind(), ErrorKind::Unsupported);
  EXPECT_FALSE(group.has("memory"));
  EXPECT_FALSE(group.is_frozen());
  EXPECT_TRUE(group.processes()->empty());
  EXPECT_TRUE(group.kill_all(0));
  EXPECT_TRUE(group.remove(0));
}

TEST(Cgroup, an_empty_one_is_harmless) {
  const Cgroup group;
  EXPECT_FALSE(group);
  EXPECT_TRUE(group.open_v1_tasks()->empty());
  EXPECT_FALSE(*group.open_unified());
  EXPECT_TRUE(group.kill_all(0));
}

TEST(Capability, names_and_numbers_agree) {
  EXPECT_EQ(capability_number("CAP_CHOWN"), 0U);
  EXPECT_EQ(capability_number("CAP_SYS_ADMIN"), 21U);
  EXPECT_EQ(capability_number("CAP_CHECKPOINT_RESTORE"), 40U);
  EXPECT_FALSE(capability_number("cap_chown"));
  EXPECT_EQ(capability_name(21), "CAP_SYS_ADMIN");
  EXPECT_TRUE(capability_name(41).empty());
  EXPECT_EQ(capability_names(0b101),
            (std::vector<std::string>{"CAP_CHOWN", "CAP_DAC_READ_SEARCH"}));
}

}  // namespace
}  // namespace wherry::sys
