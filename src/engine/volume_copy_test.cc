#include "engine/volume_copy.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "engine/top.h"

namespace wherry::engine {
namespace {

namespace fs = std::filesystem;

class VolumeCopy : public testing::Test {
 protected:
  VolumeCopy() {
    std::string pattern = testing::TempDir() + "wherry-volume-XXXXXX";
    base_ = ::mkdtemp(pattern.data());
    fs::create_directories(base_ / "root/data/sub");
    std::ofstream(base_ / "root/data/file") << "text";
    fs::create_symlink("/etc/passwd", base_ / "root/data/link");
    ::chmod((base_ / "root/data/file").c_str(), 04750);
    ::chmod((base_ / "root/data").c_str(), 0751);
    volume_ = base_ / "volumes/v/_data";
    root_ = sys::open_at({}, (base_ / "root").c_str(), O_PATH | O_DIRECTORY).value();
  }
  ~VolumeCopy() override { fs::remove_all(base_); }

  static mode_t mode_of(const fs::path& path) {
    struct stat status {};
    EXPECT_EQ(::lstat(path.c_str(), &status), 0) << path;
    return status.st_mode & 07777;
  }

  fs::path base_;
  fs::path volume_;
  sys::Fd root_;
};

TEST_F(VolumeCopy, keeps_files_modes_and_links) {
  ASSERT_TRUE(populate_volume(root_, "/data", volume_));
  EXPECT_EQ(mode_of(volume_), 0751U);
  EXPECT_EQ(mode_of(volume_ / "file"), 04750U);
  EXPECT_EQ(fs::read_symlink(volume_ / "link"), "/etc/passwd");
  EXPECT_TRUE(fs::is_directory(volume_ / "sub"));
  std::ifstream file(volume_ / "file");
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), "text");
  EXPECT_FALSE(fs::exists(volume_.parent_path() / "draft"));
}

TEST_F(VolumeCopy, happens_once) {
  ASSERT_TRUE(populate_volume(root_, "/data", volume_));
  std::ofstream(volume_ / "own") << "x";
  fs::remove(volume_ / "file");
  ASSERT_TRUE(populate_volume(root_, "/data", volume_));
  EXPECT_TRUE(fs::exists(volume_ / "own"));
  EXPECT_FALSE(fs::exists(volume_ / "file"));
}

TEST_F(VolumeCopy, an_absent_target_gives_an_empty_volume) {
  ASSERT_TRUE(populate_volume(root_, "/absent", volume_));
  EXPECT_TRUE(fs::is_empty(volume_));
}

TEST_F(VolumeCopy, a_half_made_draft_of_a_killed_engine_is_replaced) {
  fs::create_directories(volume_.parent_path() / "draft/rubbish");
  ASSERT_TRUE(populate_volume(root_, "/data", volume_));
  EXPECT_FALSE(fs::exists(volume_ / "rubbish"));
}

TEST_F(VolumeCopy, a_link_that_leaves_the_root_stays_inside_it) {
  fs::create_symlink("/../../../../etc", base_ / "root/escape");
  fs::create_directories(base_ / "root/etc");
  std::ofstream(base_ / "root/etc/inside") << "x";
  ASSERT_TRUE(populate_volume(root_, "/escape", volume_));
  EXPECT_TRUE(fs::exists(volume_ / "inside"));
  EXPECT_FALSE(fs::exists(volume_ / "passwd"));
}

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
