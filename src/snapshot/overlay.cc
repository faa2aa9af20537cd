#include "snapshot/overlay.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/strings.h"
#include "snapshot/overlay_mount.h"
#include "snapshot/tree_driver.h"
#include "sys/mount.h"
#include "sys/path.h"

namespace wherry::snapshot {
namespace {

constexpr int kHandle = O_PATH | O_DIRECTORY | O_NOFOLLOW;

Result<> make_directories(const sys::Fd& container) {
  const sys::Fd upper = TRY(make_directory_at(container, "upper", 0755));
  // The root directory that the container sees; docker's is 0755 whatever the umask.
  if (::fchmod(upper.get(), 0755) < 0) return Error::from_errno(errno, "chmod upper");
  TRY(make_directory_at(container, "work", 0700));
  return {};
}

class OverlayDriver : public TreeDriver {
 public:
  explicit OverlayDriver(Layout layout) : TreeDriver(std::move(layout), make_directories) {}
  Result<> open();

  [[nodiscard]] std::string_view name() const override { return "overlay"; }
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> status() const override;

 protected:
  [[nodiscard]] archive::Whiteouts whiteouts() const override {
    return archive::Whiteouts::Overlay;
  }
  Result<> build(const sys::Fd& container, const Layers& layers) override;
  Result<sys::Fd> mount_tree(const sys::Fd& container, const std::string& name,
                             const Layers& layers, const MountOptions& options) override;
  [[nodiscard]] Result<Usage> measure(const sys::Fd& container) const override;

 private:
  Result<> probe();
  Result<OverlayPlan> plan(const sys::Fd& container, const Layers& layers) const;

  OverlayMethod method_ = OverlayMethod::Append;
};

Result<> OverlayDriver::open() {
  TRY(make_base());
  TRY_AS("overlay cannot be mounted on the data root", probe());
  return start();
}

// Mounts an empty container once: the answer for the kernel and the file system.
Result<> OverlayDriver::probe() {
  const std::string name = ".probe." + random_hex(4);
  const sys::Fd directory = TRY(make_directory_at(layout().root, name, 0700));
  auto mounted = [&]() -> Result<> {
    TRY(make_directories(directory));
    const OverlayPlan first = TRY(plan(directory, {}));
    const auto appended = mount_overlay(first, OverlayMethod::Append);
    if (appended) return {};
    if (appended.error().kind() == ErrorKind::NoSpace) return std::unexpected(appended.error());
    method_ = OverlayMethod::Page;
    TRY(mount_overlay(first, OverlayMethod::Page));
    return {};
  }();
  TRY(sys::remove_tree_at(layout().root, name));
  // A full disk says nothing about overlay.
  if (mounted || mounted.error().kind() == ErrorKind::NoSpace) return mounted;
  return Error(ErrorKind::Unsupported, mounted.error().errno_value(), mounted.error().message());
}

std::vector<std::pair<std::string, std::string>> OverlayDriver::status() const {
  // docker's overlay2 lines, in its order.
  return {{"Backing Filesystem", backing_file_system()},
          {"Supports d_type", "true"},
          {"Using metacopy", "false"},
          {"Native Overlay Diff", "true"},
          {"userxattr", "false"}};
}

Result<> OverlayDriver::build(const sys::Fd& container, const Layers& /*layers*/) {
  // The container's root is as old as the container, not as the directory that was kept ready.
  if (::utimensat(container.get(), "upper", nullptr, 0) < 0)
    return Error::from_errno(errno, "set times of upper");
  return {};
}

Result<OverlayPlan> OverlayDriver::plan(const sys::Fd& container, const Layers& layers) const {
  OverlayPlan plan;
  for (auto layer = layers.rbegin(); layer != layers.rend(); ++layer)
    plan.lower.push_back(TRY(open_layer_tree(*layer)));
  plan.lower.push_back(TRY(base().duplicate()));
  plan.upper = TRY(sys::open_at(container, "upper", kHandle));
  plan.work = TRY(sys::open_at(container, "work", kHandle));
  return plan;
}

Result<sys::Fd> OverlayDriver::mount_tree(const sys::Fd& container, const std::string& /*name*/,
                                          const Layers& layers, const MountOptions& options) {
  OverlayPlan wanted = TRY(plan(container, layers));
  wanted.is_volatile = options.contents == MountOptions::Contents::Discarded;
  sys::DetachedMount mount(TRY(mount_overlay(wanted, method_)));
  if (options.access == MountOptions::Access::ReadOnly) TRY(mount.change({.set = MOUNT_ATTR_RDONLY}));
  return mount.release();
}

Result<Usage> OverlayDriver::measure(const sys::Fd& container) const {
  const sys::Fd upper = TRY(sys::open_at(container, "upper", O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  const TreeSize size = TRY(measure_tree(upper));
  return Usage{size.bytes, size.entries};
}

}  // namespace

Result<std::unique_ptr<Driver>> open_overlay(const std::string& root) {
  auto driver = std::make_unique<OverlayDriver>(TRY(open_layout(root, "overlay")));
  TRY(driver->open());
  return driver;
}

}  // namespace wherry::snapshot
