// What the methods of Images work on. Internal to image.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/guarded.h"
#include "image/catalog.h"
#include "image/committer.h"
#include "image/images.h"
#include "image/layer_works.h"
#include "image/pins.h"
#include "registry/client.h"
#include "snapshot/driver.h"

namespace wherry::image {

struct Images::Parts {
  Options options;
  Guarded<Hooks> hooks;
  std::unique_ptr<Catalog> catalog;
  std::shared_ptr<Pins> pins;
  Guarded<std::shared_ptr<registry::Client>> client;  // replaced by reconfigure()
  std::unique_ptr<Committer> committer;
  std::unique_ptr<LayerWorks> works;  // destroyed first: its jobs use the rest

  // The client of one operation from its begin to its end.
  [[nodiscard]] std::shared_ptr<registry::Client> registry() { return *client.lock(); }
  [[nodiscard]] content::Store& content() const { return *options.content; }
  [[nodiscard]] snapshot::Driver& snapshots() const { return *options.snapshots; }

  // An image whose layers, config and manifest are stored: counts its size, writes its record
  // and names. `names` that pointed elsewhere move.
  struct NewImage {
    ImageId id;
    std::string config_json;
    spec::ImageConfig config;
    Digest manifest;
    std::string manifest_type;
    std::vector<Layer> layers;
    std::vector<spec::Reference> names;
  };
  Result<> add(NewImage image);

  // Removes at once what only this removed image (and the digests of its names) needed.
  Result<> discard(const Record& record, const std::vector<Digest>& named);
  // Removes those that no image and no operation needs.
  Result<> discard_blobs(const std::vector<Digest>& blobs);
  // Unpacks missing layers again from their blobs.
  Result<> repair_layers(const Record& record);

  // A stored layer for this diff id with its blob, both there.
  [[nodiscard]] std::optional<Layer> stored_layer(const Digest& diff_id) const;
  void tell(std::string action, std::string id, const RecordPtr& record, std::string name);
};

// Waits for every job, telling `progress`; the first failure as soon as it happens, Cancelled
// when `stop` is requested.
class LayerProgress;
Result<> wait_for(LayerWorks& works, const std::vector<LayerWorks::Ticket>& tickets,
                  LayerProgress& progress, const std::stop_token& stop);

}  // namespace wherry::image
