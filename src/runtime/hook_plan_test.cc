#include "runtime/hook_plan.h"

#include <gtest/gtest.h>

namespace wherry::runtime {
namespace {

using spec::oci::Hook;
using spec::oci::Hooks;

std::string refusal(Hooks hooks) {
  const auto checked = check_hooks(hooks);
  return checked ? "" : checked.error().message();
}

TEST(CheckHooks, names_the_path_of_what_is_wrong) {
  const Hook good{.path = "/bin/true", .timeout = 1};
  EXPECT_EQ(refusal({.prestart = {good}, .poststop = {good}}), "");
  EXPECT_TRUE(refusal({.create_runtime = {good, {.path = "true"}}}).starts_with("hooks.createRuntime[1].path:"));
  EXPECT_TRUE(refusal({.poststop = {{.path = "/x", .timeout = 0}}}).starts_with("hooks.poststop[0].timeout:"));
  EXPECT_TRUE(refusal({.poststart = {{.path = "/x", .timeout = INT64_MAX}}}).starts_with("hooks.poststart[0].timeout:"));
}

TEST(CheckHooks, has_limits) {
  Hook many{.path = "/x"};
  many.args.resize(kMaximumHookWords);
  EXPECT_EQ(refusal({.start_container = {many}}), "");
  many.env.emplace(1);
  EXPECT_TRUE(refusal({.start_container = {many}}).starts_with("hooks.startContainer[0]"));
  EXPECT_TRUE(refusal({.create_container = std::vector<Hook>(1000, {.path = "/x"})}).starts_with("hooks.createContainer:"));
}

TEST(PlanHooks, puts_the_words_of_a_hook_behind_its_path) {
  PlanBuilder builder;
  plan_hooks({{.path = "/h", .args = {"h", "1"}, .env = std::vector<std::string>{"A=b"}, .timeout = 7}},
             {.oci_version = "1.2.1", .id = "x", .status = "created", .pid = 5, .bundle = "/b"}, "/there", builder);
  const Plan& plan = builder.plan();
  ASSERT_EQ(plan.steps.size(), 1U);
  const Step& step = plan.steps[0];
  EXPECT_EQ(step.kind, StepKind::RunHook);
  EXPECT_EQ(step.a, 2U);
  EXPECT_EQ(step.b, 1U);
  EXPECT_EQ(step.c, 7U);
  EXPECT_EQ(plan.strings.at(step.text2), "/there");
  const std::vector<std::string> wanted{
      "/h", R"({"pid":)", R"(,"ociVersion":"1.2.1","id":"x","status":"created","bundle":"/b"})", "h", "1", "A=b", "/there"};
  EXPECT_EQ(plan.strings, wanted);
}

TEST(PlanHooks, a_hook_without_args_has_its_path_as_the_only_one) {
  PlanBuilder builder;
  plan_hooks({{.path = "/h"}}, {.id = "x"}, "", builder);
  EXPECT_EQ(builder.plan().steps[0].a, 1U);
  EXPECT_EQ(builder.plan().strings.back(), "/h");
}

TEST(PlanHooks, words_outside_of_the_table_are_refused) {
  PlanBuilder builder;
  plan_hooks({{.path = "/h"}}, {.id = "x"}, "", builder);
  builder.plan().args = {"x"};
  EXPECT_TRUE(validate(builder.plan(), 0));
  for (const std::uint64_t count : {std::uint64_t{2}, std::uint64_t{kMaximumHookWords} + 1, UINT64_MAX}) {
    Plan plan = builder.plan();
    plan.steps[0].b = count;
    EXPECT_FALSE(validate(plan, 0)) << count;
  }
  Plan plan = builder.plan();
  plan.steps[0].c = UINT64_MAX;
  EXPECT_FALSE(validate(plan, 0));
  plan = builder.plan();
  plan.steps[0].text2 = 1000;
  EXPECT_FALSE(validate(plan, 0));
}

}  // namespace
}  // namespace wherry::runtime
