// Committer: makes finished blobs and layers durable, several at a time: who comes while a
// commit is under way is taken by the next one, so that 11 layers cost a few syncfs(2), most
// of them while other layers are still being unpacked. Safe from any thread.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "base/result.h"
#include "content/store.h"
#include "snapshot/driver.h"

namespace wherry::image {

class Committer {
 public:
  Committer(content::Store& content, snapshot::Driver& snapshots)
      : content_(content), snapshots_(snapshots) {}

  // Blocks until blob (if any: one that was in the store is durable already) and layer are on
  // disk and visible.
  Result<> commit(std::optional<content::Ingest> blob, snapshot::FinishedLayer layer);

 private:
  struct Entry {
    std::optional<content::Ingest> blob;
    snapshot::FinishedLayer layer;
    std::optional<Result<>> outcome;
  };
  Result<> commit_batch(std::vector<std::shared_ptr<Entry>>& batch);

  content::Store& content_;
  snapshot::Driver& snapshots_;
  std::mutex mutex_;
  std::condition_variable done_;
  std::vector<std::shared_ptr<Entry>> waiting_;
  bool busy_ = false;
};

}  // namespace wherry::image
