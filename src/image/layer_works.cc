#include "image/layer_works.h"

#include <algorithm>
#include <utility>

namespace wherry::image {

LayerWorks::LayerWorks(LayerTools tools, std::size_t maximum_jobs)
    : tools_(std::move(tools)), maximum_jobs_(maximum_jobs == 0 ? 1 : maximum_jobs) {}

LayerWorks::~LayerWorks() {
  {
    std::lock_guard lock(mutex_);
    closing_ = true;
    for (const auto& [key, entry] : jobs_) entry.job->request_stop();
    queued_.notify_all();
  }
  for (std::thread& thread : threads_) thread.join();
}

LayerWorks::Ticket::Ticket(LayerWorks& works, std::shared_ptr<LayerJob> job)
    : works_(&works), job_(std::move(job)) {}

LayerWorks::Ticket::~Ticket() {
  if (job_) works_->leave(job_);
}

LayerWorks::Ticket LayerWorks::join(LayerTask task) {
  const Key key{task.blob, task.diff_id};
  std::lock_guard lock(mutex_);
  Entry& entry = jobs_[key];
  // A job that is over but still shared is not joined: its result may be a failure.
  if (!entry.job || entry.job->over()) {
    entry = {std::make_shared<LayerJob>(std::move(task), [this] { notify(); })};
    queue_.push_back(entry.job);
    add_threads();
    queued_.notify_one();
  }
  ++entry.shares;
  return {*this, entry.job};
}

// As many as the queue could use, up to the limit; the caller holds the lock.
void LayerWorks::add_threads() {
  const std::size_t wanted = std::min(threads_.size() - idle_ + queue_.size(), maximum_jobs_);
  while (threads_.size() < wanted) {
    ++idle_;
    threads_.emplace_back([this] { work(); });
  }
}

void LayerWorks::set_maximum_jobs(std::size_t maximum_jobs) {
  std::lock_guard lock(mutex_);
  maximum_jobs_ = maximum_jobs == 0 ? 1 : maximum_jobs;
  add_threads();
  queued_.notify_all();
}

void LayerWorks::leave(const std::shared_ptr<LayerJob>& job) {
  std::lock_guard lock(mutex_);
  const auto found = jobs_.find({job->task().blob, job->task().diff_id});
  if (found == jobs_.end() || found->second.job != job) return;  // replaced after its end
  if (--found->second.shares > 0) return;
  job->request_stop();
  jobs_.erase(found);
}

void LayerWorks::notify() {
  std::lock_guard lock(mutex_);
  ++generation_;
  changed_.notify_all();
}

void LayerWorks::work() {
  std::unique_lock lock(mutex_);
  while (true) {  // the thread counts as idle when it is made
    queued_.wait(lock, [this] {
      return closing_ || (!queue_.empty() && running_ < maximum_jobs_);
    });
    --idle_;
    if (closing_) return;
    const auto job = std::move(queue_.front());
    queue_.pop_front();
    ++running_;
    lock.unlock();
    job->run(tools_);
    lock.lock();
    --running_;
    ++idle_;
    // One that waited for the limit may go on, and this thread does not serve the whole queue.
    queued_.notify_one();
  }
}

void LayerWorks::wait_change(std::uint64_t& seen, std::chrono::milliseconds at_most,
                             const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, stop, at_most, [&] { return generation_ != seen; });
  seen = generation_;
}

}  // namespace wherry::image
