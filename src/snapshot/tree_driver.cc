#include "snapshot/tree_driver.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/check.h"
#include "base/log.h"
#include "base/strings.h"
#include "base/undo.h"
#include "snapshot/base_tree.h"
#include "sys/directory.h"
#include "sys/pidfd.h"

namespace wherry::snapshot {
namespace {

constexpr std::size_t kRecordLimit = 4096;
constexpr std::size_t kLayersLimit = 1 << 20;
constexpr std::size_t kSpares = 8;
constexpr const char* kSession = "session";  // boot id of the last start
constexpr const char* kClean = "clean";      // there: all data was synced at the last stop

class TreeDraft : public Draft {
 public:
  TreeDraft(sys::Reaper& reaper, const sys::Fd& drafts) : reaper_(reaper), drafts_(drafts) {}
  ~TreeDraft() override {
    if (!published_) (void)reaper_.discard(drafts_, name_);
  }

  Result<> create(archive::Whiteouts whiteouts) {
    directory_ = TRY(make_directory_at(drafts_, name_, 0700));
    target_.fd = TRY(make_directory_at(directory_, "diff", 0755));
    // Whatever the umask of the engine is.
    if (::fchmod(target_.fd.get(), 0755) < 0) return Error::from_errno(errno, "chmod layer");
    target_.whiteouts = whiteouts;
    return {};
  }

  [[nodiscard]] const archive::UnpackTarget& target() const override { return target_; }
  [[nodiscard]] const sys::Fd& directory() const { return directory_; }
  [[nodiscard]] const std::string& name() const { return name_; }
  void set_published() const { published_ = true; }

 private:
  sys::Reaper& reaper_;
  const sys::Fd& drafts_;
  std::string name_ = random_hex(16);
  sys::Fd directory_;
  archive::UnpackTarget target_;
  mutable bool published_ = false;
};

// Every draft a driver is given back was made by its begin_layer.
const TreeDraft& own(const Draft& draft) {
  return static_cast<const TreeDraft&>(draft);
}

Error no_layer(const Digest& diff_id) {
  return Error::not_found(fmt::format("layer {} not found", diff_id.str()));
}
Error no_container(const ContainerId& id) {
  return Error::not_found(fmt::format("no snapshot of container {}", id.str()));
}

std::string encode_layers(std::span<const Digest> layers) {
  std::string text;
  for (const Digest& layer : layers) text += layer.str() + '\n';
  return text;
}

Result<std::vector<Digest>> parse_layers(std::string_view text) {
  std::vector<Digest> layers;
  for (const std::string_view line : split(text, '\n')) {
    if (!line.empty()) layers.push_back(TRY(Digest::parse(line)));
  }
  return layers;
}

bool is_file_name(const std::string& name) {
  return !name.empty() && name.size() <= 128 && name.front() != '.' &&
         name.find('/') == std::string::npos && name.find('\0') == std::string::npos;
}

}  // namespace

Result<> TreeDriver::make_base() {
  base_ = TRY_AS("base tree", open_base_tree(layout_));
  return {};
}

Result<> TreeDriver::start() {
  boot_ = TRY(sys::boot_id());
  sys::Spares spares{.shelf = TRY(layout_.spares.duplicate()), .keep = kSpares, .prepare = prepare_};
  reaper_ = std::make_unique<sys::Reaper>(TRY(layout_.trash.duplicate()), std::move(spares));
  TRY(clear_drafts());
  TRY(verify_after_unclean_stop());
  return read_containers();
}

Result<> TreeDriver::clear_drafts() {
  for (const std::string& name : TRY(sys::names_in(layout_.drafts)))
    TRY(reaper_->discard(layout_.drafts, name));
  return {};
}

// Layers of an earlier boot that did not end by close_cleanly() may have lost data, in spite
// of the commit rule, where a disk lies about flushes. Those of boots before were verified then.
Result<> TreeDriver::verify_after_unclean_stop() {
  const auto last = sys::open_at(layout_.root, kSession, O_RDONLY | O_NOFOLLOW);
  const std::string last_boot = last ? std::string(trim(TRY(sys::read_all(*last, 256)))) : "";
  const bool clean = ::faccessat(layout_.root.get(), kClean, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
  if (!last_boot.empty() && last_boot != boot_ && !clean) {
    for (const std::string& name : TRY(sys::names_in(layout_.layers)))
      TRY(verify_layer(name, last_boot));
  }
  if (last_boot != boot_)
    TRY(sys::replace_file_at(layout_.root, kSession, boot_, 0600, sys::Durable::Yes));
  if (clean && ::unlinkat(layout_.root.get(), kClean, 0) < 0)
    return Error::from_errno(errno, "remove mark of clean stop");
  return {};
}

Result<> TreeDriver::verify_layer(const std::string& name, const std::string& unclean_boot) {
  const auto record = read_record(name);
  if (record && record->boot != unclean_boot) return {};
  const auto digest = Digest::from_hex(name);
  if (record && digest) {
    const auto tree = open_layer_tree(*digest);
    const auto found = tree ? measure_tree(*tree) : Result<TreeSize>(std::unexpected(tree.error()));
    if (found && *found == record->tree) return {};
  }
  log::warning("layer {} did not survive the last stop and will be unpacked again", name);
  if (digest) damaged_.push_back(*digest);
  return reaper_->discard(layout_.layers, name);
}

Result<> TreeDriver::read_containers() {
  for (const std::string& name : TRY(sys::names_in(layout_.containers))) {
    const auto file = sys::open_at(layout_.containers, (name + "/layers").c_str(), O_RDONLY);
    const auto text = file ? sys::read_all(*file, kLayersLimit)
                           : Result<std::string>(std::unexpected(file.error()));
    auto layers = text ? parse_layers(*text) : Result<Layers>(std::unexpected(text.error()));
    if (!layers) {
      // One damaged container does not stop the engine; its tree stays for its owner to save.
      log::warning("snapshot of container {} is damaged: {}", name, layers.error().message());
      continue;
    }
    for (const Digest& layer : *layers) ++uses_[layer];
    containers_.emplace(name, std::move(*layers));
  }
  return {};
}

Result<LayerRecord> TreeDriver::read_record(const std::string& name) const {
  const sys::Fd file =
      TRY(sys::open_at(layout_.layers, (name + "/record").c_str(), O_RDONLY | O_NOFOLLOW));
  const std::string text = TRY(sys::read_all(file, kRecordLimit));
  return TRY_AS(name, parse_layer_record(text));
}

Result<std::unique_ptr<Draft>> TreeDriver::begin_layer() {
  auto draft = std::make_unique<TreeDraft>(*reaper_, layout_.drafts);
  TRY_AS("begin layer", draft->create(whiteouts()));
  return draft;
}

Result<> TreeDriver::write_record(const Draft& draft, const archive::ExtractStats& stats) {
  CHECK(!stats.diff_id.empty());
  LayerRecord record{{stats.diff_id, stats.content_bytes, stats.entries}, {}, boot_};
  record.tree = TRY(measure_tree(own(draft).target().fd));
  return sys::replace_file_at(own(draft).directory(), "record", encode(record), 0600,
                              sys::Durable::No);
}

Result<> TreeDriver::publish(const Draft& draft, const Digest& diff_id) {
  const std::string target(diff_id.hex());
  const std::string& name = own(draft).name();
  if (::renameat(layout_.drafts.get(), name.c_str(), layout_.layers.get(), target.c_str()) == 0) {
    own(draft).set_published();
    return {};
  }
  // Somebody else was first: the same content, so this draft may go.
  if (errno == EEXIST || errno == ENOTEMPTY) return {};
  return Error::from_errno(errno, fmt::format("publish layer {}", diff_id.str()));
}

Result<> TreeDriver::commit_layers(std::span<FinishedLayer> layers) {
  if (layers.empty()) return {};
  for (const FinishedLayer& layer : layers)
    TRY_AS("commit layer", write_record(*layer.draft, layer.stats));
  TRY_AS("commit layers", sync_file_system(layout_.root));
  for (const FinishedLayer& layer : layers) TRY(publish(*layer.draft, layer.stats.diff_id));
  return sync_directory(layout_.layers);
}

Result<std::optional<LayerInfo>> TreeDriver::layer(const Digest& diff_id) const {
  const auto record = read_record(std::string(diff_id.hex()));
  if (record) return record->info;
  if (record.error().kind() == ErrorKind::NotFound) return std::nullopt;
  return std::unexpected(record.error());
}

Result<std::vector<LayerInfo>> TreeDriver::layers() const {
  std::vector<LayerInfo> found;
  for (const std::string& name : TRY(sys::names_in(layout_.layers))) {
    const auto record = read_record(name);
    if (record) found.push_back(record->info);
  }
  return found;
}

Result<> TreeDriver::remove_layer(const Digest& diff_id) {
  // Under the lock, so that no container claims the layer between the look and the rename.
  const std::lock_guard lock(mutex_);
  if (const auto uses = uses_.find(diff_id); uses != uses_.end())
    return Error::conflict(
        fmt::format("layer {} is used by {} container(s)", diff_id.str(), uses->second));
  return reaper_->discard(layout_.layers, std::string(diff_id.hex()));
}

Result<sys::Fd> TreeDriver::open_layer_tree(const Digest& diff_id) const {
  auto tree =
      sys::open_at(layout_.layers, fmt::format("{}/diff", diff_id.hex()).c_str(), kDirectory);
  if (!tree && tree.error().kind() == ErrorKind::NotFound) return no_layer(diff_id);
  return tree;
}

Result<> TreeDriver::claim(const ContainerId& id, const Layers& layers) {
  const std::lock_guard lock(mutex_);
  for (const Digest& layer : layers) {
    if (::faccessat(layout_.layers.get(), std::string(layer.hex()).c_str(), F_OK, 0) < 0)
      return no_layer(layer);
  }
  if (!containers_.emplace(id.str(), layers).second)
    return Error::conflict(fmt::format("container {} has a snapshot already", id.str()));
  for (const Digest& layer : layers) ++uses_[layer];
  return {};
}

void TreeDriver::release(const ContainerId& id) {
  const std::lock_guard lock(mutex_);
  const auto container = containers_.extract(id.str());
  if (container.empty()) return;
  for (const Digest& layer : container.mapped()) {
    const auto uses = uses_.find(layer);
    if (--uses->second == 0) uses_.erase(uses);
  }
}

Result<> TreeDriver::create_container(const ContainerId& id, std::span<const Digest> layers) {
  if (!is_file_name(id.str())) return Error::invalid("invalid container id");
  if (layers.size() > kMaximumLayers)
    return Error::invalid(fmt::format("image has {} layers, at most {} can be stacked",
                                      layers.size(), kMaximumLayers));
  const Layers wanted(layers.begin(), layers.end());
  if (const auto existing = layers_of(id); existing && *existing == wanted) return {};
  TRY(claim(id, wanted));
  Undo undo;
  undo.add([&] { release(id); });
  TRY_AS(fmt::format("create snapshot of container {}", id.str()), build_container(id, wanted));
  undo.commit();
  return {};
}

Result<> TreeDriver::build_container(const ContainerId& id, const Layers& layers) {
  const std::string draft = random_hex(16);
  TRY(reaper_->place(layout_.drafts, draft));
  Undo undo;
  undo.add([&] { (void)reaper_->discard(layout_.drafts, draft); });
  const sys::Fd directory = TRY(sys::open_at(layout_.drafts, draft.c_str(), kDirectory));
  const sys::Fd record = TRY(sys::open_at(directory, "layers", O_WRONLY | O_CREAT | O_EXCL, 0600));
  TRY(sys::write_all(record, encode_layers(layers)));
  TRY(build(directory, layers));
  if (::renameat(layout_.drafts.get(), draft.c_str(), layout_.containers.get(), id.str().c_str()) <
      0)
    return Error::from_errno(errno, "publish");
  undo.commit();
  return {};
}

Result<TreeDriver::Layers> TreeDriver::layers_of(const ContainerId& id) const {
  const std::lock_guard lock(mutex_);
  const auto found = containers_.find(id.str());
  if (found == containers_.end()) return no_container(id);
  return found->second;
}

Result<sys::Fd> TreeDriver::open_container(const ContainerId& id) const {
  auto directory = sys::open_at(layout_.containers, id.str().c_str(), kDirectory);
  if (!directory && directory.error().kind() == ErrorKind::NotFound) return no_container(id);
  return directory;
}

Result<sys::Fd> TreeDriver::mount(const ContainerId& id, const MountOptions& options) {
  if (options.user_namespace != nullptr)
    return Error(ErrorKind::Unsupported, "user namespaces are not available for snapshots");
  const Layers layers = TRY(layers_of(id));
  const sys::Fd container = TRY(open_container(id));
  return TRY_AS(fmt::format("mount snapshot of container {}", id.str()),
                mount_tree(container, id.str(), layers, options));
}

Result<Usage> TreeDriver::usage(const ContainerId& id) const {
  TRY(layers_of(id));
  const sys::Fd container = TRY(open_container(id));
  return measure(container);
}

Result<> TreeDriver::remove_container(const ContainerId& id) {
  if (!is_file_name(id.str())) return Error::invalid("invalid container id");
  TRY(reaper_->discard(layout_.containers, id.str()));
  release(id);
  return {};
}

Result<std::vector<ContainerId>> TreeDriver::containers() const {
  const std::lock_guard lock(mutex_);
  std::vector<ContainerId> ids;
  for (const auto& [id, layers] : containers_) ids.emplace_back(id);
  return ids;
}

Result<> TreeDriver::close_cleanly() {
  TRY(sync_file_system(layout_.root));
  return sys::replace_file_at(layout_.root, kClean, boot_, 0600, sys::Durable::Yes);
}

std::string TreeDriver::backing_file_system() const {
  struct statfs status{};
  if (::fstatfs(layout_.root.get(), &status) < 0) return "unknown";
  switch (static_cast<unsigned long>(status.f_type)) {
    case EXT4_SUPER_MAGIC: return "extfs";  // docker's word for ext2, 3 and 4
    case XFS_SUPER_MAGIC: return "xfs";
    case BTRFS_SUPER_MAGIC: return "btrfs";
    case TMPFS_MAGIC: return "tmpfs";
    case OVERLAYFS_SUPER_MAGIC: return "overlayfs";
    default: return fmt::format("0x{:x}", static_cast<unsigned long>(status.f_type));
  }
}

}  // namespace wherry::snapshot
