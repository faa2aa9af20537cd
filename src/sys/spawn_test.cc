#include "sys/spawn.h"

#include <fcntl.h>
#include <gtest/gtest.h>

namespace wherry::sys {
namespace {

struct Outcome {
  int code;
  std::string output;
};

Outcome run(SpawnRequest request) {
  auto pipe = make_pipe();
  EXPECT_TRUE(pipe);
  request.fds = {nullptr, &pipe->write_end};
  const auto process = spawn(request);
  EXPECT_TRUE(process) << process.error().message();
  pipe->write_end.reset();
  const std::string output = *read_all(pipe->read_end, 1 << 16);
  EXPECT_TRUE(*process->wait_ended(10'000));
  return {(*process->reap())->code, output};
}

TEST(Spawn, runs_a_program_with_its_arguments_and_gives_its_exit_code) {
  const Outcome outcome =
      run({.program = "/bin/sh", .arguments = {"sh", "-c", "echo \"$1\"; exit 7", "x", "a b"}});
  EXPECT_EQ(outcome.output, "a b\n");
  EXPECT_EQ(outcome.code, 7);
}

TEST(Spawn, gives_the_environment_and_nothing_else) {
  const Outcome outcome = run({.program = "/usr/bin/env",
                               .arguments = {"env"},
                               .environment = std::vector<std::string>{"A=1", "B=2"}});
  EXPECT_EQ(outcome.output, "A=1\nB=2\n");
}

TEST(Spawn, passes_the_named_descriptors_only) {
  const Fd leaky(::open("/dev/null", O_RDONLY));  // not close-on-exec
  const Outcome outcome =
      run({.program = "/bin/sh",
           .arguments = {"sh", "-c", "for f in /proc/$$/fd/*; do echo ${f##*/}; done"}});
  // 0 is closed, so the shell's own glob may use it; only 1 is ours.
  EXPECT_EQ(outcome.output.find(std::to_string(leaky.get()) + "\n"), std::string::npos);
  EXPECT_NE(outcome.output.find("1\n"), std::string::npos);
}

TEST(Spawn, names_a_missing_program) {
  const auto process = spawn({.program = "/nonexistent/x", .arguments = {"x"}});
  ASSERT_FALSE(process);
  EXPECT_EQ(process.error().kind(), ErrorKind::NotFound);
  EXPECT_NE(process.error().message().find("/nonexistent/x"), std::string::npos);
}

TEST(Spawn, resets_blocked_signals) {
  sigset_t mask;
  sigset_t before;
  sigfillset(&mask);
  pthread_sigmask(SIG_BLOCK, &mask, &before);
  const Outcome outcome =
      run({.program = "/bin/sh", .arguments = {"sh", "-c", "grep SigBlk /proc/self/status"}});
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  EXPECT_EQ(outcome.output, "SigBlk:\t0000000000000000\n");
}

}  // namespace
}  // namespace wherry::sys
