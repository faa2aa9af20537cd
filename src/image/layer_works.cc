#include "image/layer_works.h"

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
    if (idle_ < queue_.size() && threads_.size() < maximum_jobs_)
      threads_.emplace_back([this] { work(); });
    queued_.notify_one();
  }
  ++entry.shares;
  return {*this, entry.job};
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
  while (true) {
    ++idle_;
    queued_.wait(lock, [this] { return closing_ || !queue_.empty(); });
    --idle_;
    if (closing_) return;
    const auto job = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    job->run(tools_);
    lock.lock();
  }
}

void LayerWorks::wait_change(std::uint64_t& seen, std::chrono::milliseconds at_most,
                             const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, stop, at_most, [&] { return generation_ != seen; });
  seen = generation_;
}

}  // namespace wherry::image
