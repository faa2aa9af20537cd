#include "metadata/schema.h"

#include <vector>

namespace wherry::metadata {
namespace {

// Each component owns one constant per version. Until 0.1.0 is released version 1 may be
// edited; afterwards a change is a new Migration at the end of the list.

// image: see src/image.
constexpr std::string_view kImageVersion1 = "";

// engine: see src/engine.
constexpr std::string_view kEngineVersion1 = "";

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
