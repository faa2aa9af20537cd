#include "engine/container_state.h"
#include "spec/json.h"

#include <gtest/gtest.h>

#include "engine/container_json.h"

namespace wherry::engine {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

Instant at(std::int64_t second) { return Instant(std::chrono::seconds(second)); }

State running() {
  State state;
  to_running(state, {.pid = 7, .start_time = 11, .nonce = "n", .boot_id = "b"}, at(1000));
  return state;
}

TEST(ContainerState, a_new_one_is_created_and_not_running) {
  const State state;
  EXPECT_EQ(state.kind(), Status::Created);
  EXPECT_FALSE(state.has_process());
  const auto shown = describe(state);
  EXPECT_FALSE(shown.running);
  EXPECT_EQ(shown.started_at, "0001-01-01T00:00:00Z");
}

TEST(ContainerState, a_start_wipes_what_the_last_run_left) {
  State state;
  state.exit_code = 3;
  state.error = "x";
  state.oom_killed = true;
  to_running(state, {.pid = 7, .start_time = 11, .nonce = "n", .boot_id = "b"}, at(1000));
  EXPECT_EQ(state.kind(), Status::Running);
  EXPECT_EQ(state.exit_code, 0);
  EXPECT_FALSE(state.oom_killed);
  EXPECT_TRUE(state.error.empty());
  EXPECT_TRUE(state.started_once);
}

TEST(ContainerState, an_end_keeps_code_and_time) {
  State state = running();
  to_ended(state, {.exit_code = 137, .oom_killed = true, .finished_at = at(1005)}, Status::Exited);
  const auto shown = describe(state);
  EXPECT_EQ(shown.status, "exited");
  EXPECT_EQ(shown.exit_code, 137);
  EXPECT_TRUE(shown.oom_killed);
  EXPECT_EQ(shown.pid, 0);
  EXPECT_EQ(shown.finished_at, "1970-01-01T00:16:45Z");
}

TEST(ContainerState, an_exit_code_that_nobody_could_read_is_called_unknown) {
  State state = running();
  to_ended(state, {.exit_code = 255, .known = false, .finished_at = at(1005)}, Status::Exited);
  EXPECT_EQ(describe(state).exit_code, 255);
  EXPECT_EQ(describe(state).error, kExitUnknown);
  to_running(state, {.pid = 9, .start_time = 1, .nonce = "n", .boot_id = "b"}, at(1006));
  EXPECT_EQ(describe(state).error, "");
}

TEST(ContainerState, one_that_waits_for_its_restart_counts_as_running_without_a_process) {
  State state = running();
  to_ended(state, {.exit_code = 1, .finished_at = at(1005)}, Status::Restarting);
  EXPECT_FALSE(state.has_process());
  EXPECT_TRUE(state.counts_as_running());
  EXPECT_TRUE(describe(state).running);
  EXPECT_TRUE(describe(state).restarting);
}

TEST(ContainerState, a_failed_first_start_leaves_it_created_a_later_one_exited) {
  State fresh;
  to_start_failed(fresh, 127, "no such file");
  EXPECT_EQ(fresh.kind(), Status::Created);
  EXPECT_EQ(fresh.exit_code, 127);
  State used = running();
  to_ended(used, {.finished_at = at(1005)}, Status::Exited);
  to_start_failed(used, 126, "permission denied");
  EXPECT_EQ(used.kind(), Status::Exited);
  EXPECT_EQ(used.error, "permission denied");
}

TEST(ContainerState, dockers_exit_codes_of_failed_starts_follow_the_words) {
  EXPECT_EQ(start_failure_code("exec: \"x\": executable file not found in $PATH"), 127);
  EXPECT_EQ(start_failure_code("exec: \"/x\": stat /x: no such file or directory"), 127);
  EXPECT_EQ(start_failure_code("exec: \"/etc/passwd\": permission denied"), 126);
  EXPECT_EQ(start_failure_code("exec: \"/etc\": is a directory"), 126);
  EXPECT_EQ(start_failure_code("cannot allocate memory"), 128);
}

TEST(ContainerState, survives_its_own_json) {
  State state = running();
  state.endpoints["bridge"].emplace().ip_address = "172.17.0.2";
  state.restart_count = 2;
  state.stopped_by_user = true;
  const auto read = json::parse<State>(json::write(state)).value();
  EXPECT_EQ(json::write(read), json::write(state));
  EXPECT_EQ(read.endpoints.at("bridge")->ip_address, "172.17.0.2");
  EXPECT_TRUE(read.stopped_by_user);
}

TEST(ContainerState, every_status_has_a_word_of_its_own) {
  for (const Status status : {Status::Created, Status::Running, Status::Paused, Status::Restarting,
                              Status::Removing, Status::Exited, Status::Dead})
    EXPECT_EQ(parse_status(status_name(status)), status);
  EXPECT_FALSE(parse_status("asleep"));
}

TEST(ContainerState, the_status_column_is_dockers) {
  State state;
  EXPECT_EQ(status_text(state, at(2000)), "Created");
  state = running();
  EXPECT_EQ(status_text(state, at(1002)), "Up 2 seconds");
  state.set(Status::Paused);
  EXPECT_EQ(status_text(state, at(1002)), "Up 2 seconds (Paused)");
  to_ended(state, {.exit_code = 3, .finished_at = at(1005)}, Status::Exited);
  EXPECT_EQ(status_text(state, at(1065)), "Exited (3) About a minute ago");
}

TEST(ContainerState, durations_are_rounded_as_docker_does) {
  EXPECT_EQ(human_duration(seconds(0)), "Less than a second");
  EXPECT_EQ(human_duration(seconds(1)), "1 second");
  EXPECT_EQ(human_duration(seconds(59)), "59 seconds");
  EXPECT_EQ(human_duration(seconds(60)), "About a minute");
  EXPECT_EQ(human_duration(seconds(150)), "2 minutes");
  EXPECT_EQ(human_duration(seconds(3600)), "About an hour");
  EXPECT_EQ(human_duration(seconds(3600 + 1799)), "About an hour");
  EXPECT_EQ(human_duration(seconds(3600 + 1800)), "2 hours");
  EXPECT_EQ(human_duration(hours(47)), "47 hours");
  EXPECT_EQ(human_duration(hours(48)), "2 days");
  EXPECT_EQ(human_duration(hours(24 * 14)), "2 weeks");
  EXPECT_EQ(human_duration(hours(24 * 61)), "2 months");
  EXPECT_EQ(human_duration(hours(24 * 365 * 2)), "2 years");
}

}  // namespace
}  // namespace wherry::engine
