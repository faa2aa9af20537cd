#include "keeper/protocol.h"

#include <gtest/gtest.h>

#include <random>

#include "keeper/wire.h"

namespace wherry::keeper {
namespace {

StartRequest sample_start() {
  StartRequest request;
  request.target = {"c1", "e1"};
  request.nonce = "n1";
  request.stdio = {.tty = true, .open_stdin = true, .stdin_once = true, .window = {24, 80}};
  request.log = {.driver = LogDriver::JsonFile,
                 .mode = LogMode::NonBlocking,
                 .file_name = "c1-json.log",
                 .max_size = 1000,
                 .max_files = 3,
                 .max_buffer = 4096,
                 .attributes = R"({"a":"b"})",
                 .path = "/data/c1"};
  request.cgroup = "/wherry/c1";
  request.go_at_once = true;
  request.deadline_ms = 5;
  request.has_oom_counter = true;
  return request;
}

TEST(Protocol, a_start_request_comes_back_whole) {
  const auto request = decode_start(encode(sample_start()));
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(request->target, (Target{"c1", "e1"}));
  EXPECT_EQ(request->nonce, "n1");
  EXPECT_TRUE(request->stdio.tty && request->stdio.open_stdin && request->stdio.stdin_once);
  EXPECT_FALSE(request->stdio.discard);
  EXPECT_EQ(request->stdio.window.columns, 80);
  EXPECT_EQ(request->log.driver, LogDriver::JsonFile);
  EXPECT_EQ(request->log.mode, LogMode::NonBlocking);
  EXPECT_EQ(request->log.max_size, 1000);
  EXPECT_EQ(request->log.attributes, R"({"a":"b"})");
  EXPECT_EQ(request->log.path, "/data/c1");
  EXPECT_EQ(request->deadline_ms, 5U);
  EXPECT_TRUE(request->go_at_once && request->has_oom_counter && !request->has_log_directory);
}

TEST(Protocol, a_record_comes_back_whole) {
  Record record;
  record.target = {"c1", ""};
  record.pid = 4711;
  record.start_time = 1ULL << 40;
  record.boot_id = "boot";
  record.state = State::Exited;
  record.exit = {.code = 137, .known = true, .by_signal = true, .oom_killed = true, .finished_ns = -1};
  record.exit_sequence = 9;
  record.acknowledged = true;
  record.pipe_err = {7, 8};
  const auto back = decode_record(encode(record));
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(back->pid, 4711);
  EXPECT_EQ(back->start_time, 1ULL << 40);
  EXPECT_EQ(back->state, State::Exited);
  EXPECT_EQ(back->exit.code, 137);
  EXPECT_TRUE(back->exit.oom_killed && back->exit.by_signal);
  EXPECT_EQ(back->exit.finished_ns, -1);
  EXPECT_TRUE(back->acknowledged && !back->forgotten);
  EXPECT_EQ(back->pipe_err.inode, 8U);

  const auto list = decode_records(encode(std::vector<Record>{record, record}));
  ASSERT_TRUE(list.has_value());
  EXPECT_EQ(list->size(), 2U);
}

TEST(Protocol, attach_events_and_errors_come_back_whole) {
  AttachRequest attach;
  attach.target = {"c", ""};
  attach.want_stdin = true;
  attach.framing = Framing::Raw;
  attach.detach_keys = std::string("\x10\x11", 2);
  attach.already_read = std::string("a\0b", 3);
  attach.hold = true;
  const auto attach_back = decode_attach(encode(attach));
  ASSERT_TRUE(attach_back.has_value());
  EXPECT_EQ(attach_back->already_read.size(), 3U);
  EXPECT_EQ(attach_back->detach_keys, attach.detach_keys);
  EXPECT_TRUE(attach_back->want_stdin && attach_back->hold);
  EXPECT_EQ(attach_back->framing, Framing::Raw);

  Event event;
  event.kind = EventKind::LogLost;
  event.lost_lines = 5;
  event.text = "no space";
  const auto event_back = decode_event(encode(event));
  ASSERT_TRUE(event_back.has_value());
  EXPECT_EQ(event_back->text, "no space");

  const Error error = decode_error(encode(Error(ErrorKind::Forbidden, 13, "permission denied")));
  EXPECT_EQ(error.kind(), ErrorKind::Forbidden);
  EXPECT_EQ(error.errno_value(), 13);
  EXPECT_EQ(error.message(), "permission denied");
}

// An older peer sends fewer fields, a newer one more.
TEST(Protocol, missing_fields_keep_their_defaults_and_further_ones_are_left_alone) {
  const std::string newer = encode(Target{"c", "e"}) + "later fields";
  EXPECT_TRUE(decode_target(newer).has_value());
  const auto older = decode_attach(encode(Target{"c", "e"}));
  ASSERT_TRUE(older.has_value());
  EXPECT_TRUE(older->want_stdout && older->want_stderr && !older->want_stdin);
}

TEST(Protocol, values_out_of_range_are_refused) {
  EXPECT_FALSE(decode_target(Writer().put(std::string_view(std::string(200, 'c'))).take()).has_value());
  StartRequest request = sample_start();
  request.log.driver = static_cast<LogDriver>(9);
  EXPECT_FALSE(decode_start(encode(request)).has_value());
  Record record;
  record.state = static_cast<State>(77);
  EXPECT_FALSE(decode_record(encode(record)).has_value());
}

TEST(Protocol, changed_bytes_are_refused_or_decoded_but_never_more) {
  const std::string good = encode(sample_start());
  std::mt19937 random(1);
  for (int i = 0; i < 5000; ++i) {
    std::string bad = good;
    for (int change = 0; change < 3; ++change) bad[random() % bad.size()] = static_cast<char>(random());
    bad.resize(random() % (bad.size() + 1));
    const auto request = decode_start(bad);
    if (request) {
      EXPECT_LE(request->target.container.size(), 128U);
    }
    static_cast<void>(decode_attach(bad));
    static_cast<void>(decode_record(bad));
    static_cast<void>(decode_records(bad));
    static_cast<void>(decode_event(bad));
    static_cast<void>(decode_error(bad));
  }
}

}  // namespace
}  // namespace wherry::keeper
