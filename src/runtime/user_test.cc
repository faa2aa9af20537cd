#include "runtime/user.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

namespace wherry::runtime {
namespace {

const AccountFiles kFiles{
    .passwd = "root:x:0:0:root:/root:/bin/sh\n"
              "# a comment\n"
              "broken:x:abc:1::/x\n"
              "app:x:1000:1001:App:/home/app:/bin/sh\n"
              "short:x:5:6\n"
              "12:x:77:78::/twelve\n",
    .group = "root:x:0:\n"
             "wheel:x:10:root,app\n"
             "docker:x:999:app\n"
             "huge:x:99999999999:app\n"
             "app:x:1001:\n"};

using Gids = std::vector<std::uint32_t>;

TEST(ResolveUser, nothing_is_root) {
  const auto user = resolve_user(kFiles, "", {});
  ASSERT_TRUE(user);
  EXPECT_EQ(user->uid, 0U);
  EXPECT_EQ(user->home, "/root");
  EXPECT_EQ(user->additional_gids, (Gids{0, 10}));
}

TEST(ResolveUser, a_name_brings_its_groups) {
  const auto user = resolve_user(kFiles, "app", {});
  ASSERT_TRUE(user);
  EXPECT_EQ(user->uid, 1000U);
  EXPECT_EQ(user->gid, 1001U);
  EXPECT_EQ(user->home, "/home/app");
  EXPECT_EQ(user->additional_gids, (Gids{10, 999, 1001}));
}

TEST(ResolveUser, a_group_replaces_the_memberships) {
  const auto user = resolve_user(kFiles, "app:docker", {});
  ASSERT_TRUE(user);
  EXPECT_EQ(user->gid, 999U);
  EXPECT_EQ(user->additional_gids, Gids{999});
}

TEST(ResolveUser, an_unknown_number_is_itself) {
  const auto user = resolve_user(kFiles, "4242:4343", {"wheel", "7"});
  ASSERT_TRUE(user);
  EXPECT_EQ(user->uid, 4242U);
  EXPECT_EQ(user->gid, 4343U);
  EXPECT_EQ(user->home, "/");
  EXPECT_EQ(user->additional_gids, (Gids{7, 10, 4343}));
}

TEST(ResolveUser, a_known_number_brings_the_rest_of_its_line) {
  const auto user = resolve_user(kFiles, "1000", {});
  ASSERT_TRUE(user);
  EXPECT_EQ(user->gid, 1001U);
  EXPECT_EQ(user->name, "app");
}

TEST(ResolveUser, speaks_docker_when_it_fails) {
  EXPECT_EQ(resolve_user(kFiles, "nobody", {}).error().message(),
            "unable to find user nobody: no matching entries in passwd file");
  EXPECT_EQ(resolve_user(kFiles, "app:nope", {}).error().message(),
            "unable to find group nope: no matching entries in group file");
  EXPECT_EQ(resolve_user(kFiles, "app", {"nope"}).error().message(),
            "unable to find group nope: no matching entries in group file");
  EXPECT_EQ(resolve_user(kFiles, "2147483648", {}).error().message(),
            "uids and gids must be in range 0-2147483647");
  EXPECT_EQ(resolve_user(kFiles, "99999999999999999999", {}).error().message(),
            "uids and gids must be in range 0-2147483647");
  EXPECT_FALSE(resolve_user(kFiles, "broken", {}));
}

TEST(ResolveUser, survives_lines_of_any_shape) {
  AccountFiles files{.passwd = ":::::::\n\n:\n\xff\xfe:x:1:1\n" + std::string(100000, ':'),
                     .group = std::string(100000, ',') + "\n:::\n"};
  EXPECT_TRUE(resolve_user(files, "0", {}));
  EXPECT_FALSE(resolve_user(files, "x", {}));
}

class ResolveUserInRoot : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/wherry-user-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    path_ = name;
    ASSERT_EQ(::mkdir((path_ + "/etc").c_str(), 0755), 0);
    root_ = sys::Fd(::open(name, O_PATH | O_DIRECTORY | O_CLOEXEC));
  }
  void TearDown() override { ASSERT_EQ(std::system(("rm -rf " + path_).c_str()), 0); }
  std::string path_;
  sys::Fd root_;
};

TEST_F(ResolveUserInRoot, does_without_files) {
  EXPECT_EQ(resolve_user(root_, "7:8", {})->uid, 7U);
  EXPECT_FALSE(resolve_user(root_, "app", {}));
}

TEST_F(ResolveUserInRoot, never_follows_a_link_to_the_host) {
  ASSERT_EQ(::symlink("/etc/passwd", (path_ + "/etc/passwd").c_str()), 0);
  EXPECT_FALSE(resolve_user(root_, "daemon", {}));
}

TEST_F(ResolveUserInRoot, neither_blocks_on_a_fifo_nor_reads_a_directory) {
  ASSERT_EQ(::mkfifo((path_ + "/etc/passwd").c_str(), 0600), 0);
  EXPECT_FALSE(resolve_user(root_, "0", {}));
}

TEST_F(ResolveUserInRoot, has_a_limit_for_the_file) {
  const std::string file = path_ + "/etc/passwd";
  ASSERT_TRUE(sys::Fd(::open(file.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600)));
  ASSERT_EQ(::truncate(file.c_str(), 2 << 20), 0);
  EXPECT_FALSE(resolve_user(root_, "0", {}));
}

}  // namespace
}  // namespace wherry::runtime
