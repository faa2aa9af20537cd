// <data root>/containers/<id>: the log and the generated files of each container.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/id.h"
#include "base/result.h"
#include "sys/reaper.h"

namespace wherry::engine {

// Thread rule: any thread.
class ContainerDirectories {
 public:
  // Makes what is missing below `root`; what a killed engine was deleting goes in the background.
  static Result<std::unique_ptr<ContainerDirectories>> open(const std::string& root);

  [[nodiscard]] std::string path_of(const ContainerId& id) const { return root_ + "/" + id.str(); }
  // Conflict if it is there.
  Result<> create(const ContainerId& id);
  // Gone at once under its name; its content follows in the background.
  Result<> discard(const ContainerId& id);
  [[nodiscard]] Result<std::vector<ContainerId>> list() const;
  // Blocks until the content of what was discarded is gone too.
  void wait_for_reaper() { reaper_->wait_idle(); }

 private:
  ContainerDirectories(std::string root, sys::Fd directory)
      : root_(std::move(root)), directory_(std::move(directory)) {}

  std::string root_;
  sys::Fd directory_;
  std::unique_ptr<sys::Reaper> reaper_;
};

}  // namespace wherry::engine
