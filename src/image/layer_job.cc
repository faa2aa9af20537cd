#include "image/layer_job.h"

#include <fmt/format.h>

#include <utility>

namespace wherry::image {
namespace {

// Writes the download into the blob's file and tells the extractor how far it may read.
class IngestSink : public registry::BlobSink {
 public:
  IngestSink(content::Ingest& ingest, archive::Unpacker& unpacker,
             std::atomic<std::uint64_t>& current)
      : ingest_(ingest), unpacker_(unpacker), current_(current) {}

  Result<> write(std::string_view bytes) override {
    TRY(ingest_.write(bytes));
    current_.store(ingest_.offset(), std::memory_order_relaxed);
    unpacker_.available(ingest_.offset());
    return {};
  }

 private:
  content::Ingest& ingest_;
  archive::Unpacker& unpacker_;
  std::atomic<std::uint64_t>& current_;
};

}  // namespace

void LayerJob::enter(Phase phase) {
  phase_.store(phase, std::memory_order_release);
  changed_();
}

void LayerJob::run(const LayerTools& tools) {
  result_ = work(tools);
  enter(*result_ ? Phase::Done : Phase::Failed);
}

Result<archive::Unpacker> LayerJob::start_unpacker(const LayerTools& tools,
                                                   const snapshot::Draft& draft,
                                                   const std::optional<content::Ingest>& ingest) {
  archive::UnpackRequest request{.target = &draft.target()};
  if (ingest) {
    request.input = TRY(ingest->open_partial());
    request.kind = archive::Input::Growing;
  } else {
    request.input = TRY(tools.content->open_blob(task_.blob));
  }
  return archive::Unpacker::start(tools.unpack_program, std::move(request));
}

Result<> LayerJob::download(content::Ingest& ingest, archive::Unpacker& unpacker) {
  IngestSink sink(ingest, unpacker, current_);
  current_ = ingest.offset();
  if (ingest.offset() > 0) unpacker.available(ingest.offset());
  return task_.fetch(ingest.offset(), sink, stop_.get_token());
}

Result<std::uint64_t> LayerJob::work(const LayerTools& tools) {
  const std::stop_token stop = stop_.get_token();
  auto ingest = TRY(tools.content->begin({.digest = task_.blob, .size = task_.size}, stop));
  if (ingest && !task_.fetch)
    return Error::internal(fmt::format("blob {} is not in the store", task_.blob.str()));

  auto draft = TRY(tools.snapshots->begin_layer());
  auto unpacker = TRY(start_unpacker(tools, *draft, ingest));
  if (ingest) {
    downloads_.store(true, std::memory_order_release);
    enter(Phase::Downloading);
    TRY(download(*ingest, unpacker));
    enter(Phase::Verifying);
    TRY(ingest->finish());
    TRY(unpacker.complete(task_.size));
  }
  enter(Phase::Downloaded);
  enter(Phase::Extracting);
  auto unpacked = unpacker.wait(stop);
  // What was cancelled goes on with these bytes; what cannot be unpacked gives its space back.
  if (!unpacked && ingest && unpacked.error().kind() != ErrorKind::Cancelled)
    TRY(ingest->restart());
  archive::ExtractStats stats = TRY_AS("unpack layer " + task_.blob.short_form(), std::move(unpacked));
  if (stats.diff_id != task_.diff_id)
    return Error::invalid(fmt::format("layer {}: its config says diff id {}, its content is {}",
                                      task_.blob.str(), task_.diff_id.str(),
                                      stats.diff_id.str()));
  enter(Phase::Committing);
  const std::uint64_t bytes = stats.content_bytes;
  TRY_AS("commit layer " + task_.blob.short_form(),
         tools.committer->commit(std::move(ingest), {std::move(draft), std::move(stats)}));
  return bytes;
}

}  // namespace wherry::image
