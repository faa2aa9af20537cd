#include "sys/fd.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/fs.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/path.h"
#include "sys/pidfd.h"
#include "sys/socket.h"

namespace wherry::sys {
namespace {

// A directory below /tmp that goes away with the test.
class Scratch : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/wherry-test-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    path_ = name;
    directory_ = *open_at({}, name, O_RDONLY | O_DIRECTORY);
  }
  void TearDown() override {
    const Fd parent = *open_at({}, "/tmp", O_RDONLY | O_DIRECTORY);
    EXPECT_TRUE(remove_tree_at(parent, path_.substr(5)));
    EXPECT_NE(::access(path_.c_str(), F_OK), 0);
  }
  std::string path_;
  Fd directory_;
};
using FdTest = Scratch;
using PathTest = Scratch;
using SocketTest = Scratch;

TEST_F(FdTest, is_close_on_exec_and_closed_once) {
  Fd fd = *open_at({}, "/dev/null", O_RDONLY);
  const int raw = fd.get();
  EXPECT_EQ(::fcntl(raw, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
  const Fd moved = std::move(fd);
  EXPECT_EQ(moved.get(), raw);
  Fd(::dup(raw)).reset();
  EXPECT_GE(::fcntl(raw, F_GETFD), 0);
}

TEST_F(FdTest, new_directories_are_spread_where_the_file_system_can) {
  int before = 0;
  if (::ioctl(directory_.get(), FS_IOC_GETFLAGS, &before) < 0) GTEST_SKIP() << "no inode flags here";
  int wanted = before | FS_TOPDIR_FL;
  if (::ioctl(directory_.get(), FS_IOC_SETFLAGS, &wanted) < 0) GTEST_SKIP() << "not ext4";
  ASSERT_EQ(::ioctl(directory_.get(), FS_IOC_SETFLAGS, &before), 0);
  spread_new_directories(directory_);
  int after = 0;
  ASSERT_EQ(::ioctl(directory_.get(), FS_IOC_GETFLAGS, &after), 0);
  EXPECT_EQ(after, before | FS_TOPDIR_FL);
}

TEST_F(FdTest, read_all_refuses_more_than_the_limit) {
  const Pipe pipe = *make_pipe();
  ASSERT_TRUE(write_all(pipe.write_end, "12345"));
  Pipe other = *make_pipe();
  ASSERT_TRUE(write_all(other.write_end, "12345"));
  other.write_end.reset();
  EXPECT_EQ(*read_all(other.read_end, 5), "12345");
  Pipe third = *make_pipe();
  ASSERT_TRUE(write_all(third.write_end, "123456"));
  third.write_end.reset();
  EXPECT_FALSE(read_all(third.read_end, 5));
}

TEST_F(FdTest, replace_file_leaves_no_temporary_file) {
  ASSERT_TRUE(replace_file_at(directory_, "state", "one", 0600, Durable::Yes));
  ASSERT_TRUE(replace_file_at(directory_, "state", "two", 0600, Durable::No));
  EXPECT_EQ(*read_file((path_ + "/state").c_str()), "two");
  EXPECT_EQ(::unlink((path_ + "/state").c_str()), 0);
  EXPECT_EQ(::rmdir(path_.c_str()), 0);
  ASSERT_EQ(::mkdir(path_.c_str(), 0700), 0);
}

TEST_F(FdTest, sealed_memfd_reads_back_and_an_unsealed_one_is_refused) {
  const Fd sealed = *sealed_memfd("test", "plan");
  EXPECT_EQ(*read_sealed_memfd(sealed, 100), "plan");
  EXPECT_FALSE(read_sealed_memfd(sealed, 3));
  EXPECT_LT(::write(sealed.get(), "x", 1), 0);
  const Fd file = *open_at(directory_, "f", O_RDWR | O_CREAT, 0600);
  EXPECT_FALSE(read_sealed_memfd(file, 100));
}

TEST_F(PathTest, a_symlink_to_the_host_stays_inside_the_root) {
  ASSERT_EQ(::symlinkat("/etc", directory_.get(), "evil"), 0);
  EXPECT_FALSE(open_in_root(directory_, "evil/passwd", {.flags = O_RDONLY}));
  ASSERT_EQ(::symlinkat("../../../../etc/passwd", directory_.get(), "up"), 0);
  EXPECT_FALSE(open_in_root(directory_, "up", {.flags = O_RDONLY}));
}

TEST_F(PathTest, magic_links_are_refused) {
  ASSERT_EQ(::symlinkat("/proc/self/root", directory_.get(), "root"), 0);
  EXPECT_FALSE(open_in_root(directory_, "root/etc", {.flags = O_PATH}));
  const Fd host = *open_at({}, "/", O_PATH | O_DIRECTORY);
  const auto magic = open_in_root(host, "proc/self/root", {.flags = O_PATH});
  ASSERT_FALSE(magic);
  EXPECT_EQ(magic.error().errno_value(), ELOOP);
}

TEST_F(PathTest, directories_are_made_inside_through_symlinks) {
  ASSERT_EQ(::mkdirat(directory_.get(), "real", 0755), 0);
  ASSERT_EQ(::symlinkat("/real", directory_.get(), "link"), 0);
  ASSERT_TRUE(make_directories_in_root(directory_, "link/a/b", 0755));
  struct stat status{};
  EXPECT_EQ(::fstatat(directory_.get(), "real/a/b", &status, 0), 0);
  ASSERT_TRUE(make_directories_in_root(directory_, "../../x", 0755));
  EXPECT_EQ(::fstatat(directory_.get(), "x", &status, 0), 0);
}

TEST_F(PathTest, a_parent_has_a_plain_last_name) {
  ASSERT_EQ(::mkdirat(directory_.get(), "a", 0755), 0);
  EXPECT_EQ(open_parent_in_root(directory_, "a/b/")->name, "b");
  EXPECT_FALSE(open_parent_in_root(directory_, "a/.."));
  EXPECT_FALSE(open_parent_in_root(directory_, "/"));
  EXPECT_FALSE(open_parent_in_root(directory_, "missing/b"));
}

TEST_F(PathTest, remove_tree_does_not_follow_symlinks) {
  ASSERT_EQ(::mkdirat(directory_.get(), "keep", 0755), 0);
  ASSERT_EQ(::mkdirat(directory_.get(), "tree", 0755), 0);
  const Fd tree = *open_at(directory_, "tree", O_PATH | O_DIRECTORY);
  ASSERT_EQ(::symlinkat("../keep", tree.get(), "link"), 0);
  ASSERT_EQ(::mkdirat(tree.get(), "sub", 0755), 0);
  ASSERT_TRUE(remove_tree_at(directory_, "tree"));
  struct stat status{};
  EXPECT_EQ(::fstatat(directory_.get(), "keep", &status, 0), 0);
  EXPECT_FALSE(remove_tree_at(directory_, ".."));
  EXPECT_FALSE(remove_tree_at(directory_, "a/b"));
  EXPECT_TRUE(remove_tree_at(directory_, "never-there"));
}

TEST_F(SocketTest, passes_bytes_and_descriptors) {
  const SocketPair pair = *make_socket_pair(SOCK_SEQPACKET);
  const Pipe pipe = *make_pipe();
  const int raw[] = {pipe.write_end.get()};
  ASSERT_TRUE(send_message(pair.first, "hello", raw));
  const Message message = *receive_message(pair.second, 64);
  EXPECT_EQ(message.bytes, "hello");
  ASSERT_EQ(message.fds.size(), 1U);
  ASSERT_TRUE(write_all(message.fds[0], "x"));
  char byte = 0;
  EXPECT_EQ(::read(pipe.read_end.get(), &byte, 1), 1);
}

TEST_F(SocketTest, a_message_over_the_limit_is_an_error) {
  const SocketPair pair = *make_socket_pair(SOCK_SEQPACKET);
  ASSERT_TRUE(send_message(pair.first, "0123456789"));
  EXPECT_FALSE(receive_message(pair.second, 4));
}

TEST_F(SocketTest, a_path_longer_than_the_kernel_s_limit_works) {
  const std::string deep = path_ + "/" + std::string(90, 'd');
  ASSERT_EQ(::mkdir(deep.c_str(), 0700), 0);
  const std::string path = deep + "/engine.sock";
  const auto listening = listen_unix(path, SOCK_STREAM, 0660, 8);
  ASSERT_TRUE(listening) << listening.error().message();
  struct stat status{};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0660U);
  EXPECT_TRUE(connect_unix(path, SOCK_STREAM));
}

TEST(PidfdTest, reaps_a_child_with_its_code_and_its_signal) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(7);
  const Pidfd pidfd = *Pidfd::open(child);
  EXPECT_TRUE(*pidfd.wait_ended(5000));
  const auto status = *pidfd.reap();
  ASSERT_TRUE(status);
  EXPECT_EQ(status->code, 7);
  const pid_t second = ::fork();
  if (second == 0) {
    ::pause();
    ::_exit(0);
  }
  const Pidfd other = *Pidfd::open(second);
  EXPECT_FALSE(*other.reap());
  EXPECT_TRUE(other.signal(SIGKILL));
  EXPECT_TRUE(*other.wait_ended(5000));
  EXPECT_EQ((*other.reap())->code, 137);
  EXPECT_EQ(other.signal(SIGTERM).error().kind(), ErrorKind::NotFound);
}

TEST(PidfdTest, start_time_names_a_process) {
  EXPECT_GT(*process_start_time(::getpid()), 0U);
  EXPECT_FALSE(process_start_time(0x7fffffff));
  EXPECT_EQ(boot_id()->size(), 36U);
}

}  // namespace
}  // namespace wherry::sys
