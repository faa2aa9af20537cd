#include "engine/container_store.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <thread>

#include "base/time.h"
#include "engine/container_json.h"
#include "metadata/database.h"
#include "metadata/schema.h"

namespace wherry::engine {
namespace {

class Store : public testing::Test {
 protected:
  Store() {
    std::string pattern = testing::TempDir() + "wherry-store-XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
    open();
  }
  ~Store() override {
    store_.reset();
    database_.reset();
    std::filesystem::remove_all(directory_);
  }
  void open() {
    store_.reset();
    database_.reset();
    database_ = metadata::Database::open(directory_ + "/db", metadata::schema()).value();
    store_ = ContainerStore::open(*database_).value();
  }
  ContainerPtr add(const std::string& id, const std::string& name) {
    auto container = std::make_shared<Container>();
    container->details.lock()->record.id = ContainerId(id);
    container->details.lock()->record.name = store_->reserve_name(name, ContainerId(id)).value();
    EXPECT_TRUE(store_->insert(container));
    return container;
  }
  std::string found(const std::string& name) {
    const auto container = store_->find(name);
    return container ? (*container)->record().name : container.error().message();
  }

  std::string directory_;
  std::unique_ptr<metadata::Database> database_;
  std::unique_ptr<ContainerStore> store_;
};

const std::string kFirst = "aaaa" + std::string(60, '0');
const std::string kSecond = "aabb" + std::string(60, '0');

TEST_F(Store, finds_by_id_then_name_then_unique_prefix) {
  add(kFirst, "one");
  add(kSecond, "aaaa");
  EXPECT_EQ(found(kFirst), "one");
  EXPECT_EQ(found("/one"), "one");
  EXPECT_EQ(found("aaaa"), "aaaa");  // a name goes before a prefix
  EXPECT_EQ(found("aaaa0"), "one");
  EXPECT_EQ(found("aabb"), "aaaa");
  EXPECT_EQ(found("aa"), "Multiple IDs found with provided prefix: aa");
  EXPECT_EQ(found("absent"), "No such container: absent");
  EXPECT_FALSE(store_->find(""));
}

TEST_F(Store, everything_is_there_again_after_reopening) {
  const ContainerPtr container = add(kFirst, "one");
  container->details.lock()->state.exit_code = 9;
  ASSERT_TRUE(store_->save_state(*container));
  open();
  EXPECT_EQ(store_->find("one").value()->state().exit_code, 9);
}

TEST_F(Store, a_record_comes_back_as_it_was_written) {
  const ContainerPtr container = std::make_shared<Container>();
  const std::string name = store_->reserve_name("full", ContainerId(kFirst)).value();
  {
    const auto details = container->details.lock();
    ContainerRecord& record = details->record;
    record.id = ContainerId(kFirst);
    record.name = name;
    record.path = "sh";
    record.args = {"-c", "<&>"};
    record.config.env = std::vector<std::string>{"A=1"};
    record.config.labels = std::map<std::string, std::string>{{"l", "v"}};
    record.host_config.memory = 1 << 30;
    record.host_config.pids_limit = 5;
    record.host_config.restart_policy = {.name = "on-failure", .maximum_retry_count = 3};
    ContainerMount mount;
    mount.point = {.type = "bind", .source = "/a", .destination = "/b", .rw = true, .propagation = "rslave"};
    mount.options = {"rbind", "rslave", "rw"};
    mount.create_source = true;
    record.mounts = {mount};
  }
  ASSERT_TRUE(store_->insert(container));
  const std::string written = json::write(container->record());
  open();
  const ContainerRecord read = store_->find("full").value()->record();
  EXPECT_EQ(json::write(read), written);
  EXPECT_EQ(read.mounts[0].options, (std::vector<std::string>{"rbind", "rslave", "rw"}));
  EXPECT_TRUE(read.mounts[0].create_source);
}

TEST_F(Store, a_state_saved_later_is_on_disk_when_the_database_is_closed) {
  const ContainerPtr container = add(kFirst, "one");
  for (int i = 1; i <= 50; ++i) {
    container->details.lock()->state.exit_code = i;
    store_->save_state_later(*container);
  }
  open();
  EXPECT_EQ(store_->find("one").value()->state().exit_code, 50);
}

TEST_F(Store, a_name_belongs_to_one_container) {
  add(kFirst, "one");
  const auto taken = store_->reserve_name("one", ContainerId(kSecond));
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().kind(), ErrorKind::Conflict);
  EXPECT_EQ(taken.error().message(),
            "Conflict. The container name \"/one\" is already in use by container \"" + kFirst +
                "\". You have to remove (or rename) that container to be able to reuse that name.");
}

TEST_F(Store, a_released_name_is_free_again) {
  ASSERT_TRUE(store_->reserve_name("one", ContainerId(kFirst)));
  store_->release_name("one");
  EXPECT_TRUE(store_->reserve_name("one", ContainerId(kSecond)));
}

TEST_F(Store, of_many_who_want_a_name_one_gets_it) {
  std::atomic<int> winners{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&, i] {
      winners += store_->reserve_name("one", ContainerId("id" + std::to_string(i))).has_value();
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(winners, 1);
}

TEST_F(Store, rename_is_durable_and_frees_the_old_name) {
  const ContainerPtr container = add(kFirst, "one");
  const std::string name = store_->reserve_name("two", ContainerId(kFirst)).value();
  ASSERT_TRUE(store_->rename(*container, name));
  EXPECT_EQ(found("one"), "No such container: one");
  EXPECT_EQ(found("two"), "two");
  open();
  EXPECT_EQ(found("two"), "two");
  EXPECT_TRUE(store_->reserve_name("one", ContainerId(kSecond)));
}

TEST_F(Store, a_name_can_be_used_again_behind_a_queued_removal) {
  for (int i = 0; i < 20; ++i) {
    const std::string id = std::to_string(i) + std::string(62, 'c');
    const ContainerPtr container = add(id, "again");
    store_->hide(*container);
    store_->delete_row_later({.id = ContainerId(id), .removed_unix_s = to_unix_seconds(now())});
  }
  EXPECT_EQ(found("again"), "No such container: again");
}

TEST_F(Store, a_tombstone_answers_for_ten_minutes_by_full_id) {
  const ContainerPtr container = add(kFirst, "one");
  store_->hide(*container);
  const std::int64_t now_s = to_unix_seconds(now());
  ASSERT_TRUE(store_->delete_row({.id = ContainerId(kFirst), .exit_code = 7, .error = "", .removed_unix_s = now_s}));
  EXPECT_EQ(store_->find_tombstone(kFirst).value()->exit_code, 7);
  EXPECT_FALSE(store_->find_tombstone("aaaa").value());
  open();
  EXPECT_EQ(store_->find_tombstone(kFirst).value()->exit_code, 7);
  ASSERT_TRUE(store_->delete_row({.id = ContainerId(kSecond), .exit_code = 1, .error = "",
                                  .removed_unix_s = now_s - kTombstoneLifetime_s - 1}));
  EXPECT_FALSE(store_->find_tombstone(kSecond).value());
}

TEST_F(Store, an_unreadable_row_is_set_aside_and_keeps_its_name_and_files) {
  add(kFirst, "one");
  ASSERT_TRUE(database_->write([](metadata::Connection& connection) -> Result<> {
    return connection.execute("INSERT INTO container(id, name, record, state) VALUES(?, 'bad', '{', '{}')", {kSecond});
  }));
  open();
  EXPECT_EQ(found("one"), "one");
  EXPECT_EQ(found("bad"), "No such container: bad");
  EXPECT_FALSE(store_->reserve_name("bad", ContainerId("x")));
  EXPECT_TRUE(store_->has_row(ContainerId(kSecond)));
}

}  // namespace
}  // namespace wherry::engine
