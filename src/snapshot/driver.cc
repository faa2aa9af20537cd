#include "snapshot/driver.h"

#include <fmt/format.h>

#include "base/log.h"
#include "snapshot/copy.h"
#include "snapshot/layout.h"
#include "snapshot/overlay.h"

namespace wherry::snapshot {
namespace {

Result<std::unique_ptr<Driver>> probe(const std::string& root) {
  const std::string made_by = TRY(driver_of(root));
  if (made_by == "copy") return open_copy(root);
  auto overlay = open_overlay(root);
  if (overlay || overlay.error().kind() != ErrorKind::Unsupported || !made_by.empty())
    return overlay;
  log::warning("{}; copying images for each container instead (slow)", overlay.error().message());
  TRY(forget_driver(root));
  return open_copy(root);
}

}  // namespace

Result<std::unique_ptr<Driver>> open_driver(const std::string& root, Choice choice) {
  switch (choice) {
    case Choice::Overlay: return open_overlay(root);
    case Choice::Copy: return open_copy(root);
    case Choice::Probe: break;
  }
  return probe(root);
}

}  // namespace wherry::snapshot
