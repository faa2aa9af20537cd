#include "image/committer.h"

#include <utility>

namespace wherry::image {

Result<> Committer::commit(std::optional<content::Ingest> blob, snapshot::FinishedLayer layer) {
  const auto entry = std::make_shared<Entry>();
  entry->blob = std::move(blob);
  entry->layer = std::move(layer);

  std::unique_lock lock(mutex_);
  waiting_.push_back(entry);
  while (!entry->outcome) {
    if (busy_) {
      done_.wait(lock);
      continue;
    }
    busy_ = true;
    auto batch = std::exchange(waiting_, {});
    lock.unlock();
    const Result<> outcome = commit_batch(batch);
    lock.lock();
    for (const auto& member : batch) member->outcome = outcome;
    busy_ = false;
    done_.notify_all();
  }
  return *entry->outcome;
}

Result<> Committer::commit_batch(std::vector<std::shared_ptr<Entry>>& batch) {
  std::vector<content::Ingest> blobs;
  std::vector<snapshot::FinishedLayer> layers;
  for (const auto& entry : batch) {
    if (entry->blob) blobs.push_back(*std::move(entry->blob));
    layers.push_back(std::move(entry->layer));
  }
  if (!blobs.empty()) TRY_AS("store blobs", content_.publish(blobs));
  return snapshots_.commit_layers(layers);
}

}  // namespace wherry::image
