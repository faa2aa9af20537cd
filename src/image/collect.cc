// Images: what is removed when nothing needs it, and repaired when a crash damaged it.
#include <fmt/format.h>

#include "base/log.h"
#include "image/images_parts.h"
#include "image/layer_progress.h"

namespace wherry::image {
namespace {

// Blobs and partial downloads that no image needs are kept this long, so that an interrupted
// pull goes on where it stopped.
constexpr std::int64_t kKeepUnused_s = 24 * 3600;

// Runs `remove` if neither an operation nor an image needs `digest`.
template <class Remove>
Result<bool> retire(Images::Parts& parts, const Digest& digest, Remove remove) {
  if (!parts.pins->begin_retire(digest)) return false;
  Result<bool> outcome = false;
  // Asked after the right to retire was won: from here on nobody can begin to need it.
  if (!parts.catalog->needs(digest)) {
    const Result<> removed = remove();
    if (removed) outcome = true;
    else if (removed.error().kind() != ErrorKind::Conflict) outcome = std::unexpected(removed.error());
  }
  parts.pins->end_retire(digest);
  return outcome;
}

}  // namespace

Result<std::uint64_t> Images::collect() {
  std::uint64_t freed = 0;
  for (const snapshot::LayerInfo& layer : TRY(parts_->snapshots().layers())) {
    const auto remove = [&] { return parts_->snapshots().remove_layer(layer.diff_id); };
    if (TRY(retire(*parts_, layer.diff_id, remove))) freed += layer.content_bytes;
  }
  const std::int64_t oldest = to_unix_seconds(now()) - kKeepUnused_s;
  for (const content::BlobInfo& blob : TRY(parts_->content().list())) {
    if (blob.modified_unix_seconds > oldest) continue;
    const auto remove = [&] { return parts_->content().remove(blob.digest); };
    if (TRY(retire(*parts_, blob.digest, remove))) freed += blob.size;
  }
  return freed + TRY(parts_->content().remove_partials(oldest));
}

Result<> Images::Parts::discard(const Record& record, const std::vector<Digest>& named) {
  std::vector<Digest> blobs{record.id};
  if (!record.manifest.empty()) blobs.push_back(record.manifest);
  blobs.insert(blobs.end(), named.begin(), named.end());
  for (const Layer& layer : record.layers) {
    // The trash directory may have to grow by a block.
    const auto remove = [&] { return snapshots().remove_layer(layer.diff_id); };
    TRY(retire(*this, layer.diff_id, [&] { return options.database->with_reserve(remove); }));
    blobs.push_back(layer.blob);
  }
  return discard_blobs(blobs);
}

Result<> Images::Parts::discard_blobs(const std::vector<Digest>& blobs) {
  for (const Digest& blob : blobs)
    TRY(retire(*this, blob, [&] { return content().remove(blob); }));
  return {};
}

Result<> Images::Parts::repair_layers(const Record& record) {
  const auto hold = pins->hold(record.needs());
  std::vector<LayerWorks::Ticket> tickets;
  for (const Layer& layer : record.layers) {
    if (TRY(snapshots().layer(layer.diff_id))) continue;
    if (!TRY(content().verify(layer.blob)))
      return Error::internal(fmt::format("blob {} is damaged", layer.blob.str()));
    tickets.push_back(works->join({layer.blob, layer.blob_size, layer.diff_id, {}}));
  }
  struct Silence : ProgressSink {
    void emit(const spec::ProgressMessage& /*message*/) override {}
  } silence;
  LayerProgress progress(silence);
  return wait_for(*works, tickets, progress, {});
}

Result<> Images::repair() {
  for (const RecordPtr& record : parts_->catalog->all()) {
    auto repaired = parts_->repair_layers(*record);
    if (repaired) continue;
    log::warning("image {} is dropped, pull it again: {}", record->id.str(),
                 repaired.error().message());
    for (const Layer& layer : record->layers) {
      const auto sound = parts_->content().verify(layer.blob);
      if (!sound || !*sound) TRY(parts_->content().remove(layer.blob));
    }
    TRY(parts_->catalog->remove(record->id));
  }
  return {};
}

}  // namespace wherry::image
