// A database on a file system that is full to the last block: a tmpfs of its own.
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <filesystem>

#include "metadata/database.h"
#include "metadata/reserve.h"
#include "sys/fd.h"

namespace wherry::metadata {
namespace {

const std::vector<Migration> kSchema = {
    {1, {"CREATE TABLE thing(name TEXT PRIMARY KEY, bytes TEXT) WITHOUT ROWID"}}};

class FullDiskTest : public testing::Test {
 protected:
  static constexpr std::size_t kDisk_bytes = 12 << 20;

  void SetUp() override {
    // The mount is seen by this process alone, and goes with it.
    static const bool own = ::unshare(CLONE_NEWNS) == 0 &&
                            ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
    if (!own) GTEST_SKIP() << "needs CAP_SYS_ADMIN: mounts a small file system";
    char pattern[] = "/tmp/wherry-full-XXXXXX";
    directory_ = ::mkdtemp(pattern);
    const std::string options = fmt::format("size={}", kDisk_bytes);
    ASSERT_EQ(::mount("tmpfs", directory_.c_str(), "tmpfs", 0, options.c_str()), 0);
    path_ = directory_ + "/state.db";
  }
  void TearDown() override {
    if (directory_.empty()) return;
    ::umount2(directory_.c_str(), MNT_DETACH);
    ::rmdir(directory_.c_str());
  }

  [[nodiscard]] std::unique_ptr<Database> open() const {
    auto database = Database::open(path_, kSchema);
    EXPECT_TRUE(database) << database.error().message();
    return std::move(*database);
  }

  // Leaves no free block, without touching what there is.
  void fill() const {
    const auto file = sys::open_at({}, (directory_ + "/ballast").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    const std::string bytes(4096, 'b');
    while (::write(file->get(), bytes.data(), bytes.size()) > 0) {
    }
    struct statvfs status {};
    ASSERT_EQ(::statvfs(directory_.c_str(), &status), 0);
    ASSERT_EQ(status.f_bfree, 0u);
  }
  void make_room() const { std::filesystem::remove(directory_ + "/ballast"); }

  [[nodiscard]] off_t reserve_bytes() const {
    struct stat status {};
    return ::stat((path_ + "-reserve").c_str(), &status) == 0 ? status.st_blocks * 512 : -1;
  }

  // Rows of half a megabyte, so that no log that is already there has room for one.
  static Result<> insert(Database& database, const std::string& name, Space space = Space::Free) {
    return database.write(
        [&](Connection& connection) {
          return connection.execute("INSERT INTO thing(name, bytes) VALUES(?, ?)",
                                    {name, std::string(500'000, 'x')});
        },
        Survives::PowerCut, space);
  }
  static Result<> erase(Database& database, const std::string& name) {
    return database.write(
        [&](Connection& connection) {
          return connection.execute("DELETE FROM thing WHERE name = ?", {name});
        },
        Survives::PowerCut, Space::Reserve);
  }
  static std::int64_t count(Database& database) {
    return *database.read([](Connection& connection) -> Result<std::int64_t> {
      Rows rows = TRY(connection.query("SELECT count(*) FROM thing"));
      return TRY(rows.next())->integer(0);
    });
  }

  std::string directory_;
  std::string path_;
};

TEST_F(FullDiskTest, the_reserve_is_made_of_allocated_blocks_at_the_start) {
  const auto database = open();
  EXPECT_EQ(reserve_bytes(), Reserve::kWhole_bytes);
  struct stat status {};
  ASSERT_EQ(::stat((path_ + "-reserve").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(FullDiskTest, a_write_without_claim_to_the_reserve_is_no_space_and_leaves_it_whole) {
  const auto database = open();
  fill();
  const auto outcome = insert(*database, "a");
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().kind(), ErrorKind::NoSpace);
  EXPECT_NE(outcome.error().message().find("no space left on device"), std::string::npos);
  EXPECT_EQ(reserve_bytes(), Reserve::kWhole_bytes);
  EXPECT_EQ(count(*database), 0);
}

TEST_F(FullDiskTest, a_removing_write_takes_from_the_reserve) {
  const auto database = open();
  ASSERT_TRUE(insert(*database, "a"));
  fill();
  // Longer than any log that the one before left room for.
  ASSERT_TRUE(insert(*database, "b", Space::Reserve));
  EXPECT_LT(reserve_bytes(), Reserve::kWhole_bytes);
  ASSERT_TRUE(erase(*database, "a"));
  EXPECT_EQ(count(*database), 1);
}

TEST_F(FullDiskTest, many_small_removals_cost_one_piece) {
  const auto database = open();
  for (int i = 0; i < 40; ++i)
    ASSERT_TRUE(database->write([&](Connection& connection) {
      return connection.execute("INSERT INTO thing(name, bytes) VALUES(?, 'x')", {std::to_string(i)});
    }));
  fill();
  for (int i = 0; i < 40; ++i) ASSERT_TRUE(erase(*database, std::to_string(i))) << i;
  EXPECT_EQ(count(*database), 0);
  EXPECT_GE(reserve_bytes(), Reserve::kWhole_bytes - Reserve::kPiece_bytes);
}

TEST_F(FullDiskTest, an_empty_reserve_is_no_space) {
  const auto database = open();
  fill();
  ASSERT_TRUE(insert(*database, "a", Space::Reserve));
  for (int i = 0; i < 8 && reserve_bytes() > 0; ++i) {
    fill();
    static_cast<void>(insert(*database, std::to_string(i), Space::Reserve));
  }
  fill();
  const auto outcome = insert(*database, "last", Space::Reserve);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().kind(), ErrorKind::NoSpace);
  // Nothing is half done, and what is there can still be read.
  EXPECT_GE(count(*database), 1);
  EXPECT_TRUE(database->check_integrity());
}

TEST_F(FullDiskTest, the_reserve_is_whole_again_when_there_is_space) {
  const auto database = open();
  fill();
  ASSERT_TRUE(insert(*database, "a", Space::Reserve));
  ASSERT_LT(reserve_bytes(), Reserve::kWhole_bytes);
  make_room();
  ASSERT_TRUE(erase(*database, "a"));
  // Made after the commit is answered: the next commit comes behind it.
  ASSERT_TRUE(erase(*database, "a"));
  EXPECT_EQ(reserve_bytes(), Reserve::kWhole_bytes);
}

TEST_F(FullDiskTest, a_full_disk_can_be_opened_and_emptied) {
  {
    const auto database = open();
    ASSERT_TRUE(insert(*database, "a"));
  }
  fill();
  const auto database = open();
  EXPECT_EQ(count(*database), 1);
  EXPECT_LT(reserve_bytes(), Reserve::kWhole_bytes);
  ASSERT_TRUE(erase(*database, "a"));
  EXPECT_EQ(count(*database), 0);
}

TEST_F(FullDiskTest, works_beside_a_full_one_get_their_own_answers) {
  const auto database = open();
  ASSERT_TRUE(insert(*database, "a"));
  fill();
  database->write_later([](Connection& connection) {
    return connection.execute("INSERT INTO thing(name, bytes) VALUES('later', ?)",
                              {std::string(500'000, 'y')});
  });
  ASSERT_TRUE(erase(*database, "a"));
  EXPECT_EQ(count(*database), 0);
}

TEST_F(FullDiskTest, with_reserve_repeats_what_wants_space_until_there_is_some) {
  const auto database = open();
  fill();
  const std::string file = directory_ + "/more";
  int calls = 0;
  const auto outcome = database->with_reserve([&]() -> Result<> {
    ++calls;
    const auto opened = TRY(sys::open_at({}, file.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600));
    return sys::write_all(opened, std::string(4096, 'm'));
  });
  EXPECT_TRUE(outcome);
  EXPECT_EQ(calls, 2);
}

TEST_F(FullDiskTest, with_reserve_gives_nothing_for_another_error) {
  const auto database = open();
  const auto outcome = database->with_reserve([]() -> Result<> { return Error::conflict("no"); });
  EXPECT_EQ(outcome.error().kind(), ErrorKind::Conflict);
  EXPECT_EQ(reserve_bytes(), Reserve::kWhole_bytes);
}

TEST_F(FullDiskTest, a_reserve_with_holes_is_filled) {
  const std::string path = directory_ + "/holes";
  {
    const auto file = sys::open_at({}, path.c_str(), O_WRONLY | O_CREAT, 0600);
    ASSERT_EQ(::ftruncate(file->get(), Reserve::kWhole_bytes), 0);
  }
  Reserve reserve(path);
  EXPECT_FALSE(reserve.is_whole());
  EXPECT_FALSE(reserve.give());
  EXPECT_TRUE(reserve.restock());
  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_blocks * 512, Reserve::kWhole_bytes);
}

TEST_F(FullDiskTest, a_reserve_is_not_made_of_the_last_free_space) {
  fill();
  Reserve reserve(directory_ + "/reserve");
  EXPECT_FALSE(reserve.restock());
  std::filesystem::resize_file(directory_ + "/ballast", kDisk_bytes - Reserve::kWhole_bytes - (1 << 20));
  EXPECT_FALSE(reserve.restock());
  make_room();
  EXPECT_TRUE(reserve.restock());
  for (int pieces = 0; pieces < Reserve::kWhole_bytes / Reserve::kPiece_bytes; ++pieces)
    EXPECT_TRUE(reserve.give());
  EXPECT_FALSE(reserve.give());
}

TEST_F(FullDiskTest, a_reserve_is_never_made_through_a_link) {
  const std::string target = directory_ + "/target";
  std::filesystem::create_symlink(target, directory_ + "/reserve");
  Reserve reserve(directory_ + "/reserve");
  EXPECT_FALSE(reserve.restock());
  EXPECT_FALSE(std::filesystem::exists(target));
}

}  // namespace
}  // namespace wherry::metadata
