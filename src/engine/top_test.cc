#include "engine/top.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace wherry::engine {
namespace {

TEST(Top, lists_this_process_with_the_columns_of_ps_ef) {
  const auto listed = list_processes({::getpid()}, "-ef").value();
  EXPECT_EQ(listed.titles, (std::vector<std::string>{"UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"}));
  ASSERT_EQ(listed.processes.size(), 1U);
  EXPECT_EQ(listed.processes[0][1], std::to_string(::getpid()));
  EXPECT_EQ(listed.processes[0][2], std::to_string(::getppid()));
  EXPECT_NE(listed.processes[0][7].find("engine_test"), std::string::npos);
}

TEST(Top, columns_can_be_chosen_and_named) {
  const auto listed = list_processes({::getpid()}, "-o pid,comm=NAME").value();
  EXPECT_EQ(listed.titles, (std::vector<std::string>{"PID", "NAME"}));
  EXPECT_EQ(listed.processes[0][1], "engine_test");
}

TEST(Top, what_ps_could_and_we_cannot_is_refused) {
  EXPECT_EQ(list_processes({}, "-o pid,nonsense").error().kind(), ErrorKind::NotImplemented);
  EXPECT_EQ(list_processes({}, "--forest").error().kind(), ErrorKind::NotImplemented);
  EXPECT_EQ(list_processes({}, "-o comm").error().message(), "Couldn't find PID field in ps output");
}

TEST(Top, a_process_that_has_ended_is_left_out) {
  EXPECT_TRUE(list_processes({1 << 22}, "").value().processes.empty());
}

}  // namespace
}  // namespace wherry::engine
