// Processors, memory nodes, schedulers and personalities of a config as the kernel's numbers.
#include "runtime/policy_words.h"

#include <gtest/gtest.h>

#include "runtime/plan.h"
#include "runtime/process_plan.h"
#include "runtime/resources.h"

namespace wherry::runtime {
namespace {

TEST(NumberMask, is_hexadecimal_from_the_low_end) {
  EXPECT_EQ(*number_mask("0"), "1");
  EXPECT_EQ(*number_mask("0-3,7"), "f8");
  EXPECT_EQ(*number_mask("4"), "01");
  EXPECT_EQ(number_mask("1023")->size(), 256U);
}

TEST(NumberMask, refuses_other_forms) {
  for (const char* list : {"", ",", "0,", "a", "3-1", "-1", "0-", "1024", "0-1024", "99999999999999999999", "0 1", "1-2-3"})
    EXPECT_FALSE(number_mask(list)) << list;
}

TEST(PolicyWords, are_the_kernels_numbers) {
  spec::oci::Scheduler scheduler{.policy = "SCHED_BATCH", .flags = {"SCHED_FLAG_RESET_ON_FORK", "SCHED_FLAG_UTIL_CLAMP_MAX"}};
  EXPECT_EQ(*scheduler_bits(scheduler), 3U | 0x41U << 8);
  EXPECT_EQ(*memory_policy_bits({.mode = "MPOL_BIND", .flags = {"MPOL_F_STATIC_NODES"}}), 2U | 1U << 15);
  EXPECT_EQ(*personality_bits({.domain = "LINUX32"}), 8U);
}

TEST(PolicyWords, name_the_member_that_is_wrong) {
  EXPECT_EQ(scheduler_bits({.policy = "X"}).error().message(), "policy: \"X\" is not known");
  EXPECT_EQ(memory_policy_bits({.mode = "MPOL_BIND", .flags = {"X"}}).error().message(), "flags[0]: \"X\" is not known");
  EXPECT_EQ(personality_bits({.domain = "LINUX", .flags = {"Y"}}).error().message(), "flags[0]: \"Y\" is not known");
}

TEST(Plan, refuses_what_is_no_mask) {
  Plan plan;
  plan.args = {"x"};
  plan.strings = {"0f", "0F", std::string(257, '0')};
  for (const auto& [text, good] : {std::pair{0U, true}, {1U, false}, {2U, false}, {3U, false}}) {
    plan.steps = {{.kind = StepKind::SetAffinity, .text = text}};
    EXPECT_EQ(validate(plan, 0).has_value(), good) << text;
    plan.steps = {{.kind = StepKind::SetMemoryPolicy, .text = text}};
    EXPECT_EQ(validate(plan, 0).has_value(), good) << text;
  }
  plan.steps = {{.kind = StepKind::SetMemoryPolicy}};
  EXPECT_TRUE(validate(plan, 0));
  plan.steps = {{.kind = StepKind::SetAffinity}};
  EXPECT_FALSE(validate(plan, 0));
}

TEST(LimitWrites, of_huge_pages_networks_and_rdma) {
  spec::oci::Resources resources;
  resources.hugepages = {{.page_size = "2MB", .limit = 4096}};
  resources.network = spec::oci::NetworkLimits{.class_id = 1048577, .priorities = {{.name = "eth0", .priority = 5}}};
  resources.rdma = {{"mlx5_0", {.hca_handles = 3, .hca_objects = 10}}, {"mlx5_1", {.hca_objects = 7}}};
  std::vector<std::string> warnings;
  for (const bool unified : {false, true}) {
    const sys::CgroupLayout layout{.hierarchies = {{.mount_point = "/x", .controllers = {"hugetlb"}, .unified = unified}}};
    const std::vector<CgroupWrite> wanted{
        {"hugetlb", unified ? "hugetlb.2MB.max" : "hugetlb.2MB.limit_in_bytes", "4096"},
        {"net_cls", "net_cls.classid", "1048577"},
        {"net_prio", "net_prio.ifpriomap", "eth0 5"},
        {"rdma", "rdma.max", "mlx5_0 hca_handle=3 hca_object=10"},
        {"rdma", "rdma.max", "mlx5_1 hca_object=7"}};
    EXPECT_EQ(limit_writes(resources, layout, warnings), wanted);
  }
}

}  // namespace
}  // namespace wherry::runtime
