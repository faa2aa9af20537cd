// What the drivers that keep layers as directories share: drafts, commit, records,
// verification after an unclean stop, the book of containers. A driver adds how a container's
// tree comes to be and is mounted.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "snapshot/driver.h"
#include "snapshot/layer_record.h"
#include "snapshot/layout.h"
#include "sys/reaper.h"

namespace wherry::snapshot {

class TreeDriver : public Driver {
 public:
  Result<std::unique_ptr<Draft>> begin_layer() override;
  Result<> commit_layers(std::span<FinishedLayer> layers) override;
  Result<std::optional<LayerInfo>> layer(const Digest& diff_id) const override;
  Result<std::vector<LayerInfo>> layers() const override;
  Result<> remove_layer(const Digest& diff_id) override;
  const std::vector<Digest>& damaged_layers() const override { return damaged_; }

  Result<> create_container(const ContainerId& id, std::span<const Digest> layers) override;
  Result<sys::Fd> mount(const ContainerId& id, const MountOptions& options) override;
  Result<Usage> usage(const ContainerId& id) const override;
  Result<> remove_container(const ContainerId& id) override;
  Result<std::vector<ContainerId>> containers() const override;

  void wait_for_reaper() override { reaper_->wait_idle(); }
  Result<> close_cleanly() override;

 protected:
  using Layers = std::vector<Digest>;  // bottom first

  // Fills a container's new directory with what does not depend on its layers, ahead of need and
  // on a thread of its own: hence no member.
  using Prepare = std::function<Result<>(const sys::Fd& container)>;

  TreeDriver(Layout layout, Prepare prepare)
      : layout_(std::move(layout)), prepare_(std::move(prepare)) {}
  // Clears drafts, verifies, reads the containers; once, before anything else.
  Result<> start();

  [[nodiscard]] virtual archive::Whiteouts whiteouts() const = 0;
  // Fills the prepared directory of a container, which is not visible yet.
  virtual Result<> build(const sys::Fd& container, const Layers& layers) = 0;
  virtual Result<sys::Fd> mount_tree(const sys::Fd& container, const std::string& name,
                                     const Layers& layers, const MountOptions& options) = 0;
  [[nodiscard]] virtual Result<Usage> measure(const sys::Fd& container) const = 0;

  // Before base() is used.
  Result<> make_base();

  [[nodiscard]] const Layout& layout() const { return layout_; }
  // The lowest layer of every container (snapshot/base_tree.h).
  [[nodiscard]] const sys::Fd& base() const { return base_; }
  [[nodiscard]] Result<sys::Fd> open_layer_tree(const Digest& diff_id) const;
  [[nodiscard]] std::string backing_file_system() const;

 private:
  Result<LayerRecord> read_record(const std::string& name) const;
  Result<> clear_drafts();
  Result<> verify_after_unclean_stop();
  Result<> verify_layer(const std::string& name, const std::string& unclean_boot);
  Result<> read_containers();
  Result<> write_record(const Draft& draft, const archive::ExtractStats& stats);
  Result<> publish(const Draft& draft, const Digest& diff_id);
  Result<> claim(const ContainerId& id, const Layers& layers);
  void release(const ContainerId& id);
  Result<> build_container(const ContainerId& id, const Layers& layers);
  [[nodiscard]] Result<Layers> layers_of(const ContainerId& id) const;
  [[nodiscard]] Result<sys::Fd> open_container(const ContainerId& id) const;

  Layout layout_;
  sys::Fd base_;
  Prepare prepare_;
  std::unique_ptr<sys::Reaper> reaper_;
  std::string boot_;
  std::vector<Digest> damaged_;

  // Held for look-ups only, never over I/O but an access(2).
  mutable std::mutex mutex_;
  std::map<std::string, Layers> containers_;
  std::map<Digest, std::size_t> uses_;  // containers per layer
};

}  // namespace wherry::snapshot
