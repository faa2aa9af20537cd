#include "io/loop.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <optional>
#include <string>

namespace wherry::io {
namespace {

using std::chrono::milliseconds;

class LoopTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto loop = Loop::create();
    ASSERT_TRUE(loop.has_value());
    loop_ = std::move(*loop);
    auto pipe = sys::make_pipe(O_NONBLOCK);
    ASSERT_TRUE(pipe.has_value());
    pipe_ = std::move(*pipe);
  }
  void fill() { ASSERT_EQ(::write(pipe_.write_end.get(), "x", 1), 1); }
  void turn() { ASSERT_TRUE(loop_->run_once(milliseconds(0)).has_value()); }

  std::unique_ptr<Loop> loop_;
  sys::Pipe pipe_;
};

TEST_F(LoopTest, reports_a_readable_descriptor_as_long_as_it_is_readable) {
  int calls = 0;
  const auto watch = loop_->watch(pipe_.read_end, EPOLLIN, [&](std::uint32_t) { ++calls; });
  ASSERT_TRUE(watch.has_value());
  turn();
  EXPECT_EQ(calls, 0);
  fill();
  turn();
  turn();
  EXPECT_EQ(calls, 2);
}

TEST_F(LoopTest, a_handler_may_end_its_own_watch) {
  std::optional<Watch> watch;
  int calls = 0;
  auto made = loop_->watch(pipe_.read_end, EPOLLIN, [&](std::uint32_t) {
    ++calls;
    watch.reset();
  });
  ASSERT_TRUE(made.has_value());
  watch = std::move(*made);
  fill();
  turn();
  turn();
  EXPECT_EQ(calls, 1);
}

TEST_F(LoopTest, a_removed_watch_gets_no_event_of_the_same_turn) {
  auto other = sys::make_pipe();
  ASSERT_TRUE(other.has_value());
  ASSERT_EQ(::write(other->write_end.get(), "x", 1), 1);
  fill();
  std::array<std::optional<Watch>, 2> watches;
  int calls = 0;
  for (std::size_t i = 0; i < 2; ++i) {
    auto made = loop_->watch(i == 0 ? pipe_.read_end : other->read_end, EPOLLIN, [&](std::uint32_t) {
      ++calls;
      watches[0].reset();
      watches[1].reset();
    });
    ASSERT_TRUE(made.has_value());
    watches[i] = std::move(*made);
  }
  turn();
  EXPECT_EQ(calls, 1);
}

TEST_F(LoopTest, a_suspended_watch_does_not_see_a_hang_up) {
  int calls = 0;
  auto watch = loop_->watch(pipe_.read_end, 0, [&](std::uint32_t) { ++calls; });
  ASSERT_TRUE(watch.has_value());
  pipe_.write_end.reset();
  watch->suspend();
  turn();
  EXPECT_EQ(calls, 0);
  watch->set_events(0);
  turn();
  EXPECT_EQ(calls, 1);
}

TEST_F(LoopTest, timers_run_in_the_order_of_their_deadlines) {
  std::string order;
  const Clock::time_point now = Clock::now();
  const Timer second = loop_->at(now - milliseconds(1), [&] { order += '2'; });
  const Timer first = loop_->at(now - milliseconds(2), [&] { order += '1'; });
  const Timer later = loop_->at(now + milliseconds(60'000), [&] { order += '3'; });
  turn();
  EXPECT_EQ(order, "12");
}

TEST_F(LoopTest, a_cancelled_timer_does_not_run) {
  bool ran = false;
  Timer timer = loop_->after(milliseconds(0), [&] { ran = true; });
  timer.reset();
  turn();
  EXPECT_FALSE(ran);
}

TEST_F(LoopTest, a_timer_ends_the_wait) {
  bool ran = false;
  const Timer timer = loop_->after(milliseconds(2), [&] { ran = true; });
  ASSERT_TRUE(loop_->run_once(milliseconds(-1)).has_value());
  EXPECT_TRUE(ran);
}

TEST_F(LoopTest, deferred_actions_run_after_the_turn_and_may_defer_again) {
  std::string order;
  loop_->defer([&] {
    order += 'a';
    loop_->defer([&] { order += 'b'; });
  });
  EXPECT_EQ(order, "");
  turn();
  EXPECT_EQ(order, "a");
  turn();
  EXPECT_EQ(order, "ab");
}

TEST_F(LoopTest, stop_ends_run) {
  const Timer timer = loop_->after(milliseconds(0), [&] { loop_->stop(); });
  EXPECT_TRUE(loop_->run().has_value());
}

}  // namespace
}  // namespace wherry::io
