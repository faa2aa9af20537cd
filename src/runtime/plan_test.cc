#include "runtime/plan.h"

#include <gtest/gtest.h>

#include <cstdint>

#include "runtime/launch.h"
#include "runtime/plan_builder.h"

namespace wherry::runtime {
namespace {

Plan sample() {
  Plan plan;
  plan.clone_flags = 0x7e020000;
  plan.scratch_count = 1;
  plan.terminal = true;
  plan.args = {"sh", "-c", ""};
  plan.env = {"PATH=/bin"};
  plan.groups = {0, 10, 4294967295};
  plan.seccomp = std::string("\0\1\2\3\4\5\6\7", 8);
  plan.steps.push_back({.kind = StepKind::SetHostname, .text = plan.add_string("name")});
  plan.steps.push_back({.kind = StepKind::NewMount,
                        .fd = 2,
                        .text = plan.add_string("proc"),
                        .text2 = plan.add_string("ro"),
                        .a = 14,
                        .b = 1});
  plan.steps.push_back({.kind = StepKind::SetRlimit, .a = 7, .b = 1, .c = ~0ULL});
  plan.steps.push_back({.kind = StepKind::Execute});
  return plan;
}

TEST(Plan, decode_gives_back_what_was_encoded) {
  const auto decoded = decode(encode(sample()), 2);
  ASSERT_TRUE(decoded) << decoded.error().message();
  EXPECT_EQ(*decoded, sample());
}

TEST(Plan, every_cut_is_refused) {
  const std::string bytes = encode(sample());
  for (std::size_t length = 0; length < bytes.size(); ++length)
    EXPECT_FALSE(decode(std::string_view(bytes).substr(0, length), 2)) << length;
  EXPECT_FALSE(decode(bytes + '\0', 2));
}

// Whatever one byte becomes, decode gives a plan that validates, or an error.
TEST(Plan, no_changed_byte_leads_outside_the_tables) {
  const std::string bytes = encode(sample());
  for (std::size_t at = 0; at < bytes.size(); ++at)
    for (const char value : {'\x00', '\x01', '\x7f', '\xff'}) {
      std::string changed = bytes;
      changed[at] = value;
      const auto decoded = decode(changed, 2);
      EXPECT_TRUE(!decoded || validate(*decoded, 2)) << at;
    }
}

TEST(Plan, a_huge_count_allocates_nothing) {
  std::string bytes = encode(sample());
  const std::size_t count_at = 8 + 8 + 6 * 4;
  for (std::size_t i = 0; i < 4; ++i) bytes[count_at + i] = '\xff';
  EXPECT_FALSE(decode(bytes, 2));
}

struct BadStep {
  const char* name;
  Step step;
};
class PlanRefuses : public testing::TestWithParam<BadStep> {};
TEST_P(PlanRefuses, a_step_outside_its_tables) {
  Plan plan = sample();
  plan.steps.insert(plan.steps.begin(), GetParam().step);
  EXPECT_FALSE(validate(plan, 2)) << GetParam().name;
}
INSTANTIATE_TEST_SUITE_P(
    Steps, PlanRefuses,
    testing::Values(
        BadStep{"kind 0", {.kind = static_cast<StepKind>(0)}},
        BadStep{"kind past the last", {.kind = static_cast<StepKind>(kLastStepKind + 1)}},
        BadStep{"descriptor past the slots", {.kind = StepKind::PivotRoot, .fd = 3}},
        BadStep{"no descriptor", {.kind = StepKind::PivotRoot}},
        BadStep{"descriptor where none belongs", {.kind = StepKind::NewSession, .fd = 0}},
        BadStep{"string past the table", {.kind = StepKind::SetHostname, .text = 3}},
        BadStep{"no string", {.kind = StepKind::SetHostname}},
        BadStep{"result over a passed descriptor", {.kind = StepKind::NewMount, .fd = 0, .text = 0}},
        BadStep{"options past the table",
                {.kind = StepKind::NewMount, .fd = 2, .text = 0, .text2 = 2, .b = 2}},
        BadStep{"option count that wraps",
                {.kind = StepKind::NewMount, .fd = 2, .text = 0, .text2 = 1, .b = ~0ULL}},
        BadStep{"kept descriptors without end", {.kind = StepKind::KeepFds, .a = 1 << 20}}));

TEST(Plan, refuses_texts_with_a_nul_and_plans_without_a_program) {
  Plan plan = sample();
  plan.strings[0] = std::string("a\0b", 3);
  EXPECT_FALSE(validate(plan, 2));
  plan = sample();
  plan.args.clear();
  EXPECT_FALSE(validate(plan, 2));
  plan = sample();
  plan.cgroup = 2;
  EXPECT_FALSE(validate(plan, 2));
  plan = sample();
  plan.seccomp += "x";
  EXPECT_FALSE(validate(plan, 2));
}

TEST(PlanBuilder, numbers_scratch_slots_behind_the_passed_ones) {
  PlanBuilder builder;
  const std::uint32_t scratch = builder.scratch();
  builder.add({.kind = StepKind::NewMount, .fd = scratch, .text = builder.text("proc")});
  const std::uint32_t passed = builder.pass(sys::Fd());
  builder.add({.kind = StepKind::PivotRoot, .fd = passed});
  const auto finished = std::move(builder).finish();
  EXPECT_EQ(finished.plan.steps[0].fd, 1U);
  EXPECT_EQ(finished.plan.steps[1].fd, 0U);
}

Error describe_program(const char* program, int error) {
  Plan plan;
  plan.args = {program};
  plan.steps = {{.kind = StepKind::FindProgram}};
  return describe(plan, {.step = StepKind::FindProgram, .index = 0, .errno_value = error});
}

TEST(Describe, uses_dockers_words_for_programs) {
  constexpr const char* kPrefix =
      "unable to start container process: error during container init: ";
  EXPECT_EQ(describe_program("xyz", ENOENT).message(),
            std::string(kPrefix) + "exec: \"xyz\": executable file not found in $PATH");
  EXPECT_EQ(describe_program("xyz", ENOENT).kind(), ErrorKind::NotFound);
  EXPECT_EQ(describe_program("/x", ENOENT).message(),
            std::string(kPrefix) + "exec: \"/x\": stat /x: no such file or directory");
  EXPECT_EQ(describe_program("/x", EACCES).message(),
            std::string(kPrefix) + "exec: \"/x\": permission denied");
  EXPECT_EQ(describe_program("/x", EACCES).kind(), ErrorKind::Forbidden);
  EXPECT_EQ(describe_program("/x", EISDIR).message(),
            std::string(kPrefix) + "exec: \"/x\": is a directory: permission denied");
}

TEST(Describe, survives_an_index_outside_of_the_plan) {
  EXPECT_EQ(describe(Plan{}, {.index = 7, .errno_value = 1}).kind(), ErrorKind::Internal);
}

}  // namespace
}  // namespace wherry::runtime
