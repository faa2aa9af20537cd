// The contract of snapshot::Driver, run on every driver. Mounts stay detached: the host's
// mount table never sees them.
#include "snapshot/driver.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <thread>

#include "archive/testing.h"
#include "snapshot/overlay_mount.h"

namespace wherry::snapshot {
namespace {

using archive::testing::TarText;
using archive::testing::TemporaryDirectory;

bool may_mount() {
  const sys::Fd fd(static_cast<int>(::syscall(SYS_fsopen, "tmpfs", 1)));
  return ::geteuid() == 0 && fd;
}

class DriverTest : public testing::TestWithParam<Choice> {
 protected:
  void SetUp() override {
    if (!may_mount()) GTEST_SKIP() << "mounts take root with CAP_SYS_ADMIN";
    reopen();
  }
  void reopen() {
    driver_.reset();
    auto driver = open_driver(root(), GetParam());
    ASSERT_TRUE(driver) << driver.error().message();
    driver_ = std::move(*driver);
  }
  [[nodiscard]] std::string root() const { return directory_ / "snapshots"; }

  FinishedLayer unpack(const std::string& tar) {
    auto draft = driver_->begin_layer();
    EXPECT_TRUE(draft) << draft.error().message();
    archive::MemoryStream stream(archive::testing::bytes_of(tar));
    auto stats = archive::extract(stream, (*draft)->target().fd,
                                  {.whiteouts = (*draft)->target().whiteouts});
    EXPECT_TRUE(stats) << stats.error().message();
    return {std::move(*draft), *stats};
  }
  Digest add_layer(TarText& tar) {
    FinishedLayer layer = unpack(tar.finish());
    const auto committed = driver_->commit_layers(std::span(&layer, 1));
    EXPECT_TRUE(committed) << committed.error().message();
    return layer.stats.diff_id;
  }
  sys::Fd mount(const std::string& id, std::vector<Digest> layers, MountOptions options = {}) {
    const auto created = driver_->create_container(ContainerId(id), layers);
    EXPECT_TRUE(created) << created.error().message();
    auto fd = driver_->mount(ContainerId(id), options);
    EXPECT_TRUE(fd) << fd.error().message();
    return std::move(*fd);
  }
  static std::string read(const sys::Fd& root, const char* path) {
    const auto file = sys::open_at(root, path, O_RDONLY);
    return file ? *sys::read_all(*file, 1 << 20) : "<" + file.error().message() + ">";
  }
  static bool there(const sys::Fd& root, const char* path) {
    return ::faccessat(root.get(), path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
  }
  static void write(const sys::Fd& root, const char* path, std::string_view text) {
    const auto file = sys::open_at(root, path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    ASSERT_TRUE(file) << file.error().message();
    ASSERT_TRUE(sys::write_all(*file, text));
  }

  TemporaryDirectory directory_;
  std::unique_ptr<Driver> driver_;
};

TEST_P(DriverTest, a_container_sees_its_layers_merged) {
  const Digest lower = add_layer(TarText().file("a", "one").file("b", "one").directory("d"));
  const Digest upper = add_layer(TarText().file("b", "two").file("d/c", "two"));
  const sys::Fd root = mount("c1", {lower, upper});
  EXPECT_EQ(read(root, "a"), "one");
  EXPECT_EQ(read(root, "b"), "two");
  EXPECT_EQ(read(root, "d/c"), "two");
}

TEST_P(DriverTest, whiteouts_hide_lower_names) {
  const Digest lower = add_layer(TarText()
                                     .directory("d")
                                     .file("d/a", "1")
                                     .file("d/b", "1")
                                     .directory("o")
                                     .file("o/x", "1")
                                     .file("gone", "1"));
  const Digest upper = add_layer(TarText()
                                     .file("d/.wh.a", "")
                                     .file("o/.wh..wh..opq", "")
                                     .file("o/y", "2")
                                     .file(".wh.gone", ""));
  const sys::Fd root = mount("c1", {lower, upper});
  EXPECT_FALSE(there(root, "d/a"));
  EXPECT_TRUE(there(root, "d/b"));
  EXPECT_FALSE(there(root, "o/x"));
  EXPECT_TRUE(there(root, "o/y"));
  EXPECT_FALSE(there(root, "gone"));
  EXPECT_FALSE(there(root, ".wh.gone"));
  EXPECT_FALSE(there(root, "d/.wh.a"));
}

TEST_P(DriverTest, a_directory_replaced_in_one_layer_does_not_merge) {
  const Digest lower = add_layer(TarText().directory("d").file("d/old", "1"));
  const Digest upper = add_layer(TarText().file(".wh.d", "").directory("d").file("d/new", "2"));
  const sys::Fd root = mount("c1", {lower, upper});
  EXPECT_FALSE(there(root, "d/old"));
  EXPECT_EQ(read(root, "d/new"), "2");
}

TEST_P(DriverTest, a_file_over_a_directory_and_back) {
  const Digest first = add_layer(TarText().directory("x").file("x/in", "1").file("y", "1"));
  const Digest second = add_layer(TarText().file("x", "file").directory("y").file("y/in", "2"));
  const sys::Fd root = mount("c1", {first, second});
  EXPECT_EQ(read(root, "x"), "file");
  EXPECT_EQ(read(root, "y/in"), "2");
}

TEST_P(DriverTest, metadata_reaches_the_container) {
  TarText tar;
  tar.add({.type = '5', .name = "d", .mode = 01777, .uid = 5, .gid = 6, .mtime = {1000, 7}});
  tar.add({.type = '6', .name = "d/fifo", .mode = 0620, .uid = 1, .gid = 2, .mtime = {5, 0}});
  tar.file("d/suid", "x", 04755).hard_link("d/same", "d/suid").symlink("d/link", "suid");
  const sys::Fd root = mount("c1", {add_layer(tar)});
  struct stat status{};
  ASSERT_EQ(::fstatat(root.get(), "d", &status, 0), 0);
  EXPECT_EQ(status.st_mode, S_IFDIR | 01777u);
  EXPECT_EQ(status.st_uid, 5u);
  EXPECT_EQ(status.st_gid, 6u);
  EXPECT_EQ(status.st_mtim.tv_sec, 1000);
  EXPECT_EQ(status.st_mtim.tv_nsec, 7);
  ASSERT_EQ(::fstatat(root.get(), "d/fifo", &status, 0), 0);
  EXPECT_EQ(status.st_mode, S_IFIFO | 0620u);
  ASSERT_EQ(::fstatat(root.get(), "d/suid", &status, 0), 0);
  EXPECT_EQ(status.st_mode & 07777, 04755u);
  EXPECT_EQ(status.st_nlink, 2u);
  EXPECT_EQ(read(root, "d/link"), "x");
}

TEST_P(DriverTest, containers_write_apart_from_layers_and_one_another) {
  const Digest layer = add_layer(TarText().file("a", "layer"));
  const sys::Fd first = mount("c1", {layer});
  write(first, "a", "changed");
  const sys::Fd second = mount("c2", {layer});
  EXPECT_EQ(read(second, "a"), "layer");
  EXPECT_EQ(read(first, "a"), "changed");
}

TEST_P(DriverTest, writes_live_on_through_mounts_and_restarts) {
  const Digest layer = add_layer(TarText().file("a", "layer").file("b", "layer"));
  {
    const sys::Fd root = mount("c1", {layer});
    write(root, "new", "kept");
    ASSERT_EQ(::unlinkat(root.get(), "b", 0), 0);
  }
  reopen();
  const auto root = driver_->mount(ContainerId("c1"), {});
  ASSERT_TRUE(root);
  EXPECT_EQ(read(*root, "new"), "kept");
  EXPECT_FALSE(there(*root, "b"));
}

TEST_P(DriverTest, a_read_only_mount_refuses_writes) {
  const Digest layer = add_layer(TarText().file("a", "layer"));
  const sys::Fd root = mount("c1", {layer}, {.access = MountOptions::Access::ReadOnly});
  EXPECT_EQ(read(root, "a"), "layer");
  EXPECT_EQ(::openat(root.get(), "b", O_WRONLY | O_CREAT, 0600), -1);
  EXPECT_EQ(errno, EROFS);
}

TEST_P(DriverTest, an_image_without_layers_is_an_empty_root) {
  const sys::Fd root = mount("c1", {});
  struct stat status{};
  ASSERT_EQ(::fstat(root.get(), &status), 0);
  EXPECT_EQ(status.st_mode, S_IFDIR | 0755u);
  write(root, "a", "x");
}

TEST_P(DriverTest, many_layers_stack_in_order) {
  std::vector<FinishedLayer> finished;
  std::vector<Digest> layers;
  for (int i = 0; i < 130; ++i) {
    const std::string text = std::to_string(i);
    finished.push_back(unpack(TarText().file("f" + text, "").file("last", text).finish()));
    layers.push_back(finished.back().stats.diff_id);
  }
  ASSERT_TRUE(driver_->commit_layers(finished));
  const sys::Fd root = mount("c1", layers);
  EXPECT_EQ(read(root, "last"), "129");
  EXPECT_TRUE(there(root, "f0"));
}

TEST_P(DriverTest, usage_counts_what_the_container_wrote) {
  const Digest layer = add_layer(TarText().file("a", std::string(5000, 'a')));
  const sys::Fd root = mount("c1", {layer});
  EXPECT_EQ(driver_->usage(ContainerId("c1"))->bytes, 0u);
  write(root, "b", std::string(1234, 'b'));
  EXPECT_EQ(driver_->usage(ContainerId("c1"))->bytes, 1234u);
}

TEST_P(DriverTest, a_layer_is_known_by_its_diff_id) {
  TarText tar;
  const std::string text = tar.file("a", "12345").file("b", "123").finish();
  FinishedLayer layer = unpack(text);
  const Digest diff_id = layer.stats.diff_id;
  EXPECT_EQ(diff_id, archive::Sha256::of(text));
  EXPECT_FALSE(*driver_->layer(diff_id));
  ASSERT_TRUE(driver_->commit_layers(std::span(&layer, 1)));
  reopen();
  const auto info = driver_->layer(diff_id);
  ASSERT_TRUE(info && *info);
  EXPECT_EQ((*info)->content_bytes, 8u);
  EXPECT_EQ((*info)->entries, 2u);
  EXPECT_EQ(driver_->layers()->size(), 1u);
}

TEST_P(DriverTest, the_same_layer_twice_is_one_layer) {
  const std::string text = TarText().file("a", "x").finish();
  std::vector<FinishedLayer> layers;
  layers.push_back(unpack(text));
  layers.push_back(unpack(text));
  ASSERT_TRUE(driver_->commit_layers(layers));
  layers.clear();
  driver_->wait_for_reaper();
  EXPECT_EQ(driver_->layers()->size(), 1u);
  EXPECT_TRUE(std::filesystem::is_empty(root() + "/drafts"));
}

TEST_P(DriverTest, a_discarded_draft_leaves_nothing) {
  (void)unpack(TarText().file("a", "x").finish());
  driver_->wait_for_reaper();
  EXPECT_TRUE(std::filesystem::is_empty(root() + "/drafts"));
  EXPECT_TRUE(std::filesystem::is_empty(root() + "/trash"));
}

TEST_P(DriverTest, mount_points_lie_below_every_image) {
  const sys::Fd bare = mount("bare", {});
  for (const char* name : {"dev", "proc", "sys", "etc/hosts", "etc/resolv.conf", ".dockerenv"})
    EXPECT_TRUE(there(bare, name)) << name;
  TarText tar;
  tar.file("etc/hosts", "of the image");
  const sys::Fd full = mount("full", {add_layer(tar)});
  EXPECT_EQ(read(full, "etc/hosts"), "of the image");
  EXPECT_EQ(driver_->usage(ContainerId("full"))->entries, 0U);
}

TEST_P(DriverTest, contents_that_are_discarded_can_be_mounted_again) {
  const MountOptions options{.contents = MountOptions::Contents::Discarded};
  write(mount("short", {}, options), "file", "text");
  const auto again = driver_->mount(ContainerId("short"), options);
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_EQ(read(*again, "file"), "text");
}

TEST_P(DriverTest, what_a_killed_engine_left_is_cleared_at_start) {
  std::filesystem::create_directories(root() + "/drafts/0123/diff/sub");
  std::filesystem::create_directories(root() + "/trash/4567/diff/sub");
  reopen();
  driver_->wait_for_reaper();
  EXPECT_TRUE(std::filesystem::is_empty(root() + "/drafts"));
  EXPECT_TRUE(std::filesystem::is_empty(root() + "/trash"));
  EXPECT_TRUE(driver_->layers()->empty());
}

TEST_P(DriverTest, a_layer_in_use_is_not_removed) {
  const Digest layer = add_layer(TarText().file("a", "x"));
  ASSERT_TRUE(driver_->create_container(ContainerId("c1"), std::vector{layer}));
  reopen();  // the use is known from disk
  const auto refused = driver_->remove_layer(layer);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind(), ErrorKind::Conflict);
  ASSERT_TRUE(driver_->remove_container(ContainerId("c1")));
  ASSERT_TRUE(driver_->remove_layer(layer));
  driver_->wait_for_reaper();
  EXPECT_FALSE(*driver_->layer(layer));
  EXPECT_TRUE(std::filesystem::is_empty(root() + "/layers"));
  EXPECT_TRUE(driver_->remove_layer(layer));
}

TEST_P(DriverTest, create_is_idempotent_and_remove_too) {
  const Digest layer = add_layer(TarText().file("a", "x"));
  const ContainerId id("c1");
  ASSERT_TRUE(driver_->create_container(id, std::vector{layer}));
  EXPECT_TRUE(driver_->create_container(id, std::vector{layer}));
  EXPECT_EQ(driver_->create_container(id, {}).error().kind(), ErrorKind::Conflict);
  EXPECT_EQ(driver_->containers()->size(), 1u);
  EXPECT_TRUE(driver_->remove_container(id));
  EXPECT_TRUE(driver_->remove_container(id));
  EXPECT_TRUE(driver_->containers()->empty());
  EXPECT_EQ(driver_->mount(id, {}).error().kind(), ErrorKind::NotFound);
}

TEST_P(DriverTest, a_missing_layer_is_not_found) {
  const Digest missing = archive::Sha256::of("missing");
  const auto created = driver_->create_container(ContainerId("c1"), std::vector{missing});
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().kind(), ErrorKind::NotFound);
  EXPECT_NE(created.error().message().find(missing.str()), std::string::npos);
}

TEST_P(DriverTest, names_that_leave_the_directory_are_refused) {
  for (const char* id : {"", ".", "..", "../x", "a/b", ".hidden"}) {
    EXPECT_FALSE(driver_->create_container(ContainerId(id), {})) << id;
    EXPECT_FALSE(driver_->remove_container(ContainerId(id))) << id;
  }
}

TEST_P(DriverTest, too_many_layers_are_refused) {
  const std::vector<Digest> layers(kMaximumLayers + 1, archive::Sha256::of("x"));
  EXPECT_EQ(driver_->create_container(ContainerId("c1"), layers).error().kind(),
            ErrorKind::InvalidArgument);
}

// After a power cut: the session file names another boot and there was no clean stop.
TEST_P(DriverTest, a_damaged_layer_is_found_after_an_unclean_boot) {
  const Digest good = add_layer(TarText().file("a", "good"));
  const Digest bad = add_layer(TarText().file("a", "bad").file("b", "will be empty"));
  driver_.reset();
  for (const Digest& layer : {good, bad}) {
    const std::string record = root() + "/layers/" + std::string(layer.hex()) + "/record";
    std::string text = *sys::read_file(record.c_str());
    text.replace(text.find("boot ") + 5, 36, "00000000-0000-0000-0000-000000000000");
    ASSERT_TRUE(sys::write_all(*sys::open_at({}, record.c_str(), O_WRONLY | O_TRUNC), text));
  }
  ASSERT_TRUE(sys::write_all(*sys::open_at({}, (root() + "/session").c_str(), O_WRONLY | O_TRUNC),
                             "00000000-0000-0000-0000-000000000000"));
  ASSERT_EQ(::truncate((root() + "/layers/" + std::string(bad.hex()) + "/diff/b").c_str(), 0), 0);
  reopen();
  EXPECT_EQ(driver_->damaged_layers(), std::vector{bad});
  EXPECT_TRUE(*driver_->layer(good));
  EXPECT_FALSE(*driver_->layer(bad));
  reopen();
  EXPECT_TRUE(driver_->damaged_layers().empty());
}

TEST_P(DriverTest, a_clean_stop_spares_the_verification) {
  const Digest layer = add_layer(TarText().file("a", "x"));
  ASSERT_TRUE(driver_->close_cleanly());
  driver_.reset();
  ASSERT_TRUE(sys::write_all(*sys::open_at({}, (root() + "/session").c_str(), O_WRONLY | O_TRUNC),
                             "00000000-0000-0000-0000-000000000000"));
  reopen();
  EXPECT_TRUE(driver_->damaged_layers().empty());
  EXPECT_FALSE(std::filesystem::exists(root() + "/clean"));
  EXPECT_TRUE(*driver_->layer(layer));
}

TEST_P(DriverTest, the_root_is_private_and_keeps_its_driver) {
  for (const char* name : {"", "/layers", "/drafts", "/containers", "/trash"}) {
    struct stat status{};
    ASSERT_EQ(::stat((root() + name).c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0700u) << name;
  }
  driver_.reset();
  const Choice other = GetParam() == Choice::Copy ? Choice::Overlay : Choice::Copy;
  EXPECT_EQ(open_driver(root(), other).error().kind(), ErrorKind::Unsupported);
  auto probed = open_driver(root(), Choice::Probe);
  ASSERT_TRUE(probed);
  EXPECT_EQ((*probed)->name(), GetParam() == Choice::Copy ? "copy" : "overlay");
}

TEST_P(DriverTest, a_root_of_a_newer_format_is_refused) {
  driver_.reset();
  const std::string name = GetParam() == Choice::Copy ? "copy" : "overlay";
  ASSERT_TRUE(sys::write_all(*sys::open_at({}, (root() + "/driver").c_str(), O_WRONLY | O_TRUNC),
                             name + " 2\n"));
  const auto refused = open_driver(root(), GetParam());
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message().find("format 2"), std::string::npos);
}

TEST_P(DriverTest, containers_come_and_go_from_many_threads) {
  const Digest layer = add_layer(TarText().file("a", "x"));
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 20; ++i) {
        const ContainerId id(std::to_string(t) + "-" + std::to_string(i));
        EXPECT_TRUE(driver_->create_container(id, std::vector{layer}));
        EXPECT_TRUE(driver_->mount(id, {}));
        EXPECT_TRUE(driver_->remove_container(id));
      }
    });
  }
  for (auto& thread : threads) thread.join();
  driver_->wait_for_reaper();
  EXPECT_TRUE(driver_->remove_layer(layer));
}

INSTANTIATE_TEST_SUITE_P(Drivers, DriverTest, testing::Values(Choice::Overlay, Choice::Copy),
                         [](const auto& driver) {
                           return driver.param == Choice::Copy ? "copy" : "overlay";
                         });

class OverlayMountTest : public testing::TestWithParam<OverlayMethod> {};

TEST_P(OverlayMountTest, stacks_directories_topmost_first) {
  if (!may_mount()) GTEST_SKIP() << "mounts take root with CAP_SYS_ADMIN";
  TemporaryDirectory directory;
  OverlayPlan plan;
  for (int i = 0; i < 60; ++i) {
    const std::string path = directory / std::to_string(i);
    std::filesystem::create_directory(path);
    ASSERT_TRUE(sys::write_all(*sys::open_at({}, (path + "/top").c_str(), O_WRONLY | O_CREAT, 0600),
                               std::to_string(i)));
    plan.lower.push_back(TemporaryDirectory::open(path));
  }
  for (const char* name : {"upper", "work"}) std::filesystem::create_directory(directory / name);
  plan.upper = TemporaryDirectory::open(directory / "upper");
  plan.work = TemporaryDirectory::open(directory / "work");
  const auto root = mount_overlay(plan, GetParam());
  ASSERT_TRUE(root) << root.error().message();
  EXPECT_EQ(*sys::read_all(*sys::open_at(*root, "top", O_RDONLY), 10), "0");
  const auto file = sys::open_at(*root, "written", O_WRONLY | O_CREAT, 0600);
  ASSERT_TRUE(file) << file.error().message();
  EXPECT_TRUE(std::filesystem::exists(directory / "upper/written"));
}

INSTANTIATE_TEST_SUITE_P(Methods, OverlayMountTest,
                         testing::Values(OverlayMethod::Append, OverlayMethod::Page));

}  // namespace
}  // namespace wherry::snapshot
