// A keeper becomes another build of itself: the same process, with all that it had.
#include <fcntl.h>
#include <sys/stat.h>

#include <fstream>

#include "keeperd/handover.h"
#include "keeperd/keeper_fixture.h"
#include "sys/elf.h"

namespace wherry::keeperd {
namespace {

class KeeperUpgrade : public KeeperTest {
 protected:
  struct Newer {
    std::string build;
    sys::Fd program;
  };

  // The keeper's program with another build id, and nothing else changed.
  Newer newer_program() const {
    std::string bytes = *sys::read_file(WHERRY_KEEPER, 1 << 30);
    const std::string old = *sys::build_id(*sys::open_at({}, WHERRY_KEEPER, O_RDONLY));
    std::string raw;
    for (std::size_t i = 0; i < old.size(); i += 2)
      raw.push_back(static_cast<char>(std::stoi(old.substr(i, 2), nullptr, 16)));
    const std::size_t at = bytes.find(raw);
    bytes[at] = static_cast<char>(bytes[at] ^ 1);
    const std::string path = root_ + "/newer";
    std::ofstream(path, std::ios::binary) << bytes;
    EXPECT_EQ(::chmod(path.c_str(), 0755), 0);
    sys::Fd program = *sys::open_at({}, path.c_str(), O_RDONLY);
    std::string build = *sys::build_id(program);
    EXPECT_NE(build, old);
    return {std::move(build), std::move(program)};
  }

  keeper::KeeperInfo info() { return client_->info().value_or(keeper::KeeperInfo{}); }

  void upgrade() {
    const Newer newer = newer_program();
    const auto upgraded = client_->upgrade(newer.build, newer.program);
    ASSERT_TRUE(upgraded.has_value()) << upgraded.error().message();
    EXPECT_EQ(info().build, newer.build);
  }

  keeper::AttachRequest raw_attach() {
    keeper::AttachRequest request;
    request.target = {"c1", ""};
    request.framing = keeper::Framing::Raw;
    request.want_stdin = true;
    return request;
  }

  Program echo_program(bool tty) {
    return {.script = "while read line; do echo \"got $line\"; [ \"$line\" = end ] && exit 8; done",
            .stdio = {.tty = tty, .open_stdin = true},
            .log = json_log(),
            .nonce = tty ? "n2" : "n1"};
  }
};

TEST_F(KeeperUpgrade, keeps_process_client_log_and_exit_code) {
  for (const bool tty : {false, true}) {
    const pid_t process = run(echo_program(tty)).process.pid;
    const Attachment client = attach(raw_attach());
    type(client.socket, "one\n");
    EXPECT_NE(read_until(client.socket, "got one").find("got one"), std::string::npos);
    const keeper::KeeperInfo before = info();
    if (tty) ASSERT_TRUE(client_->upgrade(before.build, newer_program().program).has_value());  // is there already
    else upgrade();
    const keeper::KeeperInfo after = info();
    EXPECT_EQ(after.keeper_pid, before.keeper_pid);
    EXPECT_EQ(after.pump_pid, before.pump_pid);
    EXPECT_EQ(client_->list()->front().pid, process);
    type(client.socket, "two\n");
    EXPECT_NE(read_until(client.socket, "got two").find("got two"), std::string::npos);
    type(client.socket, "end\n");
    read_to_end(client.socket);
    const keeper::ExitReport exit = wait_exit();
    EXPECT_TRUE(exit.known);
    EXPECT_EQ(exit.code, 8);
    EXPECT_NE(log_text().find("got two"), std::string::npos);
  }
}

TEST_F(KeeperUpgrade, a_terminal_stays) {
  run(echo_program(true));
  upgrade();
  ASSERT_TRUE(client_->resize({"c1", ""}, {.rows = 30, .columns = 90}).has_value());
  const Attachment client = attach(raw_attach());
  type(client.socket, "end\n");
  EXPECT_NE(read_to_end(client.socket).find("got end"), std::string::npos);
  EXPECT_EQ(wait_exit().code, 8);
}

TEST_F(KeeperUpgrade, starts_go_on_and_an_idle_pump_becomes_newer_too) {
  const keeper::KeeperInfo before = info();
  upgrade();
  for (int i = 0; i < 1000 && info().pump_pid == before.pump_pid; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_NE(info().pump_pid, before.pump_pid);
  run({.script = "echo out; exit 3", .log = json_log()});
  EXPECT_EQ(wait_exit().code, 3);
  EXPECT_NE(log_text().find("out"), std::string::npos);
}

// Reaped by the old one, drained under the new one.
TEST_F(KeeperUpgrade, an_exit_whose_output_is_still_drained_keeps_its_code) {
  const auto started = run({.script = "sleep 2 & exit 5"});
  for (int i = 0; i < 500 && ::kill(started.process.pid, 0) == 0; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  upgrade();
  const keeper::ExitReport exit = wait_exit();
  EXPECT_TRUE(exit.known);
  EXPECT_EQ(exit.code, 5);
}

TEST_F(KeeperUpgrade, exits_that_nobody_has_acknowledged_come_again) {
  run({.script = "exit 7"});
  const auto event = next_event();
  ASSERT_TRUE(event.has_value());
  upgrade();
  EXPECT_EQ(wait_exit().code, 7);
}

TEST_F(KeeperUpgrade, waits_for_a_start_that_is_under_way) {
  ASSERT_TRUE(start({.script = "exit 6"}).has_value());
  std::jthread later([this] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    EXPECT_TRUE(client_->go({"c1", ""}).has_value());
  });
  upgrade();
  later.join();
  EXPECT_EQ(wait_exit().code, 6);
}

TEST_F(KeeperUpgrade, a_reservation_stays_with_its_client) {
  ASSERT_TRUE(client_->reserve({"c1", ""}).has_value());
  const Attachment client = attach(raw_attach());
  upgrade();
  run({.script = "echo after"});
  EXPECT_EQ(read_to_end(client.socket), "after\n");
  EXPECT_EQ(wait_exit().code, 0);
}

TEST_F(KeeperUpgrade, what_cannot_run_is_refused_and_nothing_changes) {
  const keeper::KeeperInfo before = info();
  run(echo_program(false));
  const Newer newer = newer_program();
  EXPECT_FALSE(client_->upgrade("0123", newer.program).has_value());
  EXPECT_FALSE(client_->upgrade("0123", *sys::open_at({}, "/dev/null", O_RDONLY)).has_value());
  // The right id, and no leave to execute.
  ASSERT_EQ(::fchmod(newer.program.get(), 0600), 0);
  EXPECT_FALSE(client_->upgrade(newer.build, newer.program).has_value());
  const keeper::KeeperInfo after = info();
  EXPECT_EQ(after.instance, before.instance);
  const Attachment client = attach(raw_attach());
  type(client.socket, "end\n");
  EXPECT_EQ(wait_exit().code, 8);
}

// The successor dies before it has read a byte: as any death of a keeper.
TEST_F(KeeperUpgrade, killed_in_the_middle_the_next_keeper_adopts) {
  end_keeper();
  ::setenv("WHERRY_FAILPOINT", "keeper.resume", 1);
  ASSERT_TRUE(connect());
  ::unsetenv("WHERRY_FAILPOINT");
  const pid_t process = run(echo_program(false)).process.pid;
  const keeper::KeeperInfo before = info();
  const Newer newer = newer_program();
  // The client starts the program that it knows, which is not the one asked for; another attempt
  // makes it that. How many of a request's three attempts the death costs depends on the moment.
  if (!client_->upgrade(newer.build, newer.program)) upgrade();
  EXPECT_EQ(info().build, newer.build);
  EXPECT_NE(info().keeper_pid, before.keeper_pid);
  const auto records = client_->list();
  ASSERT_TRUE(records && records->size() == 1);
  EXPECT_EQ(records->front().pid, process);
  kill_group(process);
  int status = 0;
  ASSERT_EQ(::waitpid(process, &status, 0), process);
  ASSERT_TRUE(client_->reaped(process, sys::exit_status_of(status)).has_value());
  EXPECT_EQ(wait_exit().code, 137);
}

TEST(Handover, is_the_same_after_encoding) {
  Handover value{.run_directory = "/run/x", .directory = 3, .records = 4, .lock = 5, .listener = 6, .host_root = 7, .dev_null = 8, .pump = 9};
  value.pump_pids = {11, 12};
  value.processes.push_back({.target = {"c", "e"}, .is_child = true, .reaped = true,
                             .exit = {.code = 137, .by_signal = true, .finished_ns = 1}, .oom_counter = 10});
  value.processes.push_back({.target = {"d", ""}});
  const auto decoded = decode_handover(encode(value));
  ASSERT_TRUE(decoded.has_value());
  EXPECT_EQ(encode(*decoded), encode(value));
  EXPECT_EQ(decoded->pump_pids, value.pump_pids);
  EXPECT_EQ(decoded->processes.front().exit.code, 137);
  EXPECT_EQ(decoded->processes.back().oom_counter, -1);
}

TEST(Handover, is_refused_when_cut_or_foreign) {
  Handover value{.run_directory = "/run/x", .directory = 3};
  value.pump_pids = {11};
  value.processes.push_back({.target = {"c", ""}});
  const std::string whole = encode(value);
  EXPECT_FALSE(decode_handover("").has_value());
  EXPECT_FALSE(decode_handover("wherry-handover 9\n" + whole.substr(18)).has_value());
  std::size_t taken = 0;
  for (std::size_t size = 18; size < whole.size(); ++size) taken += decode_handover(whole.substr(0, size)).has_value();
  EXPECT_LE(taken, 2U);  // between two structures, where nothing is cut
}

}  // namespace
}  // namespace wherry::keeperd
