// LayerWorks: runs layer jobs, all layers of all pulls in parallel up to a limit, each blob
// once at a time. Safe from any thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

#include "image/layer_job.h"

namespace wherry::image {

class LayerWorks {
 public:
  LayerWorks(LayerTools tools, std::size_t maximum_jobs);
  ~LayerWorks();  // stops every job

  // A share in a job. The last one that goes while the job runs stops it: what it downloaded
  // stays on disk and is resumed by the next.
  class Ticket {
   public:
    Ticket(LayerWorks& works, std::shared_ptr<LayerJob> job);
    Ticket(Ticket&&) noexcept = default;
    Ticket& operator=(Ticket&&) = delete;
    ~Ticket();
    [[nodiscard]] const LayerJob& job() const { return *job_; }

   private:
    LayerWorks* works_;
    std::shared_ptr<LayerJob> job_;
  };

  // At most this many jobs run from now on; those that run already end as they would.
  void set_maximum_jobs(std::size_t maximum_jobs);

  // Joins the job under way for this blob and diff id, or starts one.
  Ticket join(LayerTask task);

  // Blocks until some job entered a new phase since `seen` (which is updated), until `at_most`
  // is over, or until `stop`.
  void wait_change(std::uint64_t& seen, std::chrono::milliseconds at_most,
                   const std::stop_token& stop);

 private:
  using Key = std::pair<Digest, Digest>;
  struct Entry {
    std::shared_ptr<LayerJob> job;
    std::size_t shares = 0;
  };
  void add_threads();
  void leave(const std::shared_ptr<LayerJob>& job);
  void work();
  void notify();

  const LayerTools tools_;
  std::mutex mutex_;  // guards what follows
  std::size_t maximum_jobs_;
  std::size_t running_ = 0;
  std::condition_variable queued_;
  std::condition_variable_any changed_;
  std::uint64_t generation_ = 0;
  std::map<Key, Entry> jobs_;
  std::deque<std::shared_ptr<LayerJob>> queue_;
  std::vector<std::thread> threads_;
  std::size_t idle_ = 0;
  bool closing_ = false;
};

}  // namespace wherry::image
