#include "content/store.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "archive/testing.h"

namespace wherry::content {
namespace {

using archive::testing::TemporaryDirectory;

class StoreTest : public testing::Test {
 protected:
  std::unique_ptr<Store> open() const {
    auto store = Store::open(directory_.path());
    EXPECT_TRUE(store);
    return std::move(*store);
  }
  static Ingest begin(Store& store, const Digest& digest,
                      std::optional<std::uint64_t> size = std::nullopt) {
    auto ingest = store.begin({digest, size}, {});
    EXPECT_TRUE(ingest && *ingest);
    return std::move(**ingest);
  }
  [[nodiscard]] std::string blob_path(const Digest& digest) const {
    return directory_ / ("blobs/sha256/" + std::string(digest.hex()));
  }
  [[nodiscard]] std::string partial_path(const Digest& digest) const {
    return directory_ / ("ingest/" + std::string(digest.hex()));
  }

  TemporaryDirectory directory_;
  const std::string text_ = std::string(10'000, 'a') + "end";
  const Digest digest_ = archive::Sha256::of(text_);
};

TEST_F(StoreTest, a_published_blob_is_read_back) {
  auto store = open();
  EXPECT_EQ(*store->put(text_), digest_);
  EXPECT_TRUE(store->has(digest_));
  EXPECT_EQ(*store->read_small(digest_, 1 << 20), text_);
  EXPECT_EQ(store->info(digest_)->size, text_.size());
  EXPECT_EQ(store->list()->size(), 1u);
  EXPECT_TRUE(*open()->verify(digest_));
}

TEST_F(StoreTest, nothing_is_visible_before_publish) {
  auto store = open();
  auto ingest = begin(*store, digest_);
  ASSERT_TRUE(ingest.write(text_));
  ASSERT_TRUE(ingest.finish());
  EXPECT_FALSE(store->has(digest_));
  ASSERT_TRUE(store->publish(std::span(&ingest, 1)));
  EXPECT_TRUE(store->has(digest_));
}

TEST_F(StoreTest, several_ingests_are_published_together) {
  auto store = open();
  std::vector<Ingest> ingests;
  for (const std::string text : {"one", "two", "three"}) {
    ingests.push_back(begin(*store, archive::Sha256::of(text), text.size()));
    ASSERT_TRUE(ingests.back().write(text));
    ASSERT_TRUE(ingests.back().finish());
  }
  ASSERT_TRUE(store->publish(ingests));
  EXPECT_EQ(store->list()->size(), 3u);
}

TEST_F(StoreTest, commit_rejects_a_blob_whose_digest_differs) {
  auto store = open();
  {
    auto ingest = begin(*store, digest_);
    ASSERT_TRUE(ingest.write("something else"));
    const auto outcome = ingest.finish();
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().kind(), ErrorKind::InvalidArgument);
    EXPECT_NE(outcome.error().message().find(digest_.str()), std::string::npos);
  }
  EXPECT_FALSE(store->has(digest_));
  EXPECT_FALSE(std::filesystem::exists(partial_path(digest_)));
  EXPECT_TRUE(store->put(text_));  // a retry with the right bytes succeeds
}

TEST_F(StoreTest, commit_rejects_a_wrong_size) {
  auto store = open();
  auto ingest = begin(*store, digest_, text_.size() + 1);
  ASSERT_TRUE(ingest.write(text_));
  const auto outcome = ingest.finish();
  ASSERT_FALSE(outcome);
  EXPECT_NE(outcome.error().message().find("expected 10004"), std::string::npos);
}

TEST_F(StoreTest, more_bytes_than_expected_are_refused_at_once) {
  auto store = open();
  {
    auto ingest = begin(*store, digest_, 10);
    ASSERT_TRUE(ingest.write("0123456789"));
    EXPECT_FALSE(ingest.write("x"));
    EXPECT_EQ(ingest.offset(), 0u);
  }
  EXPECT_FALSE(std::filesystem::exists(partial_path(digest_)));
}

TEST_F(StoreTest, an_interrupted_ingest_resumes_where_it_stopped) {
  {
    ASSERT_TRUE(begin(*open(), digest_).write(text_.substr(0, 4000)));
  }
  auto store = open();
  auto ingest = begin(*store, digest_, text_.size());
  EXPECT_EQ(ingest.offset(), 4000u);
  ASSERT_TRUE(ingest.write(text_.substr(4000)));
  ASSERT_TRUE(ingest.finish());
  ASSERT_TRUE(store->publish(std::span(&ingest, 1)));
  EXPECT_EQ(*store->read_small(digest_, 1 << 20), text_);
}

TEST_F(StoreTest, damaged_partial_bytes_are_found_and_dropped) {
  {
    ASSERT_TRUE(begin(*open(), digest_).write(std::string(4000, '\0')));
  }
  auto store = open();
  {
    auto ingest = begin(*store, digest_, text_.size());
    ASSERT_TRUE(ingest.write(text_.substr(4000)));
    EXPECT_FALSE(ingest.finish());
  }
  EXPECT_EQ(begin(*store, digest_, text_.size()).offset(), 0u);
}

TEST_F(StoreTest, a_partial_file_that_is_too_long_starts_anew) {
  {
    ASSERT_TRUE(begin(*open(), digest_).write(text_ + "more"));
  }
  EXPECT_EQ(begin(*open(), digest_, text_.size()).offset(), 0u);
}

TEST_F(StoreTest, restart_drops_what_is_there) {
  auto store = open();
  auto ingest = begin(*store, digest_);
  ASSERT_TRUE(ingest.write("wrong"));
  ASSERT_TRUE(ingest.restart());
  ASSERT_TRUE(ingest.write(text_));
  EXPECT_TRUE(ingest.finish());
}

TEST_F(StoreTest, open_partial_reads_from_the_start_while_it_grows) {
  auto store = open();
  auto ingest = begin(*store, digest_);
  ASSERT_TRUE(ingest.write("abc"));
  const auto reader = ingest.open_partial();
  ASSERT_TRUE(reader);
  EXPECT_EQ(*sys::read_all(*reader, 100), "abc");
  ASSERT_TRUE(ingest.write("def"));
  EXPECT_EQ(*sys::read_all(*reader, 100), "def");
}

TEST_F(StoreTest, a_second_writer_waits_and_finds_the_blob) {
  auto store = open();
  auto first = std::make_unique<Ingest>(begin(*store, digest_));
  std::atomic<bool> second_returned = false;
  std::thread second([&] {
    auto ingest = store->begin({digest_, std::nullopt}, {});
    second_returned = true;
    EXPECT_TRUE(ingest && !*ingest);
  });
  ASSERT_TRUE(first->write(text_));
  ASSERT_TRUE(first->finish());
  EXPECT_FALSE(second_returned);
  ASSERT_TRUE(store->publish(std::span(first.get(), 1)));
  first.reset();
  second.join();
  EXPECT_TRUE(second_returned);
}

TEST_F(StoreTest, a_waiting_writer_can_be_cancelled) {
  auto store = open();
  const auto first = begin(*store, digest_);
  std::stop_source stop;
  std::thread second([&] {
    const auto ingest = store->begin({digest_, std::nullopt}, stop.get_token());
    EXPECT_FALSE(ingest);
    EXPECT_EQ(ingest.error().kind(), ErrorKind::Cancelled);
  });
  stop.request_stop();
  second.join();
}

TEST_F(StoreTest, damage_is_found_on_read) {
  auto store = open();
  ASSERT_TRUE(store->put(text_));
  const auto file = sys::open_at({}, blob_path(digest_).c_str(), O_WRONLY);
  ASSERT_EQ(::pwrite(file->get(), "b", 1, 77), 1);
  EXPECT_FALSE(*store->verify(digest_));
  const auto bytes = store->read_small(digest_, 1 << 20);
  ASSERT_FALSE(bytes);
  EXPECT_NE(bytes.error().message().find("is damaged"), std::string::npos);
}

TEST_F(StoreTest, read_small_has_a_limit) {
  auto store = open();
  ASSERT_TRUE(store->put(text_));
  EXPECT_FALSE(store->read_small(digest_, 100));
}

TEST_F(StoreTest, a_missing_blob_is_not_found_and_its_removal_is_success) {
  auto store = open();
  EXPECT_EQ(store->open_blob(digest_).error().kind(), ErrorKind::NotFound);
  EXPECT_TRUE(store->remove(digest_));
  ASSERT_TRUE(store->put(text_));
  ASSERT_TRUE(store->remove(digest_));
  EXPECT_FALSE(store->has(digest_));
}

TEST_F(StoreTest, old_partials_are_removed_but_not_one_in_use) {
  auto store = open();
  const Digest other = archive::Sha256::of("other");
  {
    ASSERT_TRUE(begin(*store, other).write("oth"));
  }
  auto ingest = begin(*store, digest_);
  ASSERT_TRUE(ingest.write("abc"));
  EXPECT_EQ(*store->remove_partials(INT64_MAX), 3u);
  EXPECT_FALSE(std::filesystem::exists(partial_path(other)));
  EXPECT_TRUE(std::filesystem::exists(partial_path(digest_)));
}

TEST_F(StoreTest, files_and_directories_are_private) {
  auto store = open();
  ASSERT_TRUE(store->put(text_));
  const auto mode_of = [](const std::string& path) {
    struct stat status{};
    EXPECT_EQ(::stat(path.c_str(), &status), 0);
    return status.st_mode & 0777;
  };
  EXPECT_EQ(mode_of(directory_ / "blobs"), 0700u);
  EXPECT_EQ(mode_of(directory_ / "blobs/sha256"), 0700u);
  EXPECT_EQ(mode_of(directory_ / "ingest"), 0700u);
  EXPECT_EQ(mode_of(blob_path(digest_)), 0600u);
}

// Kills a writer at a random moment, many times: the blob is absent or whole, and a new
// writer always gets it done.
TEST_F(StoreTest, kill_9_leaves_no_half_blob) {
  const std::string big(300'000, 'k');
  const Digest digest = archive::Sha256::of(big);
  const auto seed = static_cast<unsigned>(::getpid());
  SCOPED_TRACE(::testing::Message() << "seed " << seed);
  std::srand(seed);
  for (int round = 0; round < 20; ++round) {
    const pid_t child = ::fork();
    if (child == 0) {
      auto store = Store::open(directory_.path());
      for (;;) {
        auto ingest = (*store)->begin({digest, big.size()}, {});
        if (!*ingest) {
          (void)(*store)->remove(digest);
          continue;
        }
        while ((*ingest)->offset() < big.size())
          (void)(*ingest)->write(std::string_view(big).substr((*ingest)->offset(), 1000));
        if ((*ingest)->finish()) (void)(*store)->publish(std::span(&**ingest, 1));
      }
    }
    ::usleep(static_cast<useconds_t>(500 + std::rand() % 4000));  // the moment is the test's input
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    auto store = open();
    EXPECT_TRUE(!store->has(digest) || *store->verify(digest));
  }
  auto store = open();
  ASSERT_TRUE(store->remove(digest));
  ASSERT_TRUE(store->put(big));
  EXPECT_TRUE(*store->verify(digest));
}

}  // namespace
}  // namespace wherry::content
