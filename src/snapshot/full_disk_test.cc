// Drivers on a file system without a free block: the answer is NoSpace, and never another driver.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "archive/testing.h"
#include "snapshot/driver.h"
#include "snapshot/overlay_mount.h"

namespace wherry::snapshot {
namespace {

using archive::testing::TemporaryDirectory;

class FullSnapshotDiskTest : public testing::Test {
 protected:
  void SetUp() override {
    // The mount is seen by this process alone, and goes with it.
    static const bool own = ::unshare(CLONE_NEWNS) == 0 &&
                            ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
    if (!own) GTEST_SKIP() << "needs CAP_SYS_ADMIN: mounts a small file system";
    path_ = directory_ / "disk";
    std::filesystem::create_directory(path_);
    ASSERT_EQ(::mount("tmpfs", path_.c_str(), "tmpfs", 0, "size=1m,nr_inodes=400"), 0);
  }
  void TearDown() override { ::umount2(path_.c_str(), MNT_DETACH); }

  // tmpfs counts no blocks for directories, only inodes: those are what runs out.
  void fill() const {
    for (int i = 0;; ++i) {
      const std::string name = path_ + "/ballast" + std::to_string(i);
      const int file = ::open(name.c_str(), O_CREAT | O_EXCL | O_CLOEXEC, 0600);
      if (file < 0) return;
      ::close(file);
    }
  }
  void make_room(int files) const {
    for (int i = 0; i < files; ++i) std::filesystem::remove(path_ + "/ballast" + std::to_string(i));
  }

  TemporaryDirectory directory_;
  std::string path_;
};

TEST_F(FullSnapshotDiskTest, a_new_root_on_a_full_disk_becomes_no_copy_driver) {
  std::filesystem::create_directory(path_ + "/snapshots");
  fill();
  const auto opened = open_driver(path_ + "/snapshots", Choice::Probe);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind(), ErrorKind::NoSpace) << opened.error().message();
}

TEST_F(FullSnapshotDiskTest, a_root_on_a_full_disk_opens_once_there_is_space) {
  {
    auto driver = open_driver(path_ + "/snapshots", Choice::Overlay);
    if (!driver) GTEST_SKIP() << "no overlay on tmpfs here: " << driver.error().message();
  }
  fill();
  // Each try finds a little more, and stops at another step of the opening.
  int refused = 0;
  for (int files = 0; files < 40; ++files) {
    make_room(files);
    const auto opened = open_driver(path_ + "/snapshots", Choice::Overlay);
    if (opened) break;
    ++refused;
    EXPECT_EQ(opened.error().kind(), ErrorKind::NoSpace) << opened.error().message();
  }
  EXPECT_GT(refused, 0);
  EXPECT_LT(refused, 40);
}

TEST_F(FullSnapshotDiskTest, a_read_only_overlay_for_want_of_space_says_so) {
  OverlayPlan plan;
  for (const char* name : {"lower", "upper", "work"}) std::filesystem::create_directory(path_ + "/" + name);
  plan.lower.push_back(TemporaryDirectory::open(path_ + "/lower"));
  plan.upper = TemporaryDirectory::open(path_ + "/upper");
  plan.work = TemporaryDirectory::open(path_ + "/work");
  if (!mount_overlay(plan, OverlayMethod::Page)) GTEST_SKIP() << "no overlay on tmpfs here";
  std::filesystem::remove_all(path_ + "/work/work");
  fill();
  const auto mounted = mount_overlay(plan, OverlayMethod::Page);
  ASSERT_FALSE(mounted);
  EXPECT_EQ(mounted.error().kind(), ErrorKind::NoSpace) << mounted.error().message();
  EXPECT_NE(mounted.error().message().find("no space left on device"), std::string::npos);
}

}  // namespace
}  // namespace wherry::snapshot
