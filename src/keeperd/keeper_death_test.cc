// kill -9 of pump and keeper in every combination; the process in the middle notices nothing.
#include "keeperd/keeper_fixture.h"

#include <sys/file.h>

namespace wherry::keeperd {
namespace {

class KeeperDeath : public KeeperTest {
 protected:
  keeper::KeeperInfo info() {
    const auto info = client_->info();
    EXPECT_TRUE(info.has_value()) << (info ? "" : info.error().message());
    return info.value_or(keeper::KeeperInfo{});
  }

  // Kills one of ours and waits until it is reaped, by whomever.
  static void kill_9(pid_t pid) {
    auto pidfd = sys::Pidfd::open(pid);
    ASSERT_TRUE(pidfd.has_value());
    ASSERT_TRUE(pidfd->signal(SIGKILL).has_value());
    ASSERT_TRUE(pidfd->wait_ended(10'000).value_or(false));
  }

  // Waits until the pump is another one than `old`.
  void await_new_pump(pid_t old) {
    for (int i = 0; i < 500 && info().pump_pid == old; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    EXPECT_NE(info().pump_pid, old);
  }

  keeper::AttachRequest raw(bool with_stdin = true) {
    keeper::AttachRequest request;
    request.target = {"c1", ""};
    request.framing = keeper::Framing::Raw;
    request.want_stdin = with_stdin;
    return request;
  }

  // A process that answers lines, with a log.
  Program echo_program(bool tty = false) {
    return {.script = "while read line; do echo \"got $line\"; [ \"$line\" = end ] && exit 8; done",
            .stdio = {.tty = tty, .open_stdin = true},
            .log = json_log()};
  }

  // One question and its answer on a new connection.
  std::string ask(const std::string& line) {
    const Attachment client = attach(raw());
    type(client.socket, line + "\n");
    return read_until(client.socket, "got " + line);
  }

  std::size_t log_lines(const std::string& text) const {
    const std::string log = log_text();
    std::size_t count = 0;
    for (std::size_t at = log.find(text); at != std::string::npos; at = log.find(text, at + 1)) ++count;
    return count;
  }

  // next_event() may first tell of exits that came again.
  bool saw_restart() {
    for (auto event = next_event(); event; event = next_event())
      if (event->kind == keeper::EventKind::KeeperRestarted) return true;
    return false;
  }

  void subscribe() {
    ASSERT_TRUE(client_->next_event(std::chrono::steady_clock::now()).has_value());
  }
};

TEST_F(KeeperDeath, a_killed_pump_is_replaced_and_nothing_else_ends) {
  for (const bool tty : {false, true}) {
    Program program = echo_program(tty);
    program.nonce = tty ? "n2" : "n1";
    run(program);
    EXPECT_NE(ask("one").find("got one"), std::string::npos);
    const pid_t pump = info().pump_pid;
    const Attachment orphaned = attach(raw());
    kill_9(pump);
    EXPECT_EQ(read_to_end(orphaned.socket), "");
    await_new_pump(pump);
    EXPECT_NE(ask("two").find("got two"), std::string::npos);
    EXPECT_NE(ask("end").find("got end"), std::string::npos);
    EXPECT_EQ(wait_exit().code, 8);
  }
  EXPECT_GE(log_lines("got one"), 2U);
  EXPECT_GE(log_lines("got two"), 2U);
}

TEST_F(KeeperDeath, a_pump_killed_during_the_drain_does_not_lose_the_exit) {
  run({.script = "sleep 30 & exit 4"});
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  kill_9(info().pump_pid);
  EXPECT_EQ(wait_exit().code, 4);
  const auto record = client_->lookup({"c1", ""});
  ASSERT_TRUE(record && *record);
  kill_group((*record)->pid);
}

TEST_F(KeeperDeath, a_new_keeper_takes_over_process_clients_and_log) {
  for (const bool tty : {false, true}) {
    subscribe();
    Program program = echo_program(tty);
    program.nonce = tty ? "n2" : "n1";
    const pid_t process = run(program).process.pid;
    const Attachment client = attach(raw());
    const keeper::KeeperInfo before = info();
    kill_9(before.keeper_pid);

    const keeper::KeeperInfo after = info();  // starts the new one
    EXPECT_NE(after.instance, before.instance);
    EXPECT_EQ(after.pump_pid, before.pump_pid);
    EXPECT_TRUE(saw_restart());
    const auto records = client_->list();
    ASSERT_TRUE(records && records->size() == 1);
    EXPECT_EQ(records->front().pid, process);
    EXPECT_EQ(records->front().state, keeper::State::Running);
    // The connection from before still reaches the process.
    type(client.socket, "still\n");
    EXPECT_NE(read_until(client.socket, "got still").find("got still"), std::string::npos);
    type(client.socket, "end\n");
    // We are its parent now, as the engine is by its subreaper flag: we reap and report.
    int status = 0;
    ASSERT_EQ(::waitpid(process, &status, 0), process);
    ASSERT_TRUE(client_->reaped(process, sys::exit_status_of(status)).has_value());
    const keeper::ExitReport exit = wait_exit();
    EXPECT_TRUE(exit.known);
    EXPECT_EQ(exit.code, 8);
  }
}

TEST_F(KeeperDeath, with_keeper_and_pump_dead_pipes_are_found_again) {
  const pid_t process = run(echo_program()).process.pid;
  EXPECT_NE(ask("one").find("got one"), std::string::npos);
  const keeper::KeeperInfo before = info();
  // With both dead stdin would be at its end: somebody else holds it open here.
  const sys::Fd keep_stdin = *sys::open_at({}, ("/proc/" + std::to_string(process) + "/fd/0").c_str(), O_WRONLY);
  kill_9(before.keeper_pid);
  kill_9(before.pump_pid);
  const keeper::KeeperInfo after = info();
  EXPECT_NE(after.pump_pid, before.pump_pid);
  EXPECT_NE(ask("two").find("got two"), std::string::npos);
  // Clients are served before the log.
  for (int i = 0; i < 200 && log_lines("got two") == 0; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_EQ(log_lines("got two"), 1U);
  kill_group(process);
  ASSERT_EQ(::waitpid(process, nullptr, 0), process);
  // Nobody reported the code: from the kernel (Linux >= 6.15), or honestly unknown.
  const keeper::ExitReport exit = wait_exit();
  EXPECT_EQ(exit.code, exit.known ? 137 : 255);
}

TEST_F(KeeperDeath, a_process_that_ended_while_no_keeper_ran_has_an_exit) {
  const pid_t process = run({.script = "exec sleep 1000"}).process.pid;
  const pid_t keeper = info().keeper_pid;
  kill_9(keeper);
  kill_group(process);
  ASSERT_EQ(::waitpid(process, nullptr, 0), process);
  subscribe();
  const keeper::ExitReport exit = wait_exit();
  EXPECT_FALSE(exit.known);
  EXPECT_EQ(exit.code, 255);
}

TEST_F(KeeperDeath, an_exit_that_was_not_acknowledged_survives_the_keeper) {
  run({.script = "exit 7"});
  auto event = next_event();
  ASSERT_TRUE(event && event->kind == keeper::EventKind::Exited);
  kill_9(info().keeper_pid);
  EXPECT_EQ(wait_exit().code, 7);
}

// The pump has said that all is drained to a keeper that never read it, and does not say it twice.
TEST_F(KeeperDeath, an_exit_is_told_though_its_drain_was_told_to_a_dead_keeper) {
  const auto started = run({.script = "sleep 1 & echo $!; exit 5", .log = json_log()});
  for (int i = 0; i < 500 && ::kill(started.process.pid, 0) == 0; ++i)  // until it is reaped
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  const pid_t keeper = info().keeper_pid;
  ASSERT_EQ(::kill(keeper, SIGSTOP), 0);
  // The group is empty once the sleeper, which held the pipe, has ended.
  for (int i = 0; i < 1000 && ::kill(-started.process.pid, 0) == 0; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  kill_9(keeper);
  const keeper::ExitReport exit = wait_exit();
  EXPECT_FALSE(exit.known);
  EXPECT_EQ(exit.code, 255);
}

TEST_F(KeeperDeath, a_start_that_was_not_let_go_ends_with_the_keeper) {
  const auto started = start({.script = "exec sleep 1000"});
  ASSERT_TRUE(started.has_value());
  kill_9(info().keeper_pid);
  EXPECT_TRUE(started->pidfd.wait_ended(10'000).value_or(false));
  const auto records = client_->list();
  ASSERT_TRUE(records.has_value());
  EXPECT_TRUE(records->empty());
}

// An engine and its keeper die together just after the engine has started the next keeper.
TEST_F(KeeperDeath, a_run_directory_that_is_still_owned_is_waited_for) {
  end_keeper();
  sys::Fd lock(::open((run_directory() + "/lock").c_str(), O_RDWR | O_CLOEXEC));
  ASSERT_EQ(::flock(lock.get(), LOCK_EX), 0);
  std::jthread owner([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    lock.reset();
  });
  EXPECT_TRUE(connect());
}

TEST_F(KeeperDeath, a_reservation_and_its_clients_survive_the_keeper) {
  ASSERT_TRUE(client_->reserve({"c1", ""}).has_value());
  const Attachment client = attach(raw(false));
  kill_9(info().keeper_pid);
  run({.script = "echo after"});
  EXPECT_EQ(read_to_end(client.socket), "after\n");
}

TEST_F(KeeperDeath, failpoints_around_the_record_leave_nothing_behind) {
  for (const char* name : {"keeper.before_record", "keeper.after_record", "keeper.before_go"}) {
    end_keeper();
    ::setenv("WHERRY_FAILPOINT", name, 1);
    ASSERT_TRUE(connect());
    ::unsetenv("WHERRY_FAILPOINT");
    const auto first = start({.script = "exec sleep 1000"});
    const bool went = first && client_->go({"c1", ""}).has_value();
    // Either way the client came to a new keeper, which knows a process or does not.
    const auto records = client_->list();
    ASSERT_TRUE(records.has_value()) << name;
    if (first && !went) {
      EXPECT_TRUE(first->pidfd.wait_ended(10'000).value_or(false)) << name;
    }
    for (const keeper::Record& record : *records) {
      if (!client_->forget(record.target)) kill_group(record.pid);
    }
  }
}

}  // namespace
}  // namespace wherry::keeperd
