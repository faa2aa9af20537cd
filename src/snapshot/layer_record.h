// The record beside a layer's tree, written before the layer becomes visible; its format is
// in docs/formats/store.md.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "snapshot/driver.h"
#include "snapshot/tree.h"

namespace wherry::snapshot {

struct LayerRecord {
  LayerInfo info;
  TreeSize tree;     // what the tree held when it was committed
  std::string boot;  // boot id of the commit
};

std::string encode(const LayerRecord& record);
Result<LayerRecord> parse_layer_record(std::string_view text);

}  // namespace wherry::snapshot
