// LayerJob: one layer on its way in: download, check, unpack, commit, as one stream. Several
// pulls of the same blob share one job (layer_works.h).
//
//   Waiting -> Downloading -> Verifying -> Downloaded -> Extracting -> Committing -> Done
// A phase is never left for an earlier one; Failed may follow any.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "base/result.h"
#include "content/store.h"
#include "image/committer.h"
#include "registry/client.h"
#include "snapshot/driver.h"

namespace wherry::image {

// Brings the bytes of a blob from `offset` on; runs in the job's thread.
using Fetch =
    std::function<Result<>(std::uint64_t offset, registry::BlobSink& sink, std::stop_token stop)>;

struct LayerTask {
  Digest blob;
  std::uint64_t size = 0;
  Digest diff_id;
  Fetch fetch;  // empty: the blob is in the store already
};

enum class Phase : std::uint8_t {
  Waiting,
  Downloading,
  Verifying,
  Downloaded,
  Extracting,
  Committing,
  Done,
  Failed,
};

// What a job works with; all outlive it.
struct LayerTools {
  content::Store* content = nullptr;
  snapshot::Driver* snapshots = nullptr;
  Committer* committer = nullptr;
  std::string unpack_program;
};

class LayerJob {
 public:
  LayerJob(LayerTask task, std::function<void()> changed)
      : task_(std::move(task)), changed_(std::move(changed)) {}

  [[nodiscard]] const LayerTask& task() const { return task_; }
  [[nodiscard]] Phase phase() const { return phase_.load(std::memory_order_acquire); }
  // Bytes downloaded, or taken from the blob by the extractor, by phase.
  [[nodiscard]] std::uint64_t current() const { return current_.load(std::memory_order_relaxed); }
  // False as long as, and if in the end, the blob was in the store.
  [[nodiscard]] bool downloads() const { return downloads_.load(std::memory_order_acquire); }
  [[nodiscard]] bool over() const { return phase() == Phase::Done || phase() == Phase::Failed; }
  // Of a job that is over: how many bytes its layer's files have, or why it failed.
  [[nodiscard]] const Result<std::uint64_t>& result() const { return *result_; }

  void request_stop() { stop_.request_stop(); }
  // All of the work, in the calling thread.
  void run(const LayerTools& tools);

 private:
  Result<std::uint64_t> work(const LayerTools& tools);
  Result<> download(content::Ingest& ingest, archive::Unpacker& unpacker);
  Result<archive::Unpacker> start_unpacker(const LayerTools& tools, const snapshot::Draft& draft,
                                           const std::optional<content::Ingest>& ingest);
  void enter(Phase phase);

  const LayerTask task_;
  const std::function<void()> changed_;
  std::stop_source stop_;
  std::atomic<Phase> phase_ = Phase::Waiting;
  std::atomic<std::uint64_t> current_ = 0;
  std::atomic<bool> downloads_ = false;
  std::optional<Result<std::uint64_t>> result_;
};

}  // namespace wherry::image
