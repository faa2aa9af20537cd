// Snapshots: the trees of layers and of containers, behind one interface. A layer is keyed by
// its diff_id and independent of what lies below it; what it is on disk is the driver's own
// affair (today a directory; nothing above may assume so). Drivers: "overlay", and "copy"
// where overlay cannot be mounted on the data root.
//
// Commit rule: a layer becomes visible by a rename after its data and record are on disk, so
// nothing half-written is ever seen, also after kill -9 or a power cut. Removal renames into
// trash/, which a background thread empties and open() finishes.
// Safe from any thread. One layer is never removed while a container uses it (Conflict).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "archive/unpacker.h"
#include "base/digest.h"
#include "base/id.h"
#include "base/result.h"
#include "sys/fd.h"

namespace wherry::snapshot {

// Docker's own depth limit is 125; overlayfs takes 500 lower layers (OVL_MAX_STACK).
inline constexpr std::size_t kMaximumLayers = 500;

// A layer being unpacked. Destroying it uncommitted discards it.
class Draft {
 public:
  virtual ~Draft() = default;
  // Where archive::Unpacker writes.
  [[nodiscard]] virtual const archive::UnpackTarget& target() const = 0;
};

struct FinishedLayer {
  std::unique_ptr<Draft> draft;
  archive::ExtractStats stats;  // stats.diff_id is the layer's key: compare it before
};

struct LayerInfo {
  Digest diff_id;
  std::uint64_t content_bytes = 0;  // sum of the sizes of its regular files
  std::uint64_t entries = 0;
};

struct MountOptions {
  enum class Access : std::uint8_t { ReadWrite, ReadOnly } access = Access::ReadWrite;
  // Discarded: what is written goes with the run, so no fsync(2) and no end of the mount waits
  // for the disk. A power cut leaves a tree that must not be read.
  enum class Contents : std::uint8_t { Kept, Discarded } contents = Contents::Kept;
  // User namespaces come later: an owning namespace whose ids the layers are mapped to, and
  // the owner of the writable directory. Set: Unsupported.
  const sys::Fd* user_namespace = nullptr;
};

struct Usage {
  std::uint64_t bytes = 0;  // docker's SizeRw: sizes of the files that the container wrote
  std::uint64_t entries = 0;
};

class Driver {
 public:
  Driver() = default;
  Driver(const Driver&) = delete;
  Driver& operator=(const Driver&) = delete;
  virtual ~Driver() = default;

  // "overlay" or "copy"; docker's `info` calls overlay "overlay2", which is api's affair.
  [[nodiscard]] virtual std::string_view name() const = 0;
  // Pairs for `info`'s DriverStatus ("Backing Filesystem", "extfs" ...).
  [[nodiscard]] virtual std::vector<std::pair<std::string, std::string>> status() const = 0;

  virtual Result<std::unique_ptr<Draft>> begin_layer() = 0;
  // Makes the layers durable and visible: one syncfs for all, then a rename each, then the
  // directory's fsync. A layer that somebody else committed meanwhile is success.
  virtual Result<> commit_layers(std::span<FinishedLayer> layers) = 0;
  [[nodiscard]] virtual Result<std::optional<LayerInfo>> layer(const Digest& diff_id) const = 0;
  [[nodiscard]] virtual Result<std::vector<LayerInfo>> layers() const = 0;
  // A missing layer is success; one that a container uses is Conflict.
  virtual Result<> remove_layer(const Digest& diff_id) = 0;
  // Layers committed in an earlier boot, without a clean stop since, whose tree no longer
  // matches its record; they were moved to trash by open(). Unpack these again.
  [[nodiscard]] virtual const std::vector<Digest>& damaged_layers() const = 0;

  // Layers bottom first. Idempotent for equal layers. NotFound names a missing layer,
  // InvalidArgument more than kMaximumLayers.
  virtual Result<> create_container(const ContainerId& id, std::span<const Digest> layers) = 0;
  // A detached mount (fsmount/open_tree) of the container's tree: attach it with
  // move_mount(2), or reach into it by openat2. An overlay that came up read-only is an
  // error. The caller keeps at most one writable mount of a container at a time.
  virtual Result<sys::Fd> mount(const ContainerId& id, const MountOptions& options) = 0;
  virtual Result<Usage> usage(const ContainerId& id) const = 0;
  // A missing container is success. Any mount of it is gone or detached by the caller.
  virtual Result<> remove_container(const ContainerId& id) = 0;
  [[nodiscard]] virtual Result<std::vector<ContainerId>> containers() const = 0;

  // Blocks until trash/ is empty: for tests and for a clean stop.
  virtual void wait_for_reaper() = 0;
  // Records that everything is on disk, so that the next open() verifies nothing.
  virtual Result<> close_cleanly() = 0;
};

enum class Choice : std::uint8_t {
  Probe,    // overlay if it can be mounted on `root`, else copy (logged once)
  Overlay,  // or Unsupported
  Copy,
};
// Opens or creates the snapshots below `root` (0700), finishes interrupted removals, drops
// drafts of a killed engine. A root that the other driver wrote keeps that driver.
Result<std::unique_ptr<Driver>> open_driver(const std::string& root, Choice choice);

}  // namespace wherry::snapshot
