// The conversation with a child that gives way to one of its own.
#include "runtime/launch.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/plan_builder.h"
#include "sys/socket.h"

namespace wherry::runtime {
namespace {

Plan birth_plan(const char* program) {
  PlanBuilder builder;
  builder.add(StepKind::NewSession);
  builder.add(StepKind::SetStdio);
  builder.add(StepKind::KeepFds);
  builder.add(StepKind::FindProgram);
  builder.add(StepKind::EnterPidNamespace);
  builder.add(StepKind::NewSession);
  builder.add(StepKind::Ready);
  builder.add(StepKind::WaitForGo);
  builder.add(StepKind::Execute);
  builder.plan().args = {program};
  return std::move(builder).finish().plan;
}

Stdio null_streams() {
  const auto open = [] { return sys::Fd(::open("/dev/null", O_RDWR | O_CLOEXEC)); };
  return {.in = open(), .out = open(), .err = open()};
}

// Reads until Born; the newborn's own word may come before it.
Report until_born(const Launch& launch, Newborn& newborn) {
  while (true) {
    auto report = read_report(launch.channel);
    if (!report) return {};
    if (!newborn.keeps(*report, launch.pid)) return std::move(*report);
  }
}

Report born(pid_t pid, pid_t sender) { return {.kind = ReportKind::Born, .pid = pid, .sender = sender}; }

TEST(Birth, the_program_runs_in_a_child_of_the_launcher_and_the_first_process_ends) {
  const Plan plan = birth_plan("/bin/true");
  Launch first = *launch(plan, {}, null_streams());
  Newborn newborn(plan);
  const Report report = until_born(first, newborn);
  ASSERT_EQ(report.kind, ReportKind::Born);
  const auto second = newborn.meet(report, first.pid);
  ASSERT_TRUE(second) << second.error().message();
  EXPECT_NE(report.pid, first.pid);
  ASSERT_TRUE(*first.pidfd.wait_ended(-1));
  EXPECT_EQ((*first.pidfd.reap())->code, 0);
  auto ready = newborn.take_kept();
  if (!ready) ready = *read_report(first.channel);
  EXPECT_EQ(ready->kind, ReportKind::Ready);
  EXPECT_EQ(::getsid(report.pid), report.pid);
  ASSERT_TRUE(say_go(first.channel));
  EXPECT_EQ(read_report(first.channel)->kind, ReportKind::Closed);
  ASSERT_TRUE(*second->wait_ended(-1));
  EXPECT_EQ((*second->reap())->code, 0);
}

TEST(Birth, a_failure_after_it_is_told) {
  const Plan plan = birth_plan("/proc/self/status");  // may not be run
  Plan late = plan;
  std::erase_if(late.steps, [](const Step& step) { return step.kind == StepKind::FindProgram; });
  Launch first = *launch(late, {}, null_streams());
  Newborn newborn(late);
  const auto second = newborn.meet(until_born(first, newborn), first.pid);
  ASSERT_TRUE(second);
  auto ready = newborn.take_kept();
  if (!ready) ready = *read_report(first.channel);
  ASSERT_EQ(ready->kind, ReportKind::Ready);
  ASSERT_TRUE(say_go(first.channel));
  EXPECT_EQ(read_report(first.channel)->failure.step, StepKind::Execute);
  for (const sys::Pidfd* one : std::initializer_list<const sys::Pidfd*>{&first.pidfd, &*second}) {
    ASSERT_TRUE(*one->wait_ended(-1));
    ASSERT_TRUE(*one->reap());
  }
}

TEST(Birth, a_launcher_that_goes_away_ends_both) {
  const Plan plan = birth_plan("/bin/true");
  Launch first = *launch(plan, {}, null_streams());
  Newborn newborn(plan);
  const auto second = newborn.meet(until_born(first, newborn), first.pid);
  ASSERT_TRUE(second);
  first.channel.reset();
  for (const sys::Pidfd* one : std::initializer_list<const sys::Pidfd*>{&first.pidfd, &*second}) {
    ASSERT_TRUE(*one->wait_ended(-1));
    ASSERT_TRUE(*one->reap());
  }
}

TEST(Birth, another_s_word_names_nobody) {
  Newborn newborn(birth_plan("/bin/true"));
  EXPECT_FALSE(newborn.meet(born(::getpid(), 4242), 4241));
  EXPECT_TRUE(newborn.awaited());
}

TEST(Birth, who_is_not_our_child_is_not_taken_for_it) {
  Newborn newborn(birth_plan("/bin/true"));
  EXPECT_FALSE(newborn.meet(born(::getppid(), 4241), 4241));
}

TEST(Birth, there_is_one) {
  Newborn none{Plan{}};
  EXPECT_FALSE(none.awaited());
  EXPECT_FALSE(none.meet(born(::getpid(), 4241), 4241));
}

TEST(Birth, words_that_come_before_it_wait_for_it) {
  Newborn newborn(birth_plan("/bin/true"));
  Report terminal{.kind = ReportKind::PtyMaster, .sender = 4241};
  EXPECT_FALSE(newborn.keeps(terminal, 4241)) << "the first process' own";
  Report early{.kind = ReportKind::Ready, .sender = 4242};
  Report more{.kind = ReportKind::Failed, .sender = 4242};
  EXPECT_TRUE(newborn.keeps(early, 4241));
  EXPECT_TRUE(newborn.keeps(more, 4241)) << "and is dropped";
  Report closed;
  EXPECT_FALSE(newborn.keeps(closed, 4241));
  EXPECT_EQ(newborn.take_kept()->kind, ReportKind::Ready);
  EXPECT_FALSE(newborn.take_kept());
}

TEST(Senders, are_told_by_the_kernel) {
  const auto pair = sys::make_socket_pair(SOCK_SEQPACKET);
  ASSERT_TRUE(pair);
  ASSERT_TRUE(sys::send_message(pair->second, "before"));
  EXPECT_EQ(sys::receive_message(pair->first, 16)->sender, 0);
  ASSERT_TRUE(sys::tell_senders(pair->first));
  const int fds[] = {0};
  ASSERT_TRUE(sys::send_message(pair->second, "with", fds));
  const auto message = sys::receive_message(pair->first, 16);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->sender, ::getpid());
  EXPECT_EQ(message->fds.size(), 1U);
}

}  // namespace
}  // namespace wherry::runtime
