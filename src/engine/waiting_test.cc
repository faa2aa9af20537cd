// WaitList, Workers, ExecStore, OrphanReaper: who waits, who works, who is reaped; and the keys
// that detach whoever is attached.
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <future>
#include <thread>

#include "base/time.h"
#include "engine/exec_store.h"
#include "engine/lifecycle.h"
#include "engine/orphan_reaper.h"
#include "engine/wait_list.h"
#include "engine/workers.h"

namespace wherry::engine {
namespace {

using namespace std::chrono_literals;

TEST(WaitList, an_end_answers_all_but_those_who_wait_for_removal) {
  WaitList list;
  std::vector<std::string> answers;
  const auto note = [&](const char* who) {
    return [&, who](const WaitResult& result) { answers.push_back(who + std::to_string(result.status_code)); };
  };
  const auto first = list.add(WaitCondition::NotRunning, note("stopped"));
  const auto second = list.add(WaitCondition::NextExit, note("exit"));
  const auto third = list.add(WaitCondition::Removed, note("removed"));
  list.notify_stopped({.status_code = 3, .error = {}});
  EXPECT_EQ(answers, (std::vector<std::string>{"stopped3", "exit3"}));
  list.notify_stopped({.status_code = 4, .error = {}});
  EXPECT_EQ(answers.size(), 2U);
  list.notify_removed({.status_code = 3, .error = {}});
  EXPECT_EQ(answers.back(), "removed3");
}

TEST(WaitList, a_withdrawn_waiter_is_not_answered) {
  WaitList list;
  int answers = 0;
  list.add(WaitCondition::NotRunning, [&](const WaitResult&) { ++answers; }).reset();
  list.notify_stopped({});
  EXPECT_EQ(answers, 0);
}

TEST(WaitList, withdrawing_waits_for_the_answer_that_runs) {
  WaitList list;
  std::promise<void> entered;
  std::atomic<bool> left{false};
  auto subscription = list.add(WaitCondition::NotRunning, [&](const WaitResult&) {
    entered.set_value();
    std::this_thread::sleep_for(50ms);
    left = true;
  });
  std::thread notifier([&] { list.notify_stopped({}); });
  entered.get_future().wait();
  subscription.reset();
  EXPECT_TRUE(left);
  notifier.join();
}

TEST(WaitList, an_answer_may_drop_any_registration) {
  WaitList list;
  SubscriptionPtr other;
  int answers = 0;
  const auto first = list.add(WaitCondition::NotRunning, [&](const WaitResult&) {
    ++answers;
    other.reset();
  });
  other = list.add(WaitCondition::NotRunning, [&](const WaitResult&) { ++answers; });
  list.notify_stopped({});
  EXPECT_EQ(answers, 1);
}

TEST(Workers, everything_posted_is_done_before_drain_returns) {
  Workers workers(4);
  std::atomic<int> done{0};
  for (int i = 0; i < 100; ++i) workers.post([&] { ++done; });
  workers.drain();
  EXPECT_EQ(done, 100);
}

TEST(Workers, work_that_blocks_does_not_hold_up_the_rest) {
  Workers workers(4);
  std::promise<void> release;
  auto blocked = release.get_future().share();
  for (int i = 0; i < 3; ++i) workers.post([blocked] { blocked.wait(); });
  std::promise<void> ran;
  workers.post([&] { ran.set_value(); });
  EXPECT_EQ(ran.get_future().wait_for(5s), std::future_status::ready);
  release.set_value();
}

TEST(Workers, later_work_comes_in_the_order_of_its_times_and_is_dropped_at_the_end) {
  std::vector<int> order;
  std::mutex mutex;
  std::promise<void> second;
  bool never = false;
  {
    Workers workers(1);
    workers.post_after(1h, [&] { never = true; });
    workers.post_after(40ms, [&] {
      const std::lock_guard lock(mutex);
      order.push_back(2);
      second.set_value();
    });
    workers.post_after(5ms, [&] {
      const std::lock_guard lock(mutex);
      order.push_back(1);
    });
    ASSERT_EQ(second.get_future().wait_for(5s), std::future_status::ready);
  }
  EXPECT_EQ(order, (std::vector<int>{1, 2}));
  EXPECT_FALSE(never);
}

ExecPtr make_exec(const std::string& id, const std::string& container) {
  auto exec = std::make_shared<Exec>();
  exec->id = ExecId(id);
  exec->container = ContainerId(container);
  return exec;
}

TEST(ExecStore, lists_the_running_ones_of_a_container) {
  ExecStore store;
  const ExecPtr running = make_exec("a", "c");
  running->progress.lock()->phase = Exec::Phase::Running;
  store.insert(running);
  store.insert(make_exec("b", "c"));
  EXPECT_EQ(store.running_in(ContainerId("c")), (std::vector<std::string>{"a"}));
  store.remove_of(ContainerId("c"));
  const auto gone = store.find("a");
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().message(), "No such exec instance: a");
}

TEST(ExecStore, forgets_ended_ones_after_five_minutes) {
  ExecStore store;
  for (const auto& [id, age_s] : {std::pair{"old", 301}, std::pair{"new", 10}}) {
    const ExecPtr exec = make_exec(id, "c");
    exec->progress.lock()->phase = Exec::Phase::Ended;
    exec->progress.lock()->ended_unix_s = to_unix_seconds(now()) - age_s;
    store.insert(exec);
  }
  store.insert(make_exec("x", "c"));
  EXPECT_FALSE(store.find("old"));
  EXPECT_TRUE(store.find("new"));
}

TEST(OrphanReaper, reaps_a_child_and_tells_its_status) {
  std::promise<std::pair<pid_t, int>> reaped;
  auto reaper = OrphanReaper::create([&](pid_t pid, sys::ExitStatus status) {
                  reaped.set_value({pid, status.code});
                }).value();
  const pid_t child = ::fork();
  if (child == 0) ::_exit(42);
  ASSERT_GT(child, 0);
  reaper->watch(child, sys::Pidfd::open(child).value());
  auto future = reaped.get_future();
  ASSERT_EQ(future.wait_for(5s), std::future_status::ready);
  EXPECT_EQ(future.get(), (std::pair<pid_t, int>{child, 42}));
  EXPECT_LT(::waitpid(child, nullptr, WNOHANG), 0) << "it was not reaped";
}

TEST(OrphanReaper, ends_while_it_watches) {
  auto reaper = OrphanReaper::create([](pid_t, sys::ExitStatus) {}).value();
  const pid_t child = ::fork();
  if (child == 0) {
    ::pause();
    ::_exit(0);
  }
  reaper->watch(child, sys::Pidfd::open(child).value());
  reaper.reset();
  ::kill(child, SIGKILL);
  EXPECT_EQ(::waitpid(child, nullptr, 0), child);
}

TEST(DetachKeys, are_letters_and_control_keys) {
  EXPECT_EQ(parse_detach_keys("ctrl-p,ctrl-q").value(), "\x10\x11");
  EXPECT_EQ(parse_detach_keys("a,ctrl-[").value(), "a\x1b");
  EXPECT_EQ(parse_detach_keys("ctrl-@").value(), std::string(1, '\0'));
  EXPECT_EQ(parse_detach_keys("").value(), "");
  for (const char* bad : {"ctrl-", "ctrl-1", "shift-a", "ab", "a,", "ctrl-A"}) EXPECT_FALSE(parse_detach_keys(bad)) << bad;
}

}  // namespace
}  // namespace wherry::engine
