#include "keeperd/log_writer.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <cerrno>
#include <utility>

namespace wherry::keeperd {
namespace {

constexpr int kThreads = 4;
constexpr std::chrono::milliseconds kSlowWrite{20};
constexpr std::chrono::seconds kSlowTime{60};

}  // namespace

struct LogWriter::Job {
  Action work;
  Action done;  // the loop's thread alone
  bool worked = false;  // under the writer's mutex
};

Result<std::unique_ptr<LogWriter>> LogWriter::create(io::Loop& loop, const Action& confine) {
  sys::Fd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake) return Error::from_errno(errno, "eventfd");
  std::unique_ptr<LogWriter> writer(new LogWriter(std::move(wake)));
  writer->watch_ = TRY(loop.watch(writer->wake_, EPOLLIN, [raw = writer.get()](std::uint32_t) { raw->tell_done(); }));
  for (int i = 0; i < kThreads; ++i)
    writer->threads_.emplace_back([raw = writer.get(), confine] {
      confine();
      raw->run();
    });
  return writer;
}

LogWriter::~LogWriter() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  posted_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void LogWriter::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    posted_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    const std::shared_ptr<Job> job = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    job->work();
    lock.lock();
    job->worked = true;
    done_.push_back(job);
    worked_.notify_all();
    static_cast<void>(::eventfd_write(wake_.get(), 1));
  }
}

std::shared_ptr<LogWriter::Job> LogWriter::post(Action work, Action done) {
  auto job = std::make_shared<Job>(Job{std::move(work), std::move(done)});
  {
    const std::scoped_lock lock(mutex_);
    waiting_.push_back(job);
  }
  posted_.notify_one();
  return job;
}

void LogWriter::tell_done() {
  eventfd_t count = 0;
  static_cast<void>(::eventfd_read(wake_.get(), &count));
  std::vector<std::shared_ptr<Job>> done;
  {
    const std::scoped_lock lock(mutex_);
    done.swap(done_);
  }
  for (const auto& job : done)
    if (const Action action = std::exchange(job->done, {})) action();
}

void LogWriter::finish(const std::shared_ptr<Job>& job) {
  {
    std::unique_lock lock(mutex_);
    worked_.wait(lock, [&] { return job->worked; });
  }
  if (const Action action = std::exchange(job->done, {})) action();
}

void LogWriter::cancel(const std::shared_ptr<Job>& job) { job->done = {}; }

void LogWriter::note(dev_t disk, io::Clock::duration write) {
  if (write < kSlowWrite) return;
  const std::scoped_lock lock(mutex_);
  slow_until_[disk] = io::Clock::now() + kSlowTime;
}

bool LogWriter::is_slow(dev_t disk) {
  const std::scoped_lock lock(mutex_);
  if (slow_until_.empty()) return false;
  const auto found = slow_until_.find(disk);
  if (found == slow_until_.end()) return false;
  if (io::Clock::now() < found->second) return true;
  slow_until_.erase(found);
  return false;
}

}  // namespace wherry::keeperd
