// Attach, stdin, terminals, logs: through the client to a real keeper and pump.
#include "keeperd/keeper_fixture.h"

namespace wherry::keeperd {
namespace {

using KeeperStream = KeeperTest;

keeper::AttachRequest raw_request(bool with_stdin = false) {
  keeper::AttachRequest request;
  request.target = {"c1", ""};
  request.framing = keeper::Framing::Raw;
  request.want_stdin = with_stdin;
  return request;
}

TEST_F(KeeperStream, a_client_that_attached_before_start_gets_everything) {
  ASSERT_TRUE(client_->reserve({"c1", ""}).has_value());
  const Attachment client = attach(raw_request());
  run({.script = "echo hello; exit 1"});
  EXPECT_EQ(read_to_end(client.socket), "hello\n");
  EXPECT_EQ(wait_exit().code, 1);
}

TEST_F(KeeperStream, both_streams_come_framed) {
  ASSERT_TRUE(client_->reserve({"c1", ""}).has_value());
  keeper::AttachRequest request = raw_request();
  request.framing = keeper::Framing::Framed;
  request.preface = "HTTP/1.1 101 UPGRADED\r\n\r\n";
  const Attachment client = attach(request);
  run({.script = "echo out; echo err >&2"});
  std::string all = read_to_end(client.socket);
  ASSERT_TRUE(all.starts_with(request.preface));
  std::string out;
  std::string err;
  io::Deframer deframer;
  ASSERT_TRUE(deframer.feed(std::string_view(all).substr(request.preface.size()),
                            [&](io::Stream stream, std::string_view bytes) -> Result<> {
                              (stream == io::Stream::Stderr ? err : out) += bytes;
                              return {};
                            }).has_value());
  EXPECT_EQ(out, "out\n");
  EXPECT_EQ(err, "err\n");
  EXPECT_TRUE(deframer.at_boundary());
  wait_exit();
}

TEST_F(KeeperStream, a_client_gets_only_the_stream_it_wants) {
  ASSERT_TRUE(client_->reserve({"c1", ""}).has_value());
  keeper::AttachRequest request = raw_request();
  request.want_stdout = false;
  const Attachment client = attach(request);
  run({.script = "echo out; echo err >&2"});
  EXPECT_EQ(read_to_end(client.socket), "err\n");
  wait_exit();
}

TEST_F(KeeperStream, input_reaches_the_process_and_its_end_with_stdin_once) {
  ASSERT_TRUE(client_->reserve({"c1", ""}).has_value());
  keeper::AttachRequest request = raw_request(true);
  request.already_read = "one ";
  const Attachment client = attach(request);
  type(client.socket, "two");
  ::shutdown(client.socket.get(), SHUT_WR);
  run({.script = "cat; echo .", .stdio = {.open_stdin = true, .stdin_once = true}});
  EXPECT_EQ(read_to_end(client.socket), "one two.\n");
  EXPECT_EQ(wait_exit().code, 0);
}

TEST_F(KeeperStream, stdin_without_stdin_once_stays_open_when_a_client_leaves) {
  run({.script = "read line; echo \"got $line\"", .stdio = {.open_stdin = true}});
  {
    const Attachment first = attach(raw_request(true));
    ::shutdown(first.socket.get(), SHUT_WR);
    EXPECT_EQ(read_to_end(first.socket), "");  // its input's end ends this client alone
  }
  const Attachment second = attach(raw_request(true));
  type(second.socket, "it\n");
  EXPECT_EQ(read_to_end(second.socket), "got it\n");
  wait_exit();
}

TEST_F(KeeperStream, close_stdin_is_the_end_of_input) {
  run({.script = "cat >/dev/null; exit 6", .stdio = {.open_stdin = true}});
  ASSERT_TRUE(client_->close_stdin({"c1", ""}).has_value());
  EXPECT_EQ(wait_exit().code, 6);
}

TEST_F(KeeperStream, without_open_stdin_the_process_reads_an_empty_file) {
  run({.script = "cat; exit 0"});
  EXPECT_EQ(wait_exit().code, 0);
}

TEST_F(KeeperStream, many_clients_get_the_same) {
  ASSERT_TRUE(client_->reserve({"c1", ""}).has_value());
  std::vector<Attachment> clients;
  for (int i = 0; i < 10; ++i) clients.push_back(attach(raw_request()));
  run({.script = "echo all"});
  for (const Attachment& client : clients) EXPECT_EQ(read_to_end(client.socket), "all\n");
  wait_exit();
}

TEST_F(KeeperStream, a_slow_client_loses_nothing_and_others_go_on) {
  ASSERT_TRUE(client_->reserve({"c1", ""}).has_value());
  const Attachment slow = attach(raw_request());
  constexpr std::size_t kBytes = 16 << 20;
  run({.script = "head -c 16777216 /dev/zero | tr '\\0' x"});
  // Nobody reads yet: the process must be held back while another one comes and goes.
  run({.script = "exit 0", .container = "c2"});
  EXPECT_EQ(wait_exit("c2").code, 0);
  const auto record = client_->lookup({"c1", ""});
  ASSERT_TRUE(record && *record);
  EXPECT_EQ((*record)->state, keeper::State::Running);
  const std::string all = read_to_end(slow.socket);
  EXPECT_EQ(all.size(), kBytes);
  EXPECT_EQ(all.find_first_not_of('x'), std::string::npos);
  EXPECT_EQ(wait_exit().code, 0);
}

TEST_F(KeeperStream, a_client_that_reads_only_after_the_exit_still_gets_everything) {
  ASSERT_TRUE(client_->reserve({"c1", ""}).has_value());
  const Attachment slow = attach(raw_request());
  run({.script = "head -c 1200000 /dev/zero | tr '\\0' y"});
  EXPECT_EQ(wait_exit().code, 0);
  EXPECT_EQ(read_to_end(slow.socket).size(), 1'200'000U);
}

TEST_F(KeeperStream, a_dead_client_holds_nobody_back) {
  ASSERT_TRUE(client_->reserve({"c1", ""}).has_value());
  Attachment dead = attach(raw_request());
  run({.script = "head -c 16777216 /dev/zero"});
  dead.socket.reset();
  EXPECT_EQ(wait_exit().code, 0);
}

TEST_F(KeeperStream, output_is_logged_in_dockers_lines) {
  run({.script = "echo 'a <b>'; printf unfinished >&2", .log = json_log()});
  EXPECT_EQ(wait_exit().code, 0);
  const std::string log = log_text();
  EXPECT_NE(log.find(R"({"log":"a \u003cb\u003e\n","stream":"stdout","time":")"), std::string::npos) << log;
  EXPECT_NE(log.find(R"({"log":"unfinished","stream":"stderr","time":")"), std::string::npos) << log;
}

TEST_F(KeeperStream, a_held_client_gets_exactly_what_the_log_does_not_have) {
  run({.script = "echo logged; printf part; read line; echo \" rest $line\"; echo live",
       .stdio = {.open_stdin = true},
       .log = json_log()});
  // The line is in the log and the part has been read once another client has seen them.
  keeper::AttachRequest request = raw_request();
  while (log_text().find("logged") == std::string::npos) std::this_thread::yield();
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  request.hold = true;
  const Attachment held = attach(request);
  EXPECT_EQ(held.attached.position.offset, log_text().size());
  const Attachment other = attach(raw_request(true));
  type(other.socket, "x\n");
  EXPECT_NE(read_until(other.socket, "live\n").find("live"), std::string::npos);
  char byte = 0;
  EXPECT_EQ(::recv(held.socket.get(), &byte, 1, MSG_DONTWAIT), -1);  // held
  ASSERT_TRUE(client_->release({"c1", ""}, held.attached).has_value());
  EXPECT_EQ(read_until(held.socket, "live\n"), "part rest x\nlive\n");
}

TEST_F(KeeperStream, a_terminal_has_its_size_and_is_resized) {
  run({.script = "stty size; read line; stty size",
       .stdio = {.tty = true, .open_stdin = true, .window = {24, 80}}});
  const Attachment client = attach(raw_request(true));
  ASSERT_TRUE(client_->resize({"c1", ""}, {50, 132}).has_value());
  type(client.socket, "\n");
  EXPECT_NE(read_to_end(client.socket).find("50 132\r\n"), std::string::npos);
  EXPECT_EQ(wait_exit().code, 0);
}

TEST_F(KeeperStream, detach_keys_end_the_client_and_not_the_process) {
  // Only a subscriber is told, and the first call subscribes.
  ASSERT_TRUE(client_->next_event(std::chrono::steady_clock::now()).has_value());
  run({.script = "read line; echo \"got $line\"", .stdio = {.tty = true, .open_stdin = true}});
  keeper::AttachRequest request = raw_request(true);
  request.detach_keys = "\x10\x11";
  const Attachment first = attach(request);
  type(first.socket, "\x10\x11");
  static_cast<void>(read_to_end(first.socket));
  const auto event = next_event();
  ASSERT_TRUE(event.has_value());
  EXPECT_EQ(event->kind, keeper::EventKind::Detached);
  EXPECT_EQ(event->target.container, "c1");
  const Attachment second = attach(request);
  type(second.socket, "again\n");
  EXPECT_NE(read_to_end(second.socket).find("got again"), std::string::npos);
  EXPECT_EQ(wait_exit().code, 0);
}

TEST_F(KeeperStream, a_failed_start_closes_the_clients) {
  ASSERT_TRUE(client_->reserve({"c1", ""}).has_value());
  const Attachment client = attach(raw_request());
  EXPECT_FALSE(start({.script = "", .interpreter = "no-such-program"}).has_value());
  EXPECT_EQ(read_to_end(client.socket), "");
}

TEST_F(KeeperStream, forget_closes_the_clients_of_a_reservation) {
  ASSERT_TRUE(client_->reserve({"c1", ""}).has_value());
  const Attachment client = attach(raw_request());
  ASSERT_TRUE(client_->forget({"c1", ""}).has_value());
  EXPECT_EQ(read_to_end(client.socket), "");
}

TEST_F(KeeperStream, attaching_to_nothing_leaves_the_connection_with_the_caller) {
  auto pair = sys::make_socket_pair(SOCK_STREAM);
  ASSERT_TRUE(pair.has_value());
  const auto attached = client_->attach(raw_request(), pair->second);
  ASSERT_FALSE(attached.has_value());
  EXPECT_EQ(attached.error().kind(), ErrorKind::NotFound);
  EXPECT_TRUE(static_cast<bool>(pair->second));
}

TEST_F(KeeperStream, output_after_the_exit_is_waited_for_three_seconds_at_most) {
  const auto begin = std::chrono::steady_clock::now();
  run({.script = "sleep 30 & exit 0"});
  EXPECT_EQ(wait_exit().code, 0);
  const auto took = std::chrono::steady_clock::now() - begin;
  EXPECT_GE(took, std::chrono::milliseconds(2900));
  EXPECT_LT(took, std::chrono::seconds(10));
  const auto record = client_->lookup({"c1", ""});
  ASSERT_TRUE(record && *record);
  kill_group((*record)->pid);
}

TEST_F(KeeperStream, a_discarding_exec_has_no_streams) {
  run({.script = "exec sleep 1000"});
  ASSERT_TRUE(start({.script = "echo nobody reads this", .stdio = {.discard = true}, .exec = "e1"}).has_value());
  EXPECT_EQ(wait_exit("c1", "e1").code, 0);
}

// One thread moves the bytes of all, and each of its turns would let the flood write once more.
TEST_F(KeeperStream, a_slow_log_disk_holds_back_its_own_container_alone) {
  end_keeper();
  ::setenv("WHERRY_SLOWPOINT", "pump.log_write:1000", 1);
  ASSERT_TRUE(connect());
  ::unsetenv("WHERRY_SLOWPOINT");
  run({.script = "exec yes", .log = json_log()});
  for (int i = 0; i < 1000 && log_text().empty(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  const std::size_t before = log_text().size();
  ASSERT_GT(before, 0U);
  for (int i = 0; i < 20; ++i) {
    const std::string container = "other" + std::to_string(i);
    ASSERT_TRUE(client_->reserve({container, ""}).has_value());
    keeper::AttachRequest request;
    request.target = {container, ""};
    request.framing = keeper::Framing::Raw;
    const Attachment client = attach(request);
    run({.script = "echo $0", .container = container, .nonce = container});
    EXPECT_NE(read_to_end(client.socket), "");
    wait_exit(container);
  }
  const std::size_t writes = (log_text().size() - before) / before + 1;
  EXPECT_LT(writes, 15U) << "each of 20 containers waited for the disk";
  kill_group(client_->lookup({"c1", ""}).value()->pid);
  EXPECT_EQ(wait_exit().code, 137);
}

}  // namespace
}  // namespace wherry::keeperd
