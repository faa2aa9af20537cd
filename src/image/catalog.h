// Catalog: which images there are and what they are called. Held in memory, so that resolving a
// name costs no I/O, and written through to the database. Records are immutable: a change
// is a new record. Safe from any thread; the one writer of the image tables.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/guarded.h"
#include "base/result.h"
#include "base/time.h"
#include "content/store.h"
#include "image/images.h"
#include "metadata/database.h"
#include "spec/oci_image.h"
#include "spec/reference.h"

namespace wherry::image {

struct Layer {
  Digest diff_id;
  Digest blob;  // as stored, compressed or not
  std::uint64_t blob_size = 0;
  std::string media_type;
};

struct Record {
  ImageId id;
  // The manifest that lists exactly `layers`; empty for an image of another origin.
  Digest manifest;
  std::string manifest_type;
  std::optional<ImageId> parent;
  std::uint64_t size = 0;  // bytes of the unpacked layers
  std::optional<Instant> tagged;
  std::vector<Layer> layers;
  spec::ImageConfig config;
  std::string config_json;

  // Every digest that must stay: config, manifest, blobs, diff ids.
  [[nodiscard]] std::vector<Digest> needs() const;
};
using RecordPtr = std::shared_ptr<const Record>;

class Catalog {
 public:
  // Reads every record; images whose config is gone or damaged are dropped, with one warning
  // each: they will be pulled again.
  static Result<std::unique_ptr<Catalog>> load(metadata::Database& database,
                                               content::Store& content);

  [[nodiscard]] std::vector<RecordPtr> all() const;
  [[nodiscard]] RecordPtr get(const ImageId& id) const;  // null: unknown
  // What a user typed: name, id, id prefix. NotFound "No such image: x:latest";
  // InvalidArgument where it cannot be a name.
  [[nodiscard]] Result<RecordPtr> find(std::string_view name) const;
  [[nodiscard]] RecordPtr by_reference(const spec::Reference& reference) const;
  // Tags first, then digests, each sorted.
  [[nodiscard]] std::vector<spec::Reference> names_of(const ImageId& id) const;
  [[nodiscard]] std::vector<RecordPtr> children_of(const ImageId& id) const;
  // Does any image need it, or does a name carry it?
  [[nodiscard]] bool needs(const Digest& digest) const;
  // A stored layer with this diff id.
  [[nodiscard]] std::optional<Layer> layer(const Digest& diff_id) const;

  // Adds or replaces the image and points `names` at it, in one transaction.
  Result<> put(Record record, const std::vector<spec::Reference>& names);
  Result<> remove_name(const spec::Reference& name);
  // The image and all names it still has.
  Result<> remove(const ImageId& id);

  // Where blobs are known to be (pulled from, pushed to), for cross-repository mounts. A hint
  // that may be lost.
  void remember_source(const std::vector<Layer>& layers, const spec::Reference& repository);
  Result<std::vector<std::string>> paths_with(const Digest& blob, const std::string& domain) const;

 private:
  struct Tables {
    std::map<ImageId, RecordPtr> images;
    std::map<std::string, std::pair<spec::Reference, ImageId>> names;  // by Reference::str()
  };

  explicit Catalog(metadata::Database& database) : database_(database) {}
  static Result<> read_layers(metadata::Connection& connection, std::map<ImageId, Record>& images);
  static Result<> read_names(metadata::Connection& connection, Tables& tables);
  [[nodiscard]] Result<RecordPtr> by_prefix(std::string_view hex) const;

  metadata::Database& database_;
  mutable Guarded<Tables> tables_;
};

}  // namespace wherry::image
