#include "metadata/schema.h"

#include <vector>

namespace wherry::metadata {
namespace {

// Each component owns one constant per version. Until 0.1.0 is released version 1 may be
// edited; afterwards a change is a new Migration at the end of the list.

// image: see src/image.
constexpr std::string_view kImageVersion1 = "";

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

// network: see src/network.
constexpr std::string_view kNetworkVersion1 = "";

}  // namespace

std::span<const Migration> schema() {
  static const std::vector<Migration> migrations = {
      {1, {kImageVersion1, kEngineVersion1, kNetworkVersion1}},
  };
  return migrations;
}

}  // namespace wherry::metadata
