#include "metadata/database.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "metadata/schema.h"
#include "sys/fd.h"

namespace wherry::metadata {
namespace {

const std::vector<Migration> kOne = {
    {1, {"CREATE TABLE thing(name TEXT PRIMARY KEY, size INTEGER) STRICT"}}};
const std::vector<Migration> kTwo = {
    kOne[0], {2, {"ALTER TABLE thing ADD COLUMN color TEXT", "UPDATE thing SET color='red'"}}};

class DatabaseTest : public testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/wherry-database-XXXXXX";
    directory_ = ::mkdtemp(pattern);
    path_ = directory_ + "/state.db";
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::unique_ptr<Database> open(std::span<const Migration> migrations = kOne) {
    auto database = Database::open(path_, migrations);
    EXPECT_TRUE(database) << database.error().message();
    return std::move(*database);
  }
  static Result<> insert(Database& database, const std::string& name, std::int64_t size) {
    return database.write([&](Connection& connection) -> Result<> {
      return connection.execute("INSERT INTO thing(name, size) VALUES(?, ?)", {name, size});
    });
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

TEST_F(DatabaseTest, a_read_sees_every_acknowledged_write) {
  auto database = open();
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(insert(*database, std::to_string(i), i));
    EXPECT_EQ(count(*database), i + 1);
  }
}

TEST_F(DatabaseTest, only_what_must_survive_a_power_cut_is_synced_at_its_commit) {
  auto database = open();
  // SQLite's numbers: 1 NORMAL, 2 FULL.
  const auto level = [&](Survives survives) {
    return *database->write(
        [](Connection& connection) -> Result<std::int64_t> {
          Rows rows = TRY(connection.query("PRAGMA synchronous"));
          return TRY(rows.next())->integer(0);
        },
        survives);
  };
  EXPECT_EQ(level(Survives::PowerCut), 2);
  EXPECT_EQ(level(Survives::ProcessDeath), 1);
  EXPECT_EQ(level(Survives::PowerCut), 2);
}

TEST_F(DatabaseTest, a_write_that_survives_our_death_is_there_after_reopening) {
  {
    auto database = open();
    ASSERT_TRUE(database->write(
        [](Connection& connection) -> Result<> {
          return connection.execute("INSERT INTO thing(name, size) VALUES('brief', 1)");
        },
        Survives::ProcessDeath));
  }
  auto database = open();
  EXPECT_EQ(count(*database), 1);
}

TEST_F(DatabaseTest, writes_survive_reopening) {
  {
    ASSERT_TRUE(insert(*open(), "a", 7));
  }
  auto database = open();
  const auto size = database->read([](Connection& connection) -> Result<std::int64_t> {
    Rows rows = TRY(connection.query("SELECT size FROM thing WHERE name = ?", {"a"}));
    const Row* row = TRY(rows.next());
    return row == nullptr ? -1 : row->integer(0);
  });
  EXPECT_EQ(*size, 7);
}

TEST_F(DatabaseTest, a_failed_work_leaves_nothing_and_its_neighbours_stay) {
  auto database = open();
  std::vector<std::thread> threads;
  std::atomic<int> failures = 0;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      const auto outcome = database->write([&](Connection& connection) -> Result<> {
        TRY(connection.execute("INSERT INTO thing(name, size) VALUES(?, 1)", {std::to_string(i)}));
        if (i % 2 == 1) return Error::conflict("odd");
        return {};
      });
      if (!outcome) ++failures;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(failures, 4);
  EXPECT_EQ(count(*database), 4);
}

TEST_F(DatabaseTest, many_writers_share_transactions) {
  auto database = open();
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 25; ++i)
        EXPECT_TRUE(insert(*database, std::to_string(t) + "." + std::to_string(i), i));
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(count(*database), 200);
}

TEST_F(DatabaseTest, write_later_is_done_before_close) {
  {
    auto database = open();
    database->write_later([](Connection& connection) -> Result<> {
      return connection.execute("INSERT INTO thing(name) VALUES('later')");
    });
  }
  EXPECT_EQ(count(*open()), 1);
}

TEST_F(DatabaseTest, a_violated_key_is_a_conflict) {
  auto database = open();
  ASSERT_TRUE(insert(*database, "a", 1));
  const auto outcome = insert(*database, "a", 2);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().kind(), ErrorKind::Conflict);
}

TEST_F(DatabaseTest, readers_cannot_write) {
  auto database = open();
  const auto outcome = database->read([](Connection& connection) -> Result<> {
    return connection.execute("INSERT INTO thing(name) VALUES('x')");
  });
  EXPECT_FALSE(outcome);
  EXPECT_EQ(count(*database), 0);
}

TEST_F(DatabaseTest, migrations_keep_the_rows) {
  {
    ASSERT_TRUE(insert(*open(kOne), "a", 1));
  }
  auto database = open(kTwo);
  const auto color = database->read([](Connection& connection) -> Result<std::string> {
    Rows rows = TRY(connection.query("SELECT color FROM thing"));
    return TRY(rows.next())->text(0);
  });
  EXPECT_EQ(*color, "red");
}

TEST_F(DatabaseTest, a_failed_migration_changes_nothing) {
  {
    ASSERT_TRUE(insert(*open(kOne), "a", 1));
  }
  const std::vector<Migration> broken = {
      kOne[0], {2, {"ALTER TABLE thing ADD COLUMN color TEXT", "UPDATE nothing SET x=1"}}};
  EXPECT_FALSE(Database::open(path_, broken));
  EXPECT_EQ(count(*open(kOne)), 1);
}

TEST_F(DatabaseTest, a_newer_schema_is_refused_naming_both_versions) {
  {
    open(kTwo);
  }
  const auto older = Database::open(path_, kOne);
  ASSERT_FALSE(older);
  EXPECT_EQ(older.error().kind(), ErrorKind::Unsupported);
  EXPECT_NE(older.error().message().find("has schema version 2"), std::string::npos);
  EXPECT_NE(older.error().message().find("knows up to 1"), std::string::npos);
  EXPECT_NE(older.error().message().find(path_), std::string::npos);
}

TEST_F(DatabaseTest, a_damaged_file_is_reported_by_name) {
  {
    auto database = open();
    for (int i = 0; i < 50; ++i)
      ASSERT_TRUE(insert(*database, std::string(200, 'x') + std::to_string(i), i));
  }
  const auto file = sys::open_at({}, path_.c_str(), O_RDWR);
  const std::string noise(4096, '\x5a');
  ASSERT_EQ(::pwrite(file->get(), noise.data(), noise.size(), 4096), 4096);
  const auto reopened = Database::open(path_, kOne);
  ASSERT_FALSE(reopened);
  EXPECT_NE(reopened.error().message().find(path_), std::string::npos);
  EXPECT_NE(reopened.error().message().find("damaged"), std::string::npos);
}

TEST_F(DatabaseTest, a_file_that_is_no_database_is_reported_by_name) {
  ASSERT_TRUE(sys::write_all(*sys::open_at({}, path_.c_str(), O_WRONLY | O_CREAT, 0600),
                             std::string(8192, 'q')));
  const auto opened = Database::open(path_, kOne);
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().message().find(path_ + " is damaged"), std::string::npos);
}

TEST_F(DatabaseTest, files_are_private) {
  auto database = open();
  ASSERT_TRUE(insert(*database, "a", 1));
  for (const char* suffix : {"", "-wal", "-shm"}) {
    struct stat status{};
    ASSERT_EQ(::stat((path_ + suffix).c_str(), &status), 0) << suffix;
    EXPECT_EQ(status.st_mode & 0777, 0600u) << suffix;
  }
}

TEST_F(DatabaseTest, null_and_text_come_back_as_they_went) {
  auto database = open();
  const std::string text("a\0b", 3);
  ASSERT_TRUE(database->write([&](Connection& connection) -> Result<> {
    return connection.execute("INSERT INTO thing(name, size) VALUES(?, ?)",
                              {text, std::optional<std::int64_t>()});
  }));
  const auto outcome = database->read([&](Connection& connection) -> Result<bool> {
    Rows rows = TRY(connection.query("SELECT name, size FROM thing"));
    const Row* row = TRY(rows.next());
    return row->text(0) == text && row->is_null(1) && !row->optional_integer(1);
  });
  EXPECT_TRUE(*outcome);
}

TEST_F(DatabaseTest, the_whole_schema_applies) {
  auto database = open(schema());
  EXPECT_TRUE(database->check_integrity());
}

}  // namespace
}  // namespace wherry::metadata
