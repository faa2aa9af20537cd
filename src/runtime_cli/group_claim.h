// The control group of a container that is being made: a path of ours below every hierarchy, or a scope
// that systemd makes (--systemd-cgroup, --cgroup-manager).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "runtime/systemd_scope.h"
#include "runtime_cli/container.h"
#include "runtime_cli/options.h"
#include "spec/oci_runtime.h"

namespace wherry::runtime_cli {

enum class GroupManager : std::uint8_t { Cgroupfs, Systemd, Disabled };
Result<GroupManager> group_manager(const Options& options);

class GroupClaim {
 public:
  // What `delete` needs after a crash goes into the record; nothing is made. InvalidArgument for a path
  // that is not of the manager's form, Conflict for a group that has processes.
  static Result<GroupClaim> plan(const Options& options, const spec::oci::Config& config, Record& record);
  // systemd's scope, whose path goes into the record. Takes the limit of processes out of the config:
  // it would count the scope's holder.
  Result<> start(spec::oci::Config& config, Record& record);
  // A process that is in the group before the container's; 0: none.
  [[nodiscard]] pid_t guest() const { return holder_ ? holder_->pid() : 0; }
  // The container's process is in.
  Result<> settle(const Container& container, std::vector<std::string>& warnings);

 private:
  GroupManager manager_ = GroupManager::Cgroupfs;
  runtime::UnitName unit_;
  std::optional<runtime::ScopeHolder> holder_;
  spec::oci::Resources late_;
};

// The properties that stand for `resources` on this host.
Result<runtime::UnitProperties> unit_limits_of(const spec::oci::Resources& resources);

}  // namespace wherry::runtime_cli
