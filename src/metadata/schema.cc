#include "metadata/schema.h"

#include <vector>

namespace wherry::metadata {
namespace {

// Each component owns one constant per version. Until 0.1.0 is released version 1 may be
// edited; afterwards a change is a new Migration at the end of the list.

// image: see src/image/catalog.h. Digests are "sha256:<hex>", "" stands for none; tagged_ns is
// NULL for an image that never had a tag. blob_source remembers which repository is known to
// hold a blob, so that a push can mount it instead of sending it.
constexpr std::string_view kImageVersion1 = R"sql(
CREATE TABLE image(
  id TEXT PRIMARY KEY,
  manifest TEXT NOT NULL,
  manifest_type TEXT NOT NULL,
  parent TEXT NOT NULL,
  size INTEGER NOT NULL,
  tagged_ns INTEGER) WITHOUT ROWID;
CREATE TABLE image_layer(
  image TEXT NOT NULL REFERENCES image(id) ON DELETE CASCADE,
  position INTEGER NOT NULL,
  diff_id TEXT NOT NULL,
  blob TEXT NOT NULL,
  blob_size INTEGER NOT NULL,
  media_type TEXT NOT NULL,
  PRIMARY KEY(image, position)) WITHOUT ROWID;
CREATE TABLE image_name(
  name TEXT PRIMARY KEY,
  image TEXT NOT NULL REFERENCES image(id)) WITHOUT ROWID;
CREATE INDEX image_name_by_image ON image_name(image);
CREATE TABLE blob_source(
  blob TEXT NOT NULL,
  domain TEXT NOT NULL,
  path TEXT NOT NULL,
  PRIMARY KEY(blob, domain, path)) WITHOUT ROWID;
)sql";

// engine: see src/engine. record and state are JSON documents of engine/container_record.h and
// engine/container_state.h; a tombstone is what is left of a container that --rm removed.
constexpr std::string_view kEngineVersion1 = R"sql(
CREATE TABLE container(
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  record TEXT NOT NULL,
  state TEXT NOT NULL);
CREATE TABLE tombstone(
  id TEXT PRIMARY KEY,
  exit_code INTEGER NOT NULL,
  error TEXT NOT NULL,
  removed_s INTEGER NOT NULL);
CREATE TABLE engine(
  key TEXT PRIMARY KEY,
  value TEXT NOT NULL) WITHOUT ROWID;
)sql";

// volume: record is the JSON document of volume::Record.
constexpr std::string_view kVolumeVersion2 = R"sql(
CREATE TABLE volume(
  name TEXT PRIMARY KEY,
  record TEXT NOT NULL) WITHOUT ROWID;
)sql";

// network: see src/engine/network_store.h. record is a JSON document of network::Description.
constexpr std::string_view kNetworkVersion1 = "";
constexpr std::string_view kNetworkVersion3 = R"sql(
CREATE TABLE network(
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  created TEXT NOT NULL,
  record TEXT NOT NULL) WITHOUT ROWID;
)sql";

}  // namespace

std::span<const Migration> schema() {
  static const std::vector<Migration> migrations = {
      {1, {kImageVersion1, kEngineVersion1, kNetworkVersion1}},
      {2, {kVolumeVersion2}},
      {3, {kNetworkVersion3}},
  };
  return migrations;
}

}  // namespace wherry::metadata
