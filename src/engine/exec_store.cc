#include "engine/exec_store.h"

#include <fmt/format.h>

#include "base/time.h"

namespace wherry::engine {
namespace {
constexpr std::int64_t kEndedLifetime_s = 300;
}

void ExecStore::insert(const ExecPtr& exec) {
  const std::int64_t oldest = to_unix_seconds(now()) - kEndedLifetime_s;
  const std::lock_guard lock(mutex_);
  std::erase_if(by_id_, [&](const auto& entry) {
    const auto progress = entry.second->progress.lock();
    return progress->phase == Exec::Phase::Ended && progress->ended_unix_s < oldest;
  });
  by_id_.emplace(exec->id.str(), exec);
}

Result<ExecPtr> ExecStore::find(const std::string& id) {
  const std::lock_guard lock(mutex_);
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) return Error::not_found(fmt::format("No such exec instance: {}", id));
  return found->second;
}

std::vector<std::string> ExecStore::running_in(const ContainerId& container) {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> ids;
  for (const auto& [id, exec] : by_id_)
    if (exec->container == container && exec->progress.lock()->phase == Exec::Phase::Running)
      ids.push_back(id);
  return ids;
}

void ExecStore::remove_of(const ContainerId& container) {
  const std::lock_guard lock(mutex_);
  std::erase_if(by_id_, [&](const auto& entry) { return entry.second->container == container; });
}

}  // namespace wherry::engine
