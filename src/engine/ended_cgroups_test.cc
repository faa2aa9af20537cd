#include "engine/ended_cgroups.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <thread>

namespace wherry::engine {
namespace {

// A hierarchy that is a plain directory: rmdir(2) is all that a removal needs.
class EndedCgroupsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/wherry-ended.XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    root_ = name;
    auto layout = std::make_shared<sys::CgroupLayout>();
    layout->hierarchies.push_back({.mount_point = root_, .controllers = {"memory"}});
    layout_ = std::move(layout);
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  sys::Cgroup ended(const std::string& path) {
    std::filesystem::create_directories(root_ + path);
    return {layout_, path};
  }
  bool exists(const std::string& path) const { return std::filesystem::exists(root_ + path); }
  bool goes(const std::string& path) const {
    for (int i = 0; i < 1000 && exists(path); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return !exists(path);
  }

  std::string root_;
  std::shared_ptr<const sys::CgroupLayout> layout_;
};

TEST_F(EndedCgroupsTest, removes_in_the_background) {
  EndedCgroups groups;
  groups.remove_later(ended("/a"));
  groups.remove_later(ended("/b"));
  EXPECT_TRUE(goes("/a"));
  EXPECT_TRUE(goes("/b"));
}

TEST_F(EndedCgroupsTest, a_group_that_is_needed_again_goes_at_once) {
  EndedCgroups groups;
  groups.remove_later(ended("/a"));
  groups.remove_now("/a");
  EXPECT_FALSE(exists("/a"));
  std::filesystem::create_directories(root_ + "/a");
  groups.remove_now("/a");
  groups.drain();
  EXPECT_TRUE(exists("/a")) << "the new run's group is not the old one's";
}

TEST_F(EndedCgroupsTest, drain_leaves_nothing) {
  EndedCgroups groups;
  for (int i = 0; i < 50; ++i) groups.remove_later(ended("/g" + std::to_string(i)));
  groups.drain();
  EXPECT_TRUE(std::filesystem::is_empty(root_));
}

TEST_F(EndedCgroupsTest, its_end_leaves_nothing) {
  {
    EndedCgroups groups;
    for (int i = 0; i < 50; ++i) groups.remove_later(ended("/g" + std::to_string(i)));
  }
  EXPECT_TRUE(std::filesystem::is_empty(root_));
}

TEST_F(EndedCgroupsTest, many_are_removed_without_waiting_for_quiet) {
  EndedCgroups groups;
  // Ends keep coming, so that it is never quiet: the first ones go all the same.
  for (int i = 0; i < 2000 && exists("/g0") == (i > 0); ++i) {
    groups.remove_later(ended("/g" + std::to_string(i)));
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_FALSE(exists("/g0"));
}

TEST_F(EndedCgroupsTest, several_threads_may_want_the_same_group_gone) {
  EndedCgroups groups;
  groups.remove_later(ended("/a"));
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) threads.emplace_back([&] { groups.remove_now("/a"); });
  }
  EXPECT_FALSE(exists("/a"));
}

}  // namespace
}  // namespace wherry::engine
