#include "sys/reaper.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "sys/directory.h"
#include "sys/path.h"

namespace wherry::sys {
namespace {

class ReaperTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/wherry-reaper-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    path_ = name;
    root_ = *open_at({}, name, O_RDONLY | O_DIRECTORY);
    trash_ = make("trash");
    shelf_ = make("shelf");
  }
  void TearDown() override {
    const Fd parent = *open_at({}, "/tmp", O_RDONLY | O_DIRECTORY);
    EXPECT_TRUE(remove_tree_at(parent, path_.substr(5)));
  }
  Fd make(const char* name) {
    EXPECT_EQ(::mkdirat(root_.get(), name, 0700), 0);
    return *open_at(root_, name, O_RDONLY | O_DIRECTORY);
  }
  static void write(const Fd& directory, const char* name) {
    EXPECT_TRUE(open_at(directory, name, O_WRONLY | O_CREAT, 0600));
  }
  Spares spares(std::size_t keep) {
    return {.shelf = *shelf_.duplicate(), .keep = keep, .mode = 0710, .prepare = [](const Fd& made) {
              write(made, "prepared");
              return Result<>();
            }};
  }
  std::size_t on_shelf() { return names_in(shelf_)->size(); }
  // The shelf is filled in a quiet moment that no call waits for.
  void wait_for_shelf(std::size_t count) {
    for (int i = 0; i < 500 && on_shelf() != count; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    ASSERT_EQ(on_shelf(), count);
  }
  ino_t inode_of(const char* name) {
    struct stat status {};
    EXPECT_EQ(::fstatat(root_.get(), name, &status, 0), 0);
    return status.st_ino;
  }

  std::string path_;
  Fd root_;
  Fd trash_;
  Fd shelf_;
};

TEST_F(ReaperTest, deletes_what_is_discarded_and_what_it_finds) {
  ASSERT_EQ(::mkdirat(trash_.get(), "left", 0700), 0);
  write(make("tree"), "file");
  Reaper reaper(*trash_.duplicate());
  ASSERT_TRUE(reaper.discard(root_, "tree"));
  EXPECT_NE(::faccessat(root_.get(), "tree", F_OK, 0), 0);
  ASSERT_TRUE(reaper.discard(root_, "never"));
  reaper.wait_idle();
  EXPECT_TRUE(names_in(trash_)->empty());
}

TEST_F(ReaperTest, keeps_prepared_spares_and_places_them) {
  Reaper reaper(*trash_.duplicate(), spares(3));
  wait_for_shelf(3);
  ASSERT_TRUE(reaper.place(root_, "new"));
  const Fd made = *open_at(root_, "new", O_RDONLY | O_DIRECTORY);
  EXPECT_EQ(*names_in(made), std::vector<std::string>{"prepared"});
  struct stat status {};
  ASSERT_EQ(::fstat(made.get(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0710U);
  EXPECT_EQ(on_shelf(), 2U);
}

TEST_F(ReaperTest, makes_one_where_none_is_ready) {
  Reaper reaper(*trash_.duplicate(), spares(0));
  ASSERT_TRUE(reaper.place(root_, "new"));
  EXPECT_EQ(names_in(*open_at(root_, "new", O_RDONLY | O_DIRECTORY))->size(), 1U);
}

TEST_F(ReaperTest, a_discarded_directory_comes_back_empty) {
  const Fd used = make("used");
  const ino_t inode = inode_of("used");
  write(used, "secret");
  ASSERT_EQ(::mkdirat(used.get(), "deep", 0), 0);
  ASSERT_EQ(::fchmod(used.get(), 01777), 0);
  Reaper reaper(*trash_.duplicate(), spares(1));
  ASSERT_TRUE(reaper.discard(root_, "used"));
  reaper.wait_idle();
  wait_for_shelf(1);
  ASSERT_TRUE(reaper.place(root_, "new"));
  EXPECT_EQ(inode_of("new"), inode);
  const Fd placed = *open_at(root_, "new", O_RDONLY | O_DIRECTORY);
  EXPECT_EQ(*names_in(placed), std::vector<std::string>{"prepared"});
  struct stat status {};
  ASSERT_EQ(::fstat(placed.get(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0710U);
}

TEST_F(ReaperTest, a_name_that_is_taken_is_an_error_and_stays) {
  write(make("there"), "mine");
  Reaper reaper(*trash_.duplicate(), spares(1));
  const auto placed = reaper.place(root_, "there");
  ASSERT_FALSE(placed);
  EXPECT_EQ(placed.error().errno_value(), EEXIST);
  EXPECT_EQ(*names_in(*open_at(root_, "there", O_RDONLY | O_DIRECTORY)),
            std::vector<std::string>{"mine"});
}

// They may be half prepared.
TEST_F(ReaperTest, does_not_trust_the_shelf_of_an_earlier_process) {
  ASSERT_EQ(::mkdirat(shelf_.get(), "old", 0700), 0);
  Reaper reaper(*trash_.duplicate(), spares(1));
  reaper.wait_idle();
  wait_for_shelf(1);
  ASSERT_TRUE(reaper.place(root_, "new"));
  EXPECT_EQ(*names_in(*open_at(root_, "new", O_RDONLY | O_DIRECTORY)),
            std::vector<std::string>{"prepared"});
}

}  // namespace
}  // namespace wherry::sys
