#include "volume/volumes.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace wherry::volume {
namespace {

namespace fs = std::filesystem;
using Map = std::map<std::string, std::string>;

// Rows as a database has them: they survive the Volumes object, as they survive a crash.
class FakeRecords : public Records {
 public:
  Result<std::vector<Record>> load() override {
    std::vector<Record> records;
    for (const auto& [name, record] : rows) records.push_back(record);
    return records;
  }
  Result<> save(const Record& record) override {
    if (fails) return Error::internal("disk full");
    rows[record.name] = record;
    return {};
  }
  void save_later(const Record& record) override { rows[record.name] = record; }
  void erase_later(const std::string& name) override { rows.erase(name); }

  std::map<std::string, Record> rows;
  bool fails = false;
};

class VolumesTest : public testing::Test {
 protected:
  VolumesTest() {
    std::string pattern = testing::TempDir() + "wherry-volumes-XXXXXX";
    base_ = ::mkdtemp(pattern.data());
    restart();
  }
  ~VolumesTest() override { fs::remove_all(base_); }

  // What a new engine finds.
  void restart() {
    volumes_.reset();
    volumes_ = Volumes::open(base_ / "volumes", records_).value();
  }
  fs::path data(const std::string& name) { return base_ / "volumes" / name / "_data"; }
  std::string error(const Result<>& result) { return result ? "done" : result.error().message(); }

  fs::path base_;
  FakeRecords records_;
  std::unique_ptr<Volumes> volumes_;
  const ContainerId first_{"c1"};
  const ContainerId second_{"c2"};
};

TEST_F(VolumesTest, has_record_and_directory_once_it_is_made) {
  const Created made = volumes_->create({.name = "data", .labels = Map{{"a", "b"}}, .options = {}, .user = {}}).value();
  EXPECT_EQ(made.made, Made::New);
  EXPECT_TRUE(fs::is_directory(data("data")));
  restart();
  EXPECT_EQ(volumes_->find("data").value().labels, (Map{{"a", "b"}}));
  EXPECT_EQ(volumes_->path_of("data"), data("data"));
}

TEST_F(VolumesTest, making_it_again_finds_it) {
  ASSERT_TRUE(volumes_->create({.name = "data", .labels = {}, .options = {}, .user = {}}));
  const Created again = volumes_->create({.name = "data", .labels = Map{{"x", "y"}}, .options = {}, .user = {}}).value();
  EXPECT_EQ(again.made, Made::Found);
  EXPECT_FALSE(again.record.labels);
}

TEST_F(VolumesTest, without_a_name_it_is_anonymous) {
  const Record record = volumes_->create({}).value().record;
  EXPECT_EQ(record.name.size(), 64U);
  EXPECT_EQ(record.labels, (Map{{kAnonymousLabel, ""}}));
}

TEST_F(VolumesTest, names_follow_dockers_grammar) {
  EXPECT_EQ(check_name("x").error().message(),
            "volume name is too short, names should be at least two alphanumeric characters");
  for (const char* bad : {"", ".x", "-x", "a/b", "a b", "../up", "a:b"}) EXPECT_FALSE(check_name(bad)) << bad;
  for (const char* good : {"ab", "a.b-c_d", "0x", "A9"}) EXPECT_TRUE(check_name(good)) << good;
  EXPECT_FALSE(check_name(std::string(kLongestName + 1, 'a')));
}

TEST_F(VolumesTest, a_record_that_cannot_be_written_leaves_nothing) {
  records_.fails = true;
  EXPECT_FALSE(volumes_->create({.name = "data", .labels = {}, .options = {}, .user = {}}));
  EXPECT_FALSE(fs::exists(base_ / "volumes/data"));
  EXPECT_FALSE(volumes_->find("data"));
}

TEST_F(VolumesTest, one_that_is_held_is_not_removed) {
  ASSERT_TRUE(volumes_->create({.name = "data", .labels = {}, .options = {}, .user = first_}));
  ASSERT_TRUE(volumes_->hold("data", second_));
  EXPECT_EQ(error(volumes_->remove("data")), "remove data: volume is in use - [c1, c2]");
  volumes_->release("data", first_);
  volumes_->release("data", second_);
  EXPECT_EQ(error(volumes_->remove("data")), "done");
  EXPECT_FALSE(fs::exists(base_ / "volumes/data"));
  EXPECT_TRUE(records_.rows.empty());
  EXPECT_EQ(error(volumes_->remove("data")), "get data: no such volume");
}

TEST_F(VolumesTest, a_removal_that_cannot_be_recorded_does_not_happen) {
  ASSERT_TRUE(volumes_->create({.name = "data", .labels = {}, .options = {}, .user = {}}));
  records_.fails = true;
  EXPECT_FALSE(volumes_->remove("data"));
  EXPECT_TRUE(volumes_->find("data"));
  EXPECT_TRUE(fs::exists(data("data")));
}

TEST_F(VolumesTest, the_trash_is_emptied) {
  ASSERT_TRUE(volumes_->create({.name = "data", .labels = {}, .options = {}, .user = {}}));
  std::ofstream(data("data") / "file") << "x";
  ASSERT_TRUE(volumes_->remove("data"));
  EXPECT_FALSE(fs::is_empty(base_ / "volumes/.trash"));
  volumes_->empty_trash();
  EXPECT_TRUE(fs::is_empty(base_ / "volumes/.trash"));
}

// ---- crashes: what a kill -9 between two steps leaves

TEST_F(VolumesTest, killed_between_record_and_directory_it_is_finished) {
  records_.rows["data"] = {.name = "data", .created = "", .labels = {}, .options = {}, .pending_for = ""};
  restart();
  EXPECT_TRUE(fs::is_directory(data("data")));
}

TEST_F(VolumesTest, killed_during_a_removal_it_is_gone) {
  ASSERT_TRUE(volumes_->create({.name = "data", .labels = {}, .options = {}, .user = {}}));
  records_.rows["data"].removing = true;
  restart();
  EXPECT_FALSE(volumes_->find("data"));
  EXPECT_FALSE(fs::exists(base_ / "volumes/data"));
  EXPECT_TRUE(records_.rows.empty());
}

TEST_F(VolumesTest, made_for_a_container_that_was_never_finished_it_goes) {
  ASSERT_TRUE(volumes_->create({.name = "data", .labels = {}, .options = {}, .user = first_}));
  restart();
  volumes_->drop_unheld();
  EXPECT_FALSE(volumes_->find("data"));
}

TEST_F(VolumesTest, made_for_a_container_that_exists_it_stays) {
  ASSERT_TRUE(volumes_->create({.name = "data", .labels = {}, .options = {}, .user = first_}));
  restart();
  ASSERT_TRUE(volumes_->hold("data", first_));
  volumes_->drop_unheld();
  EXPECT_TRUE(volumes_->find("data"));
  EXPECT_EQ(records_.rows["data"].pending_for, "");
}

TEST_F(VolumesTest, settled_it_outlives_its_container) {
  ASSERT_TRUE(volumes_->create({.name = "data", .labels = {}, .options = {}, .user = first_}));
  volumes_->settle(first_);
  restart();
  volumes_->drop_unheld();
  EXPECT_TRUE(volumes_->find("data"));
}

TEST_F(VolumesTest, doomed_and_not_buried_it_goes_at_the_next_start) {
  ASSERT_TRUE(volumes_->create({.name = "data", .labels = {}, .options = {}, .user = first_}));
  EXPECT_FALSE(volumes_->doom("data"));
  volumes_->release("data", first_);
  EXPECT_TRUE(volumes_->doom("data"));
  EXPECT_TRUE(volumes_->list().empty());
  restart();
  EXPECT_FALSE(fs::exists(base_ / "volumes/data"));
}

TEST_F(VolumesTest, a_directory_without_a_record_is_kept_as_a_volume) {
  fs::create_directories(data("found"));
  std::ofstream(data("found") / "file") << "x";
  fs::create_directories(base_ / "volumes/no-data");
  restart();
  EXPECT_TRUE(volumes_->find("found"));
  EXPECT_FALSE(volumes_->find("no-data"));
  EXPECT_TRUE(fs::exists(data("found") / "file"));
}

// ---- content

class VolumeContent : public VolumesTest {
 protected:
  VolumeContent() {
    fs::create_directories(base_ / "image/sub");
    std::ofstream(base_ / "image/sub/file") << "text";
    source_ = sys::open_at({}, (base_ / "image").c_str(), O_RDONLY | O_DIRECTORY).value();
    static_cast<void>(volumes_->create({.name = "data", .labels = {}, .options = {}, .user = first_}));
  }
  sys::Fd source_;
};

TEST_F(VolumeContent, an_empty_volume_is_filled_once) {
  ASSERT_TRUE(volumes_->fill("data", source_));
  EXPECT_TRUE(fs::exists(data("data") / "sub/file"));
  fs::remove_all(data("data") / "sub");
  std::ofstream(data("data") / "own") << "x";
  ASSERT_TRUE(volumes_->fill("data", source_));
  EXPECT_FALSE(fs::exists(data("data") / "sub"));
}

TEST_F(VolumeContent, the_draft_of_a_killed_engine_is_replaced) {
  fs::create_directories(base_ / "volumes/data/draft/rubbish");
  ASSERT_TRUE(volumes_->fill("data", source_));
  EXPECT_FALSE(fs::exists(data("data") / "rubbish"));
  EXPECT_FALSE(fs::exists(base_ / "volumes/data/draft"));
}

TEST_F(VolumeContent, a_directory_that_somebody_has_mounted_is_not_replaced) {
  const sys::Fd before = sys::open_at({}, data("data").c_str(), O_RDONLY | O_DIRECTORY).value();
  volumes_->mounted("data", first_);
  ASSERT_TRUE(volumes_->fill("data", source_));
  EXPECT_EQ(::faccessat(before.get(), "sub/file", F_OK, 0), 0);
}

TEST_F(VolumeContent, its_size_counts_a_file_once) {
  std::ofstream(data("data") / "a") << "12345";
  fs::create_hard_link(data("data") / "a", data("data") / "b");
  fs::create_symlink("/etc", data("data") / "c");
  EXPECT_EQ(volumes_->size("data").value(), 5U);
}

}  // namespace
}  // namespace wherry::volume
