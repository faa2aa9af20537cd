// Start, Go, exits, idempotence, tombstones: through the client to a real keeper.
#include "keeperd/keeper_fixture.h"

namespace wherry::keeperd {
namespace {

using KeeperStart = KeeperTest;

TEST_F(KeeperStart, a_process_waits_for_go_and_its_code_is_reported) {
  auto started = start({.script = "exit 3"});
  ASSERT_TRUE(started.has_value()) << started.error().message();
  EXPECT_FALSE(started->process.running);
  EXPECT_EQ(sys::process_start_time(started->process.pid).value_or(0), started->process.start_time);
  const auto ready = client_->lookup({"c1", ""});
  ASSERT_TRUE(ready.has_value() && ready->has_value());
  EXPECT_EQ((*ready)->state, keeper::State::Ready);
  EXPECT_TRUE(std::filesystem::exists(run_directory() + "/records/c1"));

  ASSERT_TRUE(client_->go({"c1", ""}).has_value());
  const keeper::ExitReport exit = wait_exit();
  EXPECT_EQ(exit.code, 3);
  EXPECT_TRUE(exit.known && !exit.by_signal && !exit.oom_killed);
  EXPECT_GT(exit.finished_ns, 0);
}

// Its end may be heard of before the end of its channel, which others hold for a moment.
TEST_F(KeeperStart, a_program_that_ends_at_once_has_started) {
  for (int round = 0; round < 150; ++round) {
    const auto started = start({.script = "exit 3", .nonce = "n" + std::to_string(round)});
    ASSERT_TRUE(started.has_value()) << started.error().message();
    const auto went = client_->go({"c1", ""});
    ASSERT_TRUE(went.has_value()) << went.error().message();
    ASSERT_EQ(wait_exit().code, 3);
    ASSERT_TRUE(client_->forget({"c1", ""}).has_value());
  }
}

TEST_F(KeeperStart, death_by_a_signal_is_128_and_the_signal) {
  run({.script = "exec sleep 1000"});
  ASSERT_TRUE(client_->signal({"c1", ""}, SIGKILL).has_value());
  const keeper::ExitReport exit = wait_exit();
  EXPECT_EQ(exit.code, 137);
  EXPECT_TRUE(exit.by_signal);
}

TEST_F(KeeperStart, a_program_that_is_not_there_is_named_in_dockers_words) {
  auto started = start({.script = "", .interpreter = "no-such-program"});
  ASSERT_FALSE(started.has_value());
  EXPECT_NE(started.error().message().find("executable file not found in $PATH"), std::string::npos)
      << started.error().message();
  const auto records = client_->list();
  ASSERT_TRUE(records.has_value());
  EXPECT_TRUE(records->empty());
  EXPECT_FALSE(std::filesystem::exists(run_directory() + "/records/c1"));
}

TEST_F(KeeperStart, the_same_nonce_is_the_same_start) {
  const auto first = start({.script = "exec sleep 1000"});
  const auto second = start({.script = "exec sleep 1000"});
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->process.pid, second->process.pid);
  const auto other = start({.script = "exec sleep 1000", .nonce = "n2"});
  ASSERT_FALSE(other.has_value());
  EXPECT_EQ(other.error().kind(), ErrorKind::Conflict);
}

TEST_F(KeeperStart, go_twice_is_go_once) {
  run({.script = "exec sleep 1000"});
  EXPECT_TRUE(client_->go({"c1", ""}).has_value());
  EXPECT_FALSE(client_->go({"other", ""}).has_value());
}

TEST_F(KeeperStart, forget_before_go_kills_the_process) {
  const auto started = start({.script = "exec sleep 1000"});
  ASSERT_TRUE(started.has_value());
  ASSERT_TRUE(client_->forget({"c1", ""}).has_value());
  EXPECT_TRUE(started->pidfd.wait_ended(10'000).value_or(false));
  EXPECT_TRUE(client_->list()->empty());
}

TEST_F(KeeperStart, a_running_process_is_not_forgotten) {
  run({.script = "exec sleep 1000"});
  EXPECT_EQ(client_->forget({"c1", ""}).error().kind(), ErrorKind::Conflict);
}

TEST_F(KeeperStart, a_forgotten_exit_stays_as_a_tombstone) {
  run({.script = "exit 9"});
  wait_exit();
  ASSERT_TRUE(client_->forget({"c1", ""}).has_value());
  EXPECT_TRUE(client_->list()->empty());
  const auto tombstone = client_->lookup({"c1", ""});
  ASSERT_TRUE(tombstone.has_value() && tombstone->has_value());
  EXPECT_TRUE((*tombstone)->forgotten);
  EXPECT_EQ((*tombstone)->exit.code, 9);
}

TEST_F(KeeperStart, a_container_runs_again_under_a_new_nonce) {
  run({.script = "exit 1"});
  EXPECT_EQ(wait_exit().code, 1);
  run({.script = "exit 2", .nonce = "n2"});
  EXPECT_EQ(wait_exit().code, 2);
}

TEST_F(KeeperStart, an_exec_starts_in_one_round_trip_and_leaves_no_record) {
  run({.script = "exec sleep 1000"});
  const auto started = start({.script = "exit 5", .exec = "e1"});
  ASSERT_TRUE(started.has_value()) << started.error().message();
  EXPECT_TRUE(started->process.running);
  EXPECT_EQ(wait_exit("c1", "e1").code, 5);
  const auto record = client_->lookup({"c1", "e1"});
  ASSERT_TRUE(record.has_value());
  EXPECT_FALSE(record->has_value());
  EXPECT_FALSE(std::filesystem::exists(run_directory() + "/records/c1.e1"));
}

TEST_F(KeeperStart, exits_come_again_until_they_are_acknowledged) {
  run({.script = "exit 4"});
  auto first = next_event();
  ASSERT_TRUE(first && first->kind == keeper::EventKind::Exited);
  ASSERT_TRUE(connect());  // another engine
  auto second = next_event();
  ASSERT_TRUE(second.has_value());
  EXPECT_EQ(second->sequence, first->sequence);
  EXPECT_EQ(second->exit.code, 4);
  ASSERT_TRUE(client_->acknowledge(second->sequence).has_value());
  ASSERT_TRUE(connect());
  const auto third = client_->next_event(std::chrono::steady_clock::now() + std::chrono::milliseconds(100));
  ASSERT_TRUE(third.has_value());
  EXPECT_FALSE(third->has_value());
}

TEST_F(KeeperStart, ids_that_are_no_file_names_are_refused) {
  for (const std::string bad : {"", "../x", "a/b", "a.b"}) {
    const auto started = start({.script = "true", .container = bad});
    ASSERT_FALSE(started.has_value()) << bad;
    EXPECT_EQ(started.error().kind(), ErrorKind::InvalidArgument);
  }
}

TEST_F(KeeperStart, a_plan_that_can_still_be_changed_is_refused) {
  keeper::StartRequest request;
  request.target = {"c1", ""};
  keeper::StartFds fds;
  fds.plan = sys::Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  EXPECT_FALSE(client_->start(request, fds).has_value());
}

TEST_F(KeeperStart, an_oom_kill_of_the_group_is_reported) {
  const std::string counter = root_ + "/memory.events";
  ASSERT_TRUE(sys::write_all(*sys::open_at({}, counter.c_str(), O_WRONLY | O_CREAT, 0600),
                             "low 0\noom 1\noom_kill 1\n").has_value());
  keeper::StartRequest request;
  request.target = {"c1", ""};
  request.nonce = "n";
  keeper::StartFds fds;
  ASSERT_TRUE(add_plan({.script = "exit 1"}, fds).has_value());
  fds.oom_counter = *sys::open_at({}, counter.c_str(), O_RDONLY);
  ASSERT_TRUE(client_->start(request, fds).has_value());
  ASSERT_TRUE(client_->go({"c1", ""}).has_value());
  EXPECT_TRUE(wait_exit().oom_killed);
}

TEST_F(KeeperStart, a_dead_child_is_reaped_although_others_run) {
  run({.script = "exec sleep 1000"});
  std::vector<pid_t> pids;
  for (int i = 0; i < 20; ++i) {
    const auto started = start({.script = "exit 0", .exec = "e" + std::to_string(i)});
    ASSERT_TRUE(started.has_value());
    pids.push_back(started->process.pid);
  }
  for (int i = 0; i < 20; ++i) {
    auto event = next_event();
    ASSERT_TRUE(event.has_value());
    ASSERT_TRUE(client_->acknowledge(event->sequence).has_value());
  }
  for (const pid_t pid : pids) EXPECT_EQ(::kill(pid, 0), -1) << pid;
}

TEST_F(KeeperStart, a_full_descriptor_table_refuses_new_starts_with_a_reason) {
  const auto info = client_->info();
  ASSERT_TRUE(info.has_value());
  const rlimit tight{128, 128};
  ASSERT_EQ(::prlimit(info->keeper_pid, RLIMIT_NOFILE, &tight, nullptr), 0);
  std::string message;
  for (int i = 0; i < 40 && message.empty(); ++i) {
    auto started = start({.script = "exec sleep 1000", .container = "c" + std::to_string(i)});
    if (!started) message = started.error().message();
  }
  EXPECT_NE(message.find("90 % of its file descriptors"), std::string::npos) << message;
}

}  // namespace
}  // namespace wherry::keeperd
