#include "runtime_cli/group_claim.h"

#include <fmt/format.h>

#include <utility>

#include "base/strings.h"
#include "runtime/resources.h"

namespace wherry::runtime_cli {
namespace {

// linux.cgroupsPath: absolute, or below the root of each hierarchy.
Result<std::string> path_of(const spec::oci::Config& config, const std::string& id) {
  const std::string& asked = config.linux_.cgroups_path;
  if (asked.empty()) return "/" + id;
  if (asked.contains(':'))
    return Error::invalid("linux.cgroupsPath is of the systemd form, which needs --systemd-cgroup");
  if (asked.contains("..")) return Error::invalid("linux.cgroupsPath must not contain ..");
  return asked.starts_with('/') ? asked : "/" + asked;
}

}  // namespace

Result<GroupManager> group_manager(const Options& options) {
  const std::string manager = options.value("cgroup-manager", options.has("systemd-cgroup") ? "systemd" : "cgroupfs");
  if (manager == "cgroupfs") return GroupManager::Cgroupfs;
  if (manager == "systemd") return GroupManager::Systemd;
  if (manager == "disabled") return GroupManager::Disabled;
  return Error::invalid(fmt::format("unknown cgroup manager {}", quote(manager)));
}

Result<runtime::UnitProperties> unit_limits_of(const spec::oci::Resources& resources) {
  std::vector<std::string> of_the_writes;  // said where they are written
  return runtime::unit_limits(runtime::limit_writes(resources, *cgroup_layout(), of_the_writes));
}

Result<GroupClaim> GroupClaim::plan(const Options& options, const spec::oci::Config& config, Record& record) {
  GroupClaim claim;
  claim.manager_ = TRY(group_manager(options));
  if (claim.manager_ == GroupManager::Systemd) {
    claim.unit_ = TRY(runtime::unit_name(config.linux_.cgroups_path, record.id));
    record.systemd_scope = claim.unit_.scope;
  } else if (claim.manager_ == GroupManager::Cgroupfs) {
    const std::string path = TRY(path_of(config, record.id));
    // What the record names is ended with the container: never a group of somebody else's.
    TRY(sys::Cgroup(cgroup_layout(), path).check_unused());
    record.cgroup_path = path;
  }
  return claim;
}

Result<> GroupClaim::start(spec::oci::Config& config, Record& record) {
  if (manager_ != GroupManager::Systemd) return {};
  runtime::UnitProperties properties = TRY(runtime::annotated_properties(config.annotations));
  if (auto& resources = config.linux_.resources) {
    late_.pids = std::exchange(resources->pids, std::nullopt);
    if (auto limit = resources->unified.extract("pids.max")) late_.unified.insert(std::move(limit));
    for (runtime::UnitProperty& one : TRY(unit_limits_of(*resources))) properties.push_back(std::move(one));
  }
  auto holder = runtime::ScopeHolder::start(unit_, fmt::format("wherry container {}", record.id), properties);
  if (!holder) {
    record.systemd_scope.clear();  // it may be somebody else's
    return std::unexpected(std::move(holder).error());
  }
  holder_.emplace(std::move(*holder));
  record.cgroup_path = holder_->cgroup_path();
  return {};
}

Result<> GroupClaim::settle(const Container& container, std::vector<std::string>& warnings) {
  if (!holder_) return {};
  holder_->end();
  if (!late_.pids && late_.unified.empty()) return {};
  const sys::Cgroup group = TRY(container.cgroup());
  TRY(runtime::update_resources(late_, group, warnings));
  return runtime::set_unit_properties(unit_.scope, TRY(unit_limits_of(late_)));
}

}  // namespace wherry::runtime_cli
