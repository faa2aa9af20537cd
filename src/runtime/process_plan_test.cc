// The order of a process' last steps is a security property: it is tested as data.
#include "runtime/process_plan.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "runtime/defaults.h"

namespace wherry::runtime {
namespace {

class ProcessPlan : public testing::Test {
 protected:
  Plan make() {
    const ProcessRequest request{.process = &process_, .filter = &filter_, .born_late = born_late_};
    const auto made = plan_process_end(request, builder_, warnings_);
    EXPECT_TRUE(made) << made.error().message();
    return builder_.plan();
  }
  // The place of the first step of a kind; the plan's length if there is none.
  static std::size_t at(const Plan& plan, StepKind kind) {
    return static_cast<std::size_t>(std::ranges::find(plan.steps, kind, &Step::kind) -
                                    plan.steps.begin());
  }
  static bool has(const Plan& plan, StepKind kind) { return at(plan, kind) < plan.steps.size(); }

  spec::oci::Config config_ = default_config(sys::CgroupMode::V2);
  spec::oci::Process process_ = [this] {
    auto process = *config_.process;
    process.args = {"true"};
    return process;
  }();
  static SeccompFilter filter_of(const spec::oci::Seccomp& profile) {
    auto compiled = compile_seccomp(profile);
    EXPECT_TRUE(compiled) << compiled.error().message();
    return std::move(*compiled);
  }

  SeccompFilter filter_ = filter_of(*config_.linux_.seccomp);
  bool born_late_ = false;
  PlanBuilder builder_;
  std::vector<std::string> warnings_;
};

TEST_F(ProcessPlan, closes_descriptors_before_it_looks_for_the_program) {
  const Plan plan = make();
  EXPECT_LT(at(plan, StepKind::EnterDirectory), at(plan, StepKind::KeepFds));
  EXPECT_LT(at(plan, StepKind::KeepFds), at(plan, StepKind::FindProgram));
}

TEST_F(ProcessPlan, drops_everything_before_it_says_ready) {
  const Plan plan = make();
  const std::size_t ready = at(plan, StepKind::Ready);
  for (const StepKind kind : {StepKind::KeepBounding, StepKind::SetUser, StepKind::LoadSeccomp,
                              StepKind::SetCapabilities, StepKind::KeepFds})
    EXPECT_LT(at(plan, kind), ready) << name_of(kind);
  EXPECT_EQ(at(plan, StepKind::WaitForGo), ready + 1);
  EXPECT_EQ(at(plan, StepKind::Execute), plan.steps.size() - 1);
}

TEST_F(ProcessPlan, loads_the_filter_while_it_still_may) {
  const Plan plan = make();
  EXPECT_LT(at(plan, StepKind::SetUser), at(plan, StepKind::LoadSeccomp));
  EXPECT_LT(at(plan, StepKind::LoadSeccomp), at(plan, StepKind::SetCapabilities));
  EXPECT_FALSE(has(plan, StepKind::SetNoNewPrivileges));
}

TEST_F(ProcessPlan, loads_the_filter_last_under_no_new_privileges) {
  process_.no_new_privileges = true;
  const Plan plan = make();
  EXPECT_LT(at(plan, StepKind::SetNoNewPrivileges), at(plan, StepKind::LoadSeccomp));
  EXPECT_LT(at(plan, StepKind::SetCapabilities), at(plan, StepKind::LoadSeccomp));
}

TEST_F(ProcessPlan, keeps_no_capability_that_was_not_asked_for) {
  process_.capabilities.reset();
  const Plan plan = make();
  EXPECT_EQ(plan.steps[at(plan, StepKind::KeepBounding)].a, 0U);
  const Step& set = plan.steps[at(plan, StepKind::SetCapabilities)];
  EXPECT_EQ(set.a | set.b | set.c, 0U);
}

TEST_F(ProcessPlan, gives_groups_user_and_umask) {
  process_.user = {.uid = 5, .gid = 6, .umask = 0077, .additional_gids = {7, 8}};
  const Plan plan = make();
  EXPECT_EQ(plan.groups, (std::vector<std::uint32_t>{7, 8}));
  EXPECT_EQ(plan.steps[at(plan, StepKind::SetUser)].a, 5U);
  EXPECT_EQ(plan.steps[at(plan, StepKind::SetUser)].b, 6U);
  EXPECT_EQ(plan.steps[at(plan, StepKind::SetUmask)].a, 0077U);
}

// The rights that a process has when it is born into a container's sight are those of its program.
TEST_F(ProcessPlan, a_late_birth_comes_after_every_loss_of_rights) {
  born_late_ = true;
  process_.terminal = true;
  const Plan plan = make();
  const std::size_t birth = at(plan, StepKind::EnterPidNamespace);
  for (const StepKind kind : {StepKind::KeepFds, StepKind::EnterDirectory, StepKind::KeepBounding, StepKind::SetUser,
                              StepKind::LoadSeccomp, StepKind::SetCapabilities})
    EXPECT_LT(at(plan, kind), birth) << name_of(kind);
  const std::vector<StepKind> after{StepKind::EnterPidNamespace, StepKind::NewSession, StepKind::TakeTerminal,
                                    StepKind::Ready,             StepKind::WaitForGo,  StepKind::Execute};
  ASSERT_EQ(plan.steps.size(), birth + after.size());
  for (std::size_t i = 0; i < after.size(); ++i) EXPECT_EQ(plan.steps[birth + i].kind, after[i]) << i;
}

// The filter needs no right then, and the birth is none of its business.
TEST_F(ProcessPlan, a_late_birth_under_no_new_privileges_comes_before_the_filter) {
  born_late_ = true;
  process_.no_new_privileges = true;
  const Plan plan = make();
  EXPECT_LT(at(plan, StepKind::SetCapabilities), at(plan, StepKind::EnterPidNamespace));
  EXPECT_LT(at(plan, StepKind::SetNoNewPrivileges), at(plan, StepKind::EnterPidNamespace));
  EXPECT_LT(at(plan, StepKind::EnterPidNamespace), at(plan, StepKind::LoadSeccomp));
  EXPECT_LT(at(plan, StepKind::LoadSeccomp), at(plan, StepKind::Ready));
  EXPECT_FALSE(has(plan, StepKind::TakeTerminal));
}

TEST_F(ProcessPlan, without_a_late_birth_nobody_is_born) { EXPECT_FALSE(has(make(), StepKind::EnterPidNamespace)); }

TEST_F(ProcessPlan, a_birth_is_late_where_the_filter_allows_it) {
  process_.terminal = true;
  EXPECT_TRUE(can_be_born_late(process_, nullptr));
  EXPECT_TRUE(can_be_born_late(process_, &filter_));  // docker's own profile
  spec::oci::Seccomp profile;
  profile.default_action = "SCMP_ACT_ALLOW";
  for (const char* name : {"clone", "setsid", "ioctl"}) {
    profile.syscalls.resize(1);
    profile.syscalls[0].names = {name};
    profile.syscalls[0].action = "SCMP_ACT_ERRNO";
    const SeccompFilter filter = filter_of(profile);
    EXPECT_FALSE(can_be_born_late(process_, &filter)) << name;
    process_.no_new_privileges = true;
    EXPECT_TRUE(can_be_born_late(process_, &filter)) << name;
    process_.no_new_privileges = false;
  }
  process_.scheduler = spec::oci::Scheduler{.policy = "SCHED_BATCH"};
  EXPECT_FALSE(can_be_born_late(process_, nullptr));
}

TEST_F(ProcessPlan, refuses_what_cannot_run) {
  const auto error_of = [&] {
    const ProcessRequest request{.process = &process_};
    PlanBuilder builder;
    const auto made = plan_process_end(request, builder, warnings_);
    return made ? std::string() : made.error().message();
  };
  process_.args.clear();
  EXPECT_EQ(error_of(), "args must not be empty");
  process_.args = {"true"};
  process_.cwd = "relative";
  EXPECT_EQ(error_of(), "Cwd must be an absolute path, not \"relative\"");
  process_.cwd = "/";
  process_.rlimits = {{.type = "RLIMIT_X", .hard = 1, .soft = 1}};
  EXPECT_EQ(error_of(), "unknown rlimit \"RLIMIT_X\"");
  process_.rlimits = {{.type = "RLIMIT_CORE", .hard = 1, .soft = 2}};
  EXPECT_EQ(error_of(), "RLIMIT_CORE: soft limit is above the hard one");
  process_.rlimits.clear();
  process_.capabilities->bounding = {"CAP_NOTHING"};
  EXPECT_EQ(error_of(), "unknown capability \"CAP_NOTHING\"");
}

TEST_F(ProcessPlan, a_terminal_is_opened_before_the_root_changes) {
  process_.terminal = true;
  process_.console_size = spec::oci::Box{.height = 24, .width = 80};
  const ProcessRequest request{.process = &process_, .proc = 0, .devpts = 1};
  ASSERT_TRUE(plan_process_start(request, builder_, warnings_));
  const Step& open = builder_.plan().steps[at(builder_.plan(), StepKind::OpenTerminal)];
  EXPECT_EQ(open.fd, 1U);
  EXPECT_EQ(open.a, 24U);
  EXPECT_EQ(open.b, 80U);
  EXPECT_TRUE(builder_.plan().terminal);
}

}  // namespace
}  // namespace wherry::runtime
