#include "engine/reconcile.h"

#include <gtest/gtest.h>

#include "engine/run_tag.h"

namespace wherry::engine {
namespace {

Instant at(std::int64_t second) { return Instant(std::chrono::seconds(second)); }

State running(const std::string& nonce) {
  State state;
  to_running(state, {.pid = 7, .start_time = 11, .nonce = nonce, .boot_id = "b"}, at(100));
  return state;
}

State exited() {
  State state = running("n");
  to_ended(state, {.exit_code = 3, .finished_at = at(200)}, Status::Exited);
  return state;
}

keeper::Record kept(keeper::State state, const std::string& nonce) {
  keeper::Record record;
  record.state = state;
  record.nonce = nonce;
  record.exit = {.code = 42, .known = true, .finished_ns = 150'000'000'000};
  return record;
}

Evidence with(keeper::Record record, bool alive) { return {.kept = std::move(record), .process_is_alive = alive}; }

TEST(Reconcile, what_never_ran_is_left_alone) {
  EXPECT_EQ(judge(State(), {}, at(300)).verdict, Verdict::Leave);
  EXPECT_EQ(judge(exited(), {}, at(300)).verdict, Verdict::Leave);
}

TEST(Reconcile, a_process_that_lives_is_adopted) {
  EXPECT_EQ(judge(running("n"), with(kept(keeper::State::Running, "n"), true), at(300)).verdict, Verdict::Adopt);
}

TEST(Reconcile, a_run_whose_row_was_lost_is_adopted_too) {
  EXPECT_EQ(judge(State(), with(kept(keeper::State::Running, "n"), true), at(300)).verdict, Verdict::Adopt);
  EXPECT_EQ(judge(exited(), with(kept(keeper::State::Running, "newer"), true), at(300)).verdict, Verdict::Adopt);
}

TEST(Reconcile, an_end_while_nobody_looked_is_recorded_with_its_code_and_time) {
  const Judgement judgement = judge(running("n"), with(kept(keeper::State::Exited, "n"), false), at(300));
  EXPECT_EQ(judgement.verdict, Verdict::RecordEnd);
  EXPECT_EQ(judgement.ending.exit_code, 42);
  EXPECT_TRUE(judgement.ending.known);
  EXPECT_EQ(judgement.ending.finished_at, at(150));
}

TEST(Reconcile, a_whole_run_that_the_row_never_saw_is_recorded) {
  EXPECT_EQ(judge(State(), with(kept(keeper::State::Exited, "n"), false), at(300)).verdict, Verdict::RecordEnd);
}

TEST(Reconcile, an_end_that_is_in_the_row_is_not_recorded_twice) {
  EXPECT_EQ(judge(exited(), with(kept(keeper::State::Exited, "n"), false), at(300)).verdict, Verdict::Leave);
}

TEST(Reconcile, after_a_reboot_the_code_is_unknown_and_never_invented) {
  const Judgement judgement = judge(running("n"), {}, at(300));
  EXPECT_EQ(judgement.verdict, Verdict::RecordEnd);
  EXPECT_EQ(judgement.ending.exit_code, 255);
  EXPECT_FALSE(judgement.ending.known);
  EXPECT_EQ(judgement.ending.finished_at, at(300));
}

TEST(Reconcile, a_stale_record_of_a_dead_process_is_an_end) {
  EXPECT_EQ(judge(running("n"), with(kept(keeper::State::Running, "n"), false), at(300)).verdict,
            Verdict::RecordEnd);
}

TEST(Reconcile, a_start_that_was_not_let_go_never_happened) {
  for (const keeper::State state : {keeper::State::Starting, keeper::State::Ready}) {
    EXPECT_EQ(judge(State(), with(kept(state, "n"), true), at(300)).verdict, Verdict::AbandonStart);
    EXPECT_EQ(judge(exited(), with(kept(state, "m"), true), at(300)).verdict, Verdict::AbandonStart);
  }
}

TEST(Reconcile, a_removal_is_finished) {
  State state = exited();
  state.set(Status::Removing);
  EXPECT_EQ(judge(state, {}, at(300)).verdict, Verdict::Remove);
  EXPECT_EQ(judge(exited(), {.auto_remove = true}, at(300)).verdict, Verdict::Remove);
}

TEST(Reconcile, a_container_with_rm_that_never_ran_stays) {
  EXPECT_EQ(judge(State(), {.auto_remove = true}, at(300)).verdict, Verdict::Leave);
}

TEST(RunTag, keeps_cgroup_and_endpoints) {
  RunTag tag{.cgroup = "/wherry/x", .endpoints = {}};
  EXPECT_EQ(encode_run_tag(tag), "/wherry/x");
  auto& bridge = tag.endpoints["bridge"].emplace();
  bridge.mac_address = "m";
  bridge.ip_address = "172.17.0.2";
  const RunTag read = decode_run_tag(encode_run_tag(tag));
  EXPECT_EQ(read.cgroup, "/wherry/x");
  EXPECT_EQ(read.endpoints.at("bridge")->ip_address, "172.17.0.2");
}

TEST(RunTag, what_cannot_be_read_is_empty) {
  EXPECT_TRUE(decode_run_tag("/c\n{nonsense").endpoints.empty());
  EXPECT_EQ(decode_run_tag("/c\n{nonsense").cgroup, "/c");
  EXPECT_TRUE(decode_run_tag("").cgroup.empty());
}

}  // namespace
}  // namespace wherry::engine
