#include "volume/copy.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace wherry::volume {
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
    volume_ = base_ / "volume";
    fs::create_directories(volume_);
    root_ = sys::open_at({}, (base_ / "root").c_str(), O_PATH | O_DIRECTORY).value();
  }
  ~VolumeCopy() override { fs::remove_all(base_); }

  // What open_content() and copy_contents() make of `target`.
  Result<> copy(const std::string& target) {
    const sys::Fd content = TRY(open_content(root_, target));
    if (!content) return {};
    const sys::Fd data = TRY(sys::open_at({}, volume_.c_str(), O_RDONLY | O_DIRECTORY));
    return copy_contents(content, data);
  }

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
  ASSERT_TRUE(copy("/data"));
  EXPECT_EQ(mode_of(volume_), 0751U);
  EXPECT_EQ(mode_of(volume_ / "file"), 04750U);
  EXPECT_EQ(fs::read_symlink(volume_ / "link"), "/etc/passwd");
  EXPECT_TRUE(fs::is_directory(volume_ / "sub"));
  std::ifstream file(volume_ / "file");
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), "text");
}

TEST_F(VolumeCopy, keeps_several_names_of_one_file) {
  fs::create_hard_link(base_ / "root/data/file", base_ / "root/data/sub/again");
  ASSERT_TRUE(copy("/data"));
  EXPECT_EQ(fs::hard_link_count(volume_ / "file"), 2U);
  EXPECT_TRUE(fs::equivalent(volume_ / "file", volume_ / "sub/again"));
}

TEST_F(VolumeCopy, keeps_pipes_and_times) {
  ASSERT_EQ(::mkfifo((base_ / "root/data/pipe").c_str(), 0622), 0);
  ASSERT_EQ(::chmod((base_ / "root/data/pipe").c_str(), 0622), 0);
  const auto long_ago = fs::file_time_type::clock::now() - std::chrono::hours(48);
  fs::last_write_time(base_ / "root/data/file", long_ago);
  ASSERT_TRUE(copy("/data"));
  EXPECT_TRUE(fs::is_fifo(volume_ / "pipe"));
  EXPECT_EQ(mode_of(volume_ / "pipe"), 0622U);
  EXPECT_EQ(fs::last_write_time(volume_ / "file"), long_ago);
}

TEST_F(VolumeCopy, an_absent_target_or_a_file_is_no_content) {
  EXPECT_FALSE(open_content(root_, "/absent").value());
  EXPECT_FALSE(open_content(root_, "/data/file").value());
}

TEST_F(VolumeCopy, a_link_that_leaves_the_root_stays_inside_it) {
  fs::create_symlink("/../../../../etc", base_ / "root/escape");
  fs::create_directories(base_ / "root/etc");
  std::ofstream(base_ / "root/etc/inside") << "x";
  ASSERT_TRUE(copy("/escape"));
  EXPECT_TRUE(fs::exists(volume_ / "inside"));
  EXPECT_FALSE(fs::exists(volume_ / "passwd"));
}

TEST_F(VolumeCopy, an_existing_name_is_not_written_through) {
  std::ofstream(base_ / "victim") << "safe";
  fs::create_symlink(base_ / "victim", volume_ / "file");
  EXPECT_FALSE(copy("/data"));
  std::ifstream victim(base_ / "victim");
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(victim), {}), "safe");
}

TEST_F(VolumeCopy, emptiness_is_seen) {
  EXPECT_TRUE(is_empty(sys::open_at({}, volume_.c_str(), O_RDONLY | O_DIRECTORY).value()).value());
  EXPECT_FALSE(is_empty(sys::open_at({}, (base_ / "root/data").c_str(), O_RDONLY | O_DIRECTORY).value()).value());
}

}  // namespace
}  // namespace wherry::volume
