// The extractor against what layers hold, and against gauntlet D01-D06.
#include "archive/extract.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "archive/testing.h"

namespace wherry::archive {
namespace {

using testing::bytes_of;
using testing::TarText;
using testing::TemporaryDirectory;

class ExtractTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directory(scratch_ / "layer");
    std::filesystem::create_directory(scratch_ / "outside");
    write(scratch_ / "outside/secret", "secret");
    ::chmod((scratch_ / "outside/secret").c_str(), 0600);
    ASSERT_EQ(::stat((scratch_ / "outside/secret").c_str(), &before_), 0);
  }

  static void write(const std::string& path, std::string_view text) {
    ASSERT_TRUE(sys::write_all(*sys::open_at({}, path.c_str(), O_WRONLY | O_CREAT, 0644), text));
  }
  Result<ExtractStats> extract(const std::string& tar, ExtractOptions options = {}) {
    if (::geteuid() != 0) options.privilege = ExtractOptions::Privilege::User;
    MemoryStream stream(bytes_of(tar), 4096);
    const sys::Fd directory = TemporaryDirectory::open(layer());
    return archive::extract(stream, directory, options);
  }
  ExtractStats extracted(TarText& tar, ExtractOptions options = {}) {
    auto stats = extract(tar.finish(), options);
    EXPECT_TRUE(stats) << stats.error().message();
    return stats.value_or(ExtractStats{});
  }
  [[nodiscard]] std::string layer() const { return scratch_ / "layer"; }
  [[nodiscard]] std::string in_layer(const std::string& name) const { return layer() + "/" + name; }
  [[nodiscard]] struct stat stat_of(const std::string& name) const {
    struct stat status{};
    EXPECT_EQ(::lstat(in_layer(name).c_str(), &status), 0) << name;
    return status;
  }
  [[nodiscard]] std::string content_of(const std::string& name) const {
    return *sys::read_file(in_layer(name).c_str());
  }
  [[nodiscard]] bool there(const std::string& name) const {
    struct stat status{};
    return ::lstat(in_layer(name).c_str(), &status) == 0;
  }
  [[nodiscard]] std::string outside() const { return scratch_ / "outside"; }
  // Nothing beside the layer changed: no name, content, mode, owner, link count, time.
  void expect_outside_untouched() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(outside()))
      names.push_back(entry.path().filename());
    EXPECT_EQ(names, std::vector<std::string>{"secret"});
    const auto siblings = std::distance(std::filesystem::directory_iterator(scratch_.path()),
                                        std::filesystem::directory_iterator());
    EXPECT_EQ(siblings, 2);
    struct stat after{};
    ASSERT_EQ(::stat((outside() + "/secret").c_str(), &after), 0);
    EXPECT_EQ(after.st_mode, before_.st_mode);
    EXPECT_EQ(after.st_uid, before_.st_uid);
    EXPECT_EQ(after.st_nlink, before_.st_nlink);
    EXPECT_EQ(after.st_size, before_.st_size);
    EXPECT_EQ(after.st_mtim.tv_nsec, before_.st_mtim.tv_nsec);
    EXPECT_EQ(after.st_ctim.tv_nsec, before_.st_ctim.tv_nsec);
  }
  static bool needs_root() { return ::geteuid() != 0; }

  TemporaryDirectory scratch_;
  struct stat before_{};
};

TEST_F(ExtractTest, files_directories_and_links_appear) {
  TarText tar;
  tar.directory("d", 0750).file("d/f", "content", 0640).symlink("l", "d/f").hard_link("h", "d/f");
  const std::string text = tar.finish();
  const auto stats = extract(text);
  ASSERT_TRUE(stats);
  EXPECT_EQ(stats->diff_id, Sha256::of(text));
  EXPECT_EQ(stats->entries, 4u);
  EXPECT_EQ(stats->content_bytes, 7u);
  EXPECT_EQ(content_of("d/f"), "content");
  EXPECT_EQ(stat_of("d").st_mode, S_IFDIR | 0750u);
  EXPECT_EQ(stat_of("d/f").st_mode, S_IFREG | 0640u);
  EXPECT_EQ(stat_of("h").st_ino, stat_of("d/f").st_ino);
  EXPECT_EQ(std::filesystem::read_symlink(in_layer("l")), "d/f");
}

TEST_F(ExtractTest, the_diff_id_is_of_the_plain_tar_however_packed) {
  const std::string text = TarText().file("a", std::string(100'000, 'q')).finish();
  EXPECT_EQ(extract(testing::gzip(text))->diff_id, Sha256::of(text));
  EXPECT_EQ(extract(testing::zstd(text))->diff_id, Sha256::of(text));
  EXPECT_EQ(extract(text + std::string(10'240, '\0'))->diff_id,
            Sha256::of(text + std::string(10'240, '\0')));
}

TEST_F(ExtractTest, modes_do_not_depend_on_the_umask) {
  const mode_t before = ::umask(077);
  TarText tar;
  extracted(tar.file("missing/parent/f", "", 0666));
  ::umask(before);
  EXPECT_EQ(stat_of("missing/parent/f").st_mode, S_IFREG | 0666u);
  EXPECT_EQ(stat_of("missing").st_mode, S_IFDIR | 0755u);
}

TEST_F(ExtractTest, setuid_setgid_and_sticky_bits_are_kept) {
  if (needs_root()) GTEST_SKIP() << "owners take root";
  TarText tar;
  tar.add({.type = '5', .name = "shared", .mode = 03777, .uid = 9, .gid = 9});
  tar.file({.name = "shared/su", .mode = 06755, .uid = 1000, .gid = 1000}, "su");
  extracted(tar.file("shared/plain", "x"));
  EXPECT_EQ(stat_of("shared").st_mode, S_IFDIR | 03777u);
  EXPECT_EQ(stat_of("shared/su").st_mode, S_IFREG | 06755u);
  EXPECT_EQ(stat_of("shared/su").st_uid, 1000u);
  EXPECT_EQ(stat_of("shared/plain").st_gid, 0u);  // not the setgid directory's
}

TEST_F(ExtractTest, times_are_exact_and_directories_come_last) {
  TarText tar;
  tar.add({.type = '5', .name = "d", .mode = 0755, .mtime = {1'000'000, 123}});
  tar.add({.type = '5', .name = "d/e", .mode = 0755, .mtime = {2'000'000, 456}});
  tar.file("d/e/f", "x");
  tar.add({.type = '2', .name = "d/l", .link = "x", .mode = 0777, .mtime = {3'000'000, 789}});
  extracted(tar);
  EXPECT_EQ(stat_of("d").st_mtim.tv_sec, 1'000'000);
  EXPECT_EQ(stat_of("d").st_mtim.tv_nsec, 123);
  EXPECT_EQ(stat_of("d/e").st_mtim.tv_nsec, 456);
  EXPECT_EQ(stat_of("d/l").st_mtim.tv_nsec, 789);
}

TEST_F(ExtractTest, the_root_entry_sets_the_layers_root) {
  TarText tar;
  tar.add({.type = '5', .name = "./", .mode = 0711, .mtime = {77, 0}});
  extracted(tar.file("./a", "x"));
  EXPECT_EQ(stat_of("").st_mode, S_IFDIR | 0711u);
  EXPECT_EQ(stat_of("").st_mtim.tv_sec, 77);
  EXPECT_EQ(content_of("a"), "x");
}

TEST_F(ExtractTest, devices_and_fifos_are_made) {
  if (needs_root()) GTEST_SKIP() << "devices take root";
  TarText tar;
  tar.add({.type = '3', .name = "null", .mode = 0666, .major = 1, .minor = 3});
  tar.add({.type = '4', .name = "loop", .mode = 0660, .gid = 6, .major = 7, .minor = 300});
  tar.add({.type = '6', .name = "pipe", .mode = 0622});
  extracted(tar);
  EXPECT_EQ(stat_of("null").st_mode, S_IFCHR | 0666u);
  EXPECT_EQ(stat_of("null").st_rdev, ::makedev(1, 3));
  EXPECT_EQ(stat_of("loop").st_rdev, ::makedev(7, 300));
  EXPECT_EQ(stat_of("loop").st_gid, 6u);
  EXPECT_EQ(stat_of("pipe").st_mode, S_IFIFO | 0622u);
}

TEST_F(ExtractTest, sparse_files_keep_their_holes) {
  TarText tar;
  tar.raw(testing::pax_header(testing::pax_record("GNU.sparse.size", "10485760") +
                              testing::pax_record("GNU.sparse.map", "5242880,1000")));
  tar.add({.name = "big", .mode = 0644, .size = 1000}).raw(std::string(1024, 'd'));
  ASSERT_TRUE(extract(tar.unfinished()));
  EXPECT_EQ(stat_of("big").st_size, 10'485'760);
  EXPECT_LE(stat_of("big").st_blocks, 64);
}

TEST_F(ExtractTest, allowed_xattrs_are_set_and_others_dropped) {
  if (needs_root()) GTEST_SKIP() << "capabilities take root";
  // VFS_CAP_REVISION_2, cap_net_raw effective and permitted
  const std::string capability("\x01\0\0\x02\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
  TarText tar;
  tar.add({.name = "ping",
           .mode = 0755,
           .uid = 0,
           .gid = 5,
           .xattrs = {{"security.capability", capability},
                      {"user.note", "hi"},
                      {"trusted.overlay.redirect", "/etc"},
                      {"trusted.overlay.opaque", "y"},
                      {"user.overlay.opaque", "y"},
                      {"security.selinux", "label"}}});
  extracted(tar);
  char value[64];
  EXPECT_EQ(::getxattr(in_layer("ping").c_str(), "security.capability", value, sizeof value), 20);
  EXPECT_EQ(::getxattr(in_layer("ping").c_str(), "user.note", value, sizeof value), 2);
  for (const char* name : {"trusted.overlay.redirect", "trusted.overlay.opaque",
                           "user.overlay.opaque", "security.selinux"})
    EXPECT_EQ(::getxattr(in_layer("ping").c_str(), name, value, sizeof value), -1) << name;
}

TEST_F(ExtractTest, a_later_entry_replaces_an_earlier_one) {
  TarText tar;
  tar.file("a", "long content").file("a", "new").directory("b").file("b/in", "x").file("b", "file");
  tar.file("c", "file").directory("c").file("c/in", "deep").symlink("d", "a").file("d", "no link");
  tar.directory("e").file("e/kept", "x").directory("e", 0700);
  extracted(tar);
  EXPECT_EQ(content_of("a"), "new");
  EXPECT_EQ(content_of("b"), "file");
  EXPECT_EQ(content_of("c/in"), "deep");
  EXPECT_EQ(content_of("d"), "no link");
  EXPECT_EQ(content_of("e/kept"), "x");
  EXPECT_EQ(stat_of("e").st_mode, S_IFDIR | 0700u);
}

TEST_F(ExtractTest, a_parent_that_was_replaced_is_not_written_through) {
  TarText tar;
  tar.directory("p").directory("p/q").file("p/q/1", "x").file("p", "file").directory("p");
  extracted(tar.file("p/q/2", "y"));
  EXPECT_FALSE(there("p/q/1"));
  EXPECT_EQ(content_of("p/q/2"), "y");
}

TEST_F(ExtractTest, whiteouts_become_overlays_marks) {
  if (needs_root()) GTEST_SKIP() << "whiteout devices take root";
  TarText tar;
  tar.file("d/.wh.gone", "").file("o/.wh..wh..opq", "").file(".wh.top", "");
  tar.file(".wh..wh.aufs", "").file(".wh..wh.plnk/1.2", "");
  extracted(tar);
  EXPECT_EQ(stat_of("d/gone").st_mode & S_IFMT, static_cast<mode_t>(S_IFCHR));
  EXPECT_EQ(stat_of("d/gone").st_rdev, 0u);
  EXPECT_EQ(stat_of("top").st_rdev, 0u);
  char value[4];
  ASSERT_EQ(::getxattr(in_layer("o").c_str(), "trusted.overlay.opaque", value, sizeof value), 1);
  EXPECT_EQ(value[0], 'y');
  EXPECT_FALSE(there(".wh..wh.aufs"));
  EXPECT_FALSE(there(".wh..wh.plnk"));
}

TEST_F(ExtractTest, whiteouts_stay_literal_for_the_copy_driver) {
  TarText tar;
  extracted(tar.file("d/.wh.gone", "").file("d/.wh..wh..opq", ""),
            {.whiteouts = Whiteouts::Literal});
  EXPECT_TRUE(there("d/.wh.gone"));
  EXPECT_TRUE(there("d/.wh..wh..opq"));
  EXPECT_FALSE(there("d/gone"));
}

TEST_F(ExtractTest, a_name_beside_its_own_whiteout_wins_in_both_orders) {
  if (needs_root()) GTEST_SKIP() << "whiteout devices take root";
  TarText tar;
  tar.file("a", "kept").file(".wh.a", "").file(".wh.b", "").file("b", "kept");
  tar.directory("c").file(".wh.c", "").file(".wh.d", "").directory("d");
  extracted(tar);
  EXPECT_EQ(content_of("a"), "kept");
  EXPECT_EQ(content_of("b"), "kept");
  for (const char* name : {"c", "d"}) {
    char value[4];
    EXPECT_EQ(::getxattr(in_layer(name).c_str(), "trusted.overlay.opaque", value, 4), 1) << name;
  }
}

// ---- gauntlet ----

struct Hostile {
  const char* title;
  std::function<void(TarText&, const std::string& outside)> build;
};

void PrintTo(const Hostile& hostile, std::ostream* out) {
  *out << hostile.title;
}

class Refused : public ExtractTest, public ::testing::WithParamInterface<Hostile> {};

TEST_P(Refused, and_nothing_outside_changes) {
  TarText tar;
  GetParam().build(tar, outside());
  const auto outcome = extract(tar.finish());
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().kind(), ErrorKind::InvalidArgument) << outcome.error().message();
  expect_outside_untouched();
}

const Hostile kRefused[] = {
    {"D01_dotdot", [](auto& t, auto&) { t.file("../outside/x", "evil"); }},
    {"D01_dotdot_inside", [](auto& t, auto&) { t.file("a/../../outside/x", "evil"); }},
    {"D01_only_dotdot", [](auto& t, auto&) { t.directory(".."); }},
    {"D01_absolute_dotdot", [](auto& t, auto&) { t.file("/../outside/x", "evil"); }},
    {"D01_long_path", [](auto& t, auto&) { t.file(std::string(4096, 'a'), "x"); }},
    {"D01_long_name", [](auto& t, auto&) { t.file(std::string(256, 'a'), "x"); }},
    {"D01_deep",
     [](auto& t, auto&) {
       std::string name;
       for (int i = 0; i < 600; ++i) name += "d/";
       t.file(name + "f", "x");
     }},
    {"D01_file_as_root", [](auto& t, auto&) { t.file("/", "x"); }},
    {"D01_symlink_as_root", [](auto& t, auto& o) { t.symlink("./", o); }},
    {"D02_parent_is_a_file", [](auto& t, auto&) { t.file("f", "x").file("f/x", "evil"); }},
    {"D02_dangling_parent", [](auto& t, auto& o) { t.symlink("l", o).file("l/x", "evil"); }},
    {"D02_dotdot_parent", [](auto& t, auto&) { t.symlink("l", "../outside").file("l/x", "evil"); }},
    {"D02_link_loop",
     [](auto& t, auto&) { t.symlink("a", "b").symlink("b", "a").file("a/x", "e"); }},
    {"D02_empty_link", [](auto& t, auto&) { t.symlink("a", ""); }},
    {"D03_absolute", [](auto& t, auto& o) { t.hard_link("h", o + "/secret"); }},
    {"D03_dotdot", [](auto& t, auto&) { t.hard_link("h", "../outside/secret"); }},
    {"D03_through_symlink", [](auto& t, auto& o) { t.symlink("l", o).hard_link("h", "l/secret"); }},
    {"D03_lower_layer_file", [](auto& t, auto&) { t.hard_link("h", "bin/sh"); }},
    {"D03_itself", [](auto& t, auto&) { t.hard_link("h", "h"); }},
    {"D03_itself_existing", [](auto& t, auto&) { t.file("h", "x").hard_link("h", "./h"); }},
    {"D03_directory", [](auto& t, auto&) { t.directory("d").hard_link("h", "d"); }},
    {"D03_root", [](auto& t, auto&) { t.hard_link("h", "/"); }},
    {"D05_nothing", [](auto& t, auto&) { t.file("d/.wh.", ""); }},
    {"D05_dot", [](auto& t, auto&) { t.file("d/.wh..", ""); }},
    {"D05_dotdot", [](auto& t, auto&) { t.file("d/.wh...", ""); }},
    {"D05_marker_as_parent", [](auto& t, auto&) { t.file(".wh./x", ""); }},
    {"D05_marker_with_children", [](auto& t, auto&) { t.file(".wh.a/b", ""); }},
    {"D05_whiteout_device", [](auto& t, auto&) { t.add({.type = '3', .name = "w"}); }},
    {"owner_minus_one",
     [](auto& t, auto&) { t.add({.type = '5', .name = "d", .uid = 0xffffffff}); }},
};
INSTANTIATE_TEST_SUITE_P(Gauntlet, Refused, ::testing::ValuesIn(kRefused),
                         [](const auto& hostile) { return std::string(hostile.param.title); });

class Contained : public ExtractTest, public ::testing::WithParamInterface<Hostile> {};

TEST_P(Contained, inside_the_layer) {
  if (needs_root()) GTEST_SKIP() << "owners and devices take root";
  TarText tar;
  GetParam().build(tar, outside());
  const auto outcome = extract(tar.finish());
  EXPECT_TRUE(outcome) << outcome.error().message();
  expect_outside_untouched();
}

const Hostile kContained[] = {
    {"D01_absolute_is_relative", [](auto& t, auto& o) { t.file(o + "/secret", "evil"); }},
    {"D01_double_slash", [](auto& t, auto& o) { t.file("//" + o + "//secret", "evil"); }},
    {"D02_parent_exists_in_the_layer",
     [](auto& t, auto& o) { t.directory(o).symlink("l", o).file("l/secret", "evil"); }},
    {"D02_file_replaces_link",
     [](auto& t, auto& o) { t.symlink("l", o + "/secret").file("l", "e"); }},
    {"D02_directory_replaces_link",
     [](auto& t, auto& o) { t.symlink("l", o).directory("l").file("l/secret", "evil"); }},
    {"D03_link_to_a_symlink",
     [](auto& t, auto& o) {
       t.symlink("l", o + "/secret").hard_link("h", "l");
       t.add({.name = "h", .mode = 0777});
     }},
    {"D04_mode_owner_time_on_a_link",
     [](auto& t, auto& o) {
       t.add({.type = '2',
              .name = "l",
              .link = o + "/secret",
              .mode = 04777,
              .uid = 99,
              .gid = 99,
              .mtime = {1, 0},
              .xattrs = {{"user.a", "b"}}});
     }},
    {"D04_hard_link_with_metadata",
     [](auto& t, auto& o) {
       t.symlink("l", o + "/secret");
       t.add({.type = '1', .name = "h", .link = "l", .mode = 04777, .uid = 99, .gid = 99});
     }},
    {"D05_whiteout_through_a_link",
     [](auto& t, auto& o) { t.directory(o).symlink("l", o).file("l/.wh.secret", ""); }},
    {"D05_opaque_through_a_link",
     [](auto& t, auto& o) { t.directory(o).symlink("l", o).file("l/.wh..wh..opq", ""); }},
};
INSTANTIATE_TEST_SUITE_P(Gauntlet, Contained, ::testing::ValuesIn(kContained),
                         [](const auto& hostile) { return std::string(hostile.param.title); });

// D01: a NUL cannot come from ustar; a GNU long name ends there.
TEST_F(ExtractTest, D01_a_nul_ends_a_gnu_name) {
  TarText tar;
  tar.add({.type = 'L', .name = "long", .size = 30});
  tar.raw(std::string("ok\0/../../outside/x", 19) + std::string(493, '\0'));
  ASSERT_TRUE(extract(tar.file("other", "x").finish()));
  EXPECT_EQ(content_of("ok"), "x");
  expect_outside_untouched();
}

// D06
TEST_F(ExtractTest, D06_entries_bytes_and_ratio_are_limited) {
  ExtractOptions options;
  options.limits.entries = 3;
  TarText many;
  for (int i = 0; i < 4; ++i) many.file(std::to_string(i), "");
  EXPECT_FALSE(extract(many.finish(), options));

  options = {};
  options.limits.bytes = 100'000;
  EXPECT_FALSE(extract(TarText().file("a", std::string(100'001, 'a')).finish(), options));

  options = {};
  options.limits.ratio_floor = 1 << 20;
  const std::string zeros = TarText().file("a", std::string(8 << 20, '\0')).finish();
  const auto bomb = extract(testing::gzip(zeros), options);
  ASSERT_FALSE(bomb);
  EXPECT_NE(bomb.error().message().find("more than 200 times"), std::string::npos);
  EXPECT_TRUE(extract(zeros, options));
}

TEST_F(ExtractTest, D06_a_sparse_file_cannot_claim_more_than_the_limit) {
  TarText tar;
  tar.raw(testing::pax_header(testing::pax_record("GNU.sparse.size", "1000000000000000000")));
  tar.file("s", "");
  const auto outcome = extract(tar.finish());
  ASSERT_FALSE(outcome);
  EXPECT_NE(outcome.error().message().find("larger than allowed"), std::string::npos);
}

TEST_F(ExtractTest, an_ordinary_user_extracts_without_owners) {
  TarText tar;
  tar.add({.type = '5', .name = "locked", .mode = 0500, .uid = 3, .gid = 3});
  extracted(tar.file("locked/f", "x"),
            {.whiteouts = Whiteouts::Literal, .privilege = ExtractOptions::Privilege::User});
  EXPECT_EQ(stat_of("locked").st_uid, ::geteuid());
  EXPECT_EQ(stat_of("locked").st_mode, S_IFDIR | 0500u);
  EXPECT_EQ(content_of("locked/f"), "x");
}

}  // namespace
}  // namespace wherry::archive
