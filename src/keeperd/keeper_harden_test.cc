// What keeper and pump have given up, as the kernel tells it.
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>

#include "base/sanitizer.h"
#include "base/strings.h"
#include "keeperd/keeper_fixture.h"

namespace wherry::keeperd {
namespace {

class KeeperHarden : public KeeperTest {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "only root has something to give up";
    KeeperTest::SetUp();
    info_ = client_->info().value_or(keeper::KeeperInfo{});
  }

  static std::string status(pid_t pid, std::string_view field) {
    const auto text = sys::read_file(("/proc/" + std::to_string(pid) + "/status").c_str());
    if (!text) return "(none)";
    for (const std::string_view line : split(*text, '\n'))
      if (line.starts_with(field)) return std::string(trim(line.substr(field.size() + 1)));
    return "(none)";
  }

  keeper::KeeperInfo info_;
};

TEST_F(KeeperHarden, the_pump_has_no_capability_and_a_filter) {
  run({.script = "true"});  // by now the pump serves, so it is confined
  wait_exit();
  for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"})
    EXPECT_EQ(status(info_.pump_pid, set), "0000000000000000") << set;
  EXPECT_EQ(status(info_.pump_pid, "Seccomp"), "2");
  EXPECT_EQ(status(info_.pump_pid, "NoNewPrivs"), "1");
}

TEST_F(KeeperHarden, the_keeper_sees_three_mounts_and_not_the_hosts_files) {
  if (kSanitized) GTEST_SKIP() << "a sanitizer needs the dynamic loader: the keeper stays where it is";
  const std::string proc = "/proc/" + std::to_string(info_.keeper_pid);
  const auto mounts = sys::read_file((proc + "/mounts").c_str());
  ASSERT_TRUE(mounts.has_value());
  EXPECT_EQ(std::ranges::count(*mounts, '\n'), 3) << *mounts;
  EXPECT_FALSE(std::filesystem::exists(proc + "/root/etc/passwd"));
  EXPECT_TRUE(std::filesystem::exists(proc + "/root/proc/self"));
}

TEST_F(KeeperHarden, the_keepers_program_cannot_be_written) {
  for (const pid_t pid : {info_.keeper_pid, info_.pump_pid}) {
    const std::string exe = "/proc/" + std::to_string(pid) + "/exe";
    struct statvfs system {};
    ASSERT_EQ(::statvfs(exe.c_str(), &system), 0);
    const sys::Fd file(::open(exe.c_str(), O_RDONLY | O_CLOEXEC));
    const int seals = ::fcntl(file.get(), F_GET_SEALS);
    EXPECT_TRUE((system.f_flag & ST_RDONLY) != 0 || (seals & F_SEAL_WRITE) != 0) << exe;
  }
}

TEST_F(KeeperHarden, the_run_directory_is_private) {
  struct stat directory {};
  ASSERT_EQ(::stat(run_directory().c_str(), &directory), 0);
  EXPECT_EQ(directory.st_mode & 07777, 0700U);
  struct stat socket {};
  ASSERT_EQ(::stat((run_directory() + "/keeper.sock").c_str(), &socket), 0);
  EXPECT_EQ(socket.st_mode & 07777, 0600U);
}

TEST_F(KeeperHarden, a_second_keeper_on_the_directory_refuses) {
  const std::string command =
      std::string(WHERRY_KEEPER) + " --run-dir " + run_directory() + " 2>/dev/null";
  EXPECT_NE(std::system(command.c_str()), 0);
  EXPECT_EQ(client_->info().value_or(keeper::KeeperInfo{}).instance, info_.instance);
}

TEST_F(KeeperHarden, descriptors_of_a_process_are_few_and_given_back) {
  const auto count = [&](pid_t pid) {
    return std::ranges::distance(std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/fd"),
                                 std::filesystem::directory_iterator());
  };
  const auto keeper_before = count(info_.keeper_pid);
  const auto pump_before = count(info_.pump_pid);
  constexpr int kMany = 10;
  for (int i = 0; i < kMany; ++i)
    run({.script = "exec sleep 1000", .log = json_log(), .container = "m" + std::to_string(i)});
  // pidfd, stdout, stderr, log directory; the pump has the log file instead of the pidfd.
  EXPECT_LE(count(info_.keeper_pid) - keeper_before, 5 * kMany);
  EXPECT_LE(count(info_.pump_pid) - pump_before, 5 * kMany);
  for (int i = 0; i < kMany; ++i) {
    ASSERT_TRUE(client_->signal({"m" + std::to_string(i), ""}, SIGKILL).has_value());
    wait_exit("m" + std::to_string(i));
  }
  // One more round trip, so that what was deferred has been done.
  static_cast<void>(client_->info());
  EXPECT_EQ(count(info_.keeper_pid), keeper_before + 1);  // the event connection
  EXPECT_EQ(count(info_.pump_pid), pump_before);
}

}  // namespace
}  // namespace wherry::keeperd
