// wherry-init as a process: the program is free-standing, so nothing of it can be linked here.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace wherry {
namespace {

// Closed on purpose by the test's end only: every test is a few file descriptors.
struct Child {
  pid_t pid = 0;
  int output = -1;
};

// Runs `wherry-init -- <words>` with stdout and stderr in a pipe.
Child start(std::vector<std::string> words, bool dashes = true) {
  if (dashes) words.insert(words.begin(), "--");
  words.insert(words.begin(), WHERRY_INIT);
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  int pipe[2];
  EXPECT_EQ(::pipe2(pipe, O_CLOEXEC), 0);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, pipe[1], 1);
  ::posix_spawn_file_actions_adddup2(&actions, pipe[1], 2);
  Child child;
  EXPECT_EQ(::posix_spawn(&child.pid, WHERRY_INIT, &actions, nullptr, argv.data(), environ), 0);
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(pipe[1]);
  child.output = pipe[0];
  return child;
}

int wait_code(const Child& child) {
  int status = 0;
  EXPECT_EQ(::waitpid(child.pid, &status, 0), child.pid);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

std::string first_byte(const Child& child) {
  char byte = 0;
  return ::read(child.output, &byte, 1) == 1 ? std::string(1, byte) : std::string();
}

TEST(Init, ends_with_the_code_of_its_program) {
  EXPECT_EQ(wait_code(start({"sh", "-c", "exit 7"})), 7);
}

TEST(Init, ends_with_128_and_the_signal_of_its_program) {
  EXPECT_EQ(wait_code(start({"sh", "-c", "kill -9 $$"})), 128 + 9);
}

TEST(Init, forwards_signals) {
  const Child child = start({"sh", "-c", "trap 'exit 42' TERM; echo r; while :; do sleep 0.01; done"});
  EXPECT_EQ(first_byte(child), "r");
  ::kill(child.pid, SIGTERM);
  EXPECT_EQ(wait_code(child), 42);
}

TEST(Init, reaps_orphans) {
  // The orphan's parent ends first; the program then asks who is left and in which state.
  const Child child = start({"sh", "-c",
                             "sh -c 'sh -c \"exit 3\" & exit 0'; sleep 0.2; "
                             "ps -o stat= --ppid $PPID | grep -c Z; exit 0"});
  EXPECT_EQ(first_byte(child), "0");
  EXPECT_EQ(wait_code(child), 0);
}

TEST(Init, gives_its_program_the_signals_it_was_started_with) {
  const Child child = start({"sh", "-c", "kill -TERM $$; exit 0"});
  EXPECT_EQ(wait_code(child), 128 + SIGTERM);
}

TEST(Init, says_what_cannot_be_run) {
  EXPECT_EQ(wait_code(start({"/no/such/program"})), 127);
  EXPECT_EQ(wait_code(start({"no-such-program"})), 127);
  EXPECT_EQ(wait_code(start({"/etc/passwd"})), 126);
}

TEST(Init, wants_a_program) { EXPECT_EQ(wait_code(start({}, false)), 1); }

TEST(Init, is_smaller_than_100_kib_and_static) {
  struct stat status {};
  ASSERT_EQ(::stat(WHERRY_INIT, &status), 0);
  EXPECT_LT(status.st_size, 100 * 1024);
  std::ifstream file(WHERRY_INIT, std::ios::binary);
  const std::string image{std::istreambuf_iterator<char>(file), {}};
  EXPECT_EQ(image.size(), static_cast<std::size_t>(status.st_size));
  EXPECT_EQ(image.find("ld-linux"), std::string::npos);
}

}  // namespace
}  // namespace wherry
