// ContainerStore: every container of this engine, in memory by id and name, and as one row
// each in the database. Rows change only here.
#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/container.h"

namespace wherry::metadata {
class Database;
}

namespace wherry::engine {

// What is left of a container that `--rm` removed: enough for a wait that was armed again
// after an engine restart.
struct Tombstone {
  ContainerId id;
  std::int64_t exit_code = 0;
  std::string error;
  std::int64_t removed_unix_s = 0;
};
inline constexpr std::int64_t kTombstoneLifetime_s = 600;
inline constexpr std::int64_t kMostTombstones = 10'000;

class ContainerStore {
 public:
  // Reads every row. A row that cannot be read is set aside and named in the log; the others
  // stay usable.
  static Result<std::unique_ptr<ContainerStore>> open(metadata::Database& database);

  // Full id, name (with or without the slash), unique prefix, in that order. NotFound "No
  // such container: x"; several: InvalidArgument naming the prefix.
  Result<ContainerPtr> find(std::string_view name);
  ContainerPtr find_id(const ContainerId& id);  // null if there is none
  std::vector<ContainerPtr> all();
  // Whether any container was created with links since the engine began.
  [[nodiscard]] bool were_linked() const { return were_linked_; }
  // Also true for a row that could not be read: what it owns is kept.
  bool has_row(const ContainerId& id);

  // Takes `wanted`, or a generated one if it is "", for `id`: Conflict with docker's sentence if
  // another container has it. The name stays taken until release_name() or remove().
  Result<std::string> reserve_name(const std::string& wanted, const ContainerId& id);
  void release_name(const std::string& name);

  // Durable when it returns; then visible.
  Result<> insert(const ContainerPtr& container);
  // Durable when it returns. The new name must be reserved; the old one becomes free.
  Result<> rename(Container& container, const std::string& new_name);
  // Durable when it returns.
  Result<> save_record(Container& container);
  // Queued behind earlier writes of the same container, durable soon after.
  void save_state_later(Container& container);
  // Durable when it returns.
  Result<> save_state(Container& container);
  // From now on nobody finds it and its name is free; the row stays until delete_row().
  void hide(Container& container);
  // The row goes and the tombstone takes its place: durably, or queued behind earlier writes
  // and before later ones, so that the name can be used again at once.
  Result<> delete_row(const Tombstone& tombstone);
  void delete_row_later(const Tombstone& tombstone);
  Result<std::optional<Tombstone>> find_tombstone(std::string_view id);

 private:
  explicit ContainerStore(metadata::Database& database) : database_(database) {}
  Result<> load();
  Result<> delete_expired_tombstones();

  void note_links(const ContainerRecord& record);

  metadata::Database& database_;
  std::atomic<bool> were_linked_{false};
  std::mutex mutex_;
  std::map<std::string, ContainerPtr, std::less<>> by_id_;
  std::map<std::string, ContainerId, std::less<>> names_;
};

}  // namespace wherry::engine
