#include "snapshot/copy.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/strings.h"
#include "snapshot/flatten.h"
#include "snapshot/tree_driver.h"
#include "sys/mount.h"

namespace wherry::snapshot {
namespace {

class CopyDriver : public TreeDriver {
 public:
  explicit CopyDriver(Layout layout) : TreeDriver(std::move(layout), {}) {}
  Result<> open() {
    TRY(make_base());
    return start();
  }

  [[nodiscard]] std::string_view name() const override { return "copy"; }
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> status() const override {
    return {{"Backing Filesystem", backing_file_system()}};
  }

 protected:
  // overlayfs refuses 0:0 devices and trusted.overlay.* where the root lies on one.
  [[nodiscard]] archive::Whiteouts whiteouts() const override {
    return archive::Whiteouts::Literal;
  }
  Result<> build(const sys::Fd& container, const Layers& layers) override;
  Result<sys::Fd> mount_tree(const sys::Fd& container, const std::string& name,
                             const Layers& layers, const MountOptions& options) override;
  [[nodiscard]] Result<Usage> measure(const sys::Fd& container) const override;
};

Result<> CopyDriver::build(const sys::Fd& container, const Layers& layers) {
  const sys::Fd root = TRY(make_directory_at(container, "root", 0755));
  if (::fchmod(root.get(), 0755) < 0) return Error::from_errno(errno, "chmod root");
  TRY_AS("copy base tree", flatten_onto(root, base()));
  for (const Digest& layer : layers) {
    const sys::Fd tree = TRY(open_layer_tree(layer));
    TRY_AS(fmt::format("copy layer {}", layer.str()), flatten_onto(root, tree));
  }
  const TreeSize size = TRY(measure_tree(root));
  const sys::Fd base = TRY(sys::open_at(container, "base", O_WRONLY | O_CREAT | O_EXCL, 0600));
  return sys::write_all(base, fmt::format("{} {}\n", size.entries, size.bytes));
}

Result<sys::Fd> CopyDriver::mount_tree(const sys::Fd& container, const std::string& /*name*/,
                                       const Layers& /*layers*/, const MountOptions& options) {
  using sys::DetachedMount;
  auto mount = TRY(DetachedMount::clone(container, "root", DetachedMount::Recursive::No));
  // What /var is mounted with must not reach into containers.
  DetachedMount::Attributes attributes{
      .clear = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, .propagation = MS_PRIVATE};
  if (options.access == MountOptions::Access::ReadOnly) attributes.set = MOUNT_ATTR_RDONLY;
  TRY(mount.change(attributes));
  return mount.release();
}

// What came on top of the copied layers; a container that deleted more than it wrote has 0.
Result<Usage> CopyDriver::measure(const sys::Fd& container) const {
  const sys::Fd root = TRY(sys::open_at(container, "root", kDirectory));
  const TreeSize now = TRY(measure_tree(root));
  const sys::Fd file = TRY(sys::open_at(container, "base", O_RDONLY | O_NOFOLLOW));
  const std::string text = TRY(sys::read_all(file, 100));
  const auto numbers = cut(trim(text), ' ');
  const auto entries = numbers ? parse_u64(numbers->before) : std::nullopt;
  const auto bytes = numbers ? parse_u64(numbers->after) : std::nullopt;
  if (!entries || !bytes) return Error::internal("snapshot's base size is damaged");
  return Usage{now.bytes - std::min(now.bytes, *bytes),
               now.entries - std::min(now.entries, *entries)};
}

}  // namespace

Result<std::unique_ptr<Driver>> open_copy(const std::string& root) {
  auto driver = std::make_unique<CopyDriver>(TRY(open_layout(root, "copy")));
  TRY(driver->open());
  return driver;
}

}  // namespace wherry::snapshot
