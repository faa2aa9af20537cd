#include "http/workers.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

namespace wherry::http {
namespace {

TEST(Workers, run_all_that_was_submitted_before_they_end) {
  std::atomic<int> count = 0;
  {
    Workers workers({.quick_threads = 3, .quick_queue = 1000, .long_threads = 1});
    for (int i = 0; i < 500; ++i) ASSERT_TRUE(workers.submit(Lane::Quick, [&] { ++count; }));
  }
  EXPECT_EQ(count, 500);
}

TEST(Workers, refuse_long_work_when_all_threads_wait_and_still_run_quick_work) {
  std::promise<void> gate;
  const std::shared_future<void> open = gate.get_future().share();
  std::promise<void> quick_ran;
  Workers workers({.quick_threads = 1, .quick_queue = 1, .long_threads = 2});
  EXPECT_TRUE(workers.submit(Lane::Long, [open] { open.wait(); }));
  EXPECT_TRUE(workers.submit(Lane::Long, [open] { open.wait(); }));
  EXPECT_FALSE(workers.submit(Lane::Long, [] {}));
  EXPECT_TRUE(workers.submit(Lane::Quick, [&] { quick_ran.set_value(); }));
  quick_ran.get_future().wait();
  gate.set_value();
}

TEST(Workers, refuse_quick_work_when_the_queue_is_full) {
  std::promise<void> gate;
  const std::shared_future<void> open = gate.get_future().share();
  std::promise<void> started;
  Workers workers({.quick_threads = 1, .quick_queue = 1, .long_threads = 1});
  EXPECT_TRUE(workers.submit(Lane::Quick, [&, open] {
    started.set_value();
    open.wait();
  }));
  started.get_future().wait();
  EXPECT_TRUE(workers.submit(Lane::Quick, [] {}));
  EXPECT_FALSE(workers.submit(Lane::Quick, [] {}));
  gate.set_value();
}

}  // namespace
}  // namespace wherry::http
