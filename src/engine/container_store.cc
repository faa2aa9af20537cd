#include "engine/container_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/time.h"
#include "engine/container_json.h"
#include "engine/names.h"
#include "metadata/database.h"
#include "spec/json.h"

namespace wherry::engine {
namespace {

using metadata::Connection;
using metadata::Space;
using metadata::Survives;

constexpr std::size_t kFullIdLength = 64;

Error no_such_container(std::string_view name) {
  return Error::not_found(fmt::format("No such container: {}", name));
}

Result<ContainerPtr> parse_row(const metadata::Row& row) {
  auto container = std::make_shared<Container>();
  auto details = container->details.lock();
  details->record = TRY_AS("record", json::parse<ContainerRecord>(row.text(2)));
  details->state = TRY_AS("state", json::parse<State>(row.text(3)));
  details->record.id = ContainerId(row.text(0));
  details->record.name = row.text(1);
  if (!parse_status(details->state.status))
    return Error::internal("unknown status " + quote(details->state.status));
  return container;
}

Result<> write_state(Connection& connection, const std::string& id, const std::string& state) {
  return connection.execute("UPDATE container SET state = ? WHERE id = ?", {state, id});
}

Result<> bury(Connection& connection, const Tombstone& tombstone) {
  const std::string& id = tombstone.id.str();
  TRY(connection.execute("DELETE FROM container WHERE id = ?", {id}));
  TRY(connection.execute(
      "INSERT OR REPLACE INTO tombstone(id, exit_code, error, removed_s) VALUES(?, ?, ?, ?)",
      {id, tombstone.exit_code, tombstone.error, tombstone.removed_unix_s}));
  // Bounded in time and in number; the rowid grows with every insert.
  return connection.execute(
      "DELETE FROM tombstone WHERE removed_s < ? OR rowid <= (SELECT max(rowid) FROM tombstone) - ?",
      {tombstone.removed_unix_s - kTombstoneLifetime_s, kMostTombstones});
}

// Of a --rm container nothing is kept over a boot (reconcile removes what is left of it), so its
// records need no fsync, which is a tenth of `run --rm` on a disk and half of it on a slow one.
Survives needed_of(const ContainerRecord& record) {
  return record.host_config.auto_remove ? Survives::ProcessDeath : Survives::PowerCut;
}

}  // namespace

Result<std::unique_ptr<ContainerStore>> ContainerStore::open(metadata::Database& database) {
  std::unique_ptr<ContainerStore> store(new ContainerStore(database));
  TRY(store->load());
  TRY(store->delete_expired_tombstones());
  return store;
}

Result<> ContainerStore::load() {
  return database_.read([&](Connection& connection) -> Result<> {
    auto rows = TRY(connection.query("SELECT id, name, record, state FROM container"));
    for (;;) {
      const metadata::Row* row = TRY(rows.next());
      if (row == nullptr) return {};
      auto container = parse_row(*row);
      if (!container) {
        log::error("container {} is unreadable and left aside: {}", row->text(0),
                   container.error().message());
        names_.emplace(row->text(1), ContainerId(row->text(0)));
        continue;
      }
      note_links((*container)->record());
      by_id_.emplace(row->text(0), *container);
      names_.emplace(row->text(1), ContainerId(row->text(0)));
    }
  });
}

Result<> ContainerStore::delete_expired_tombstones() {
  return database_.write([](Connection& connection) -> Result<> {
    return connection.execute("DELETE FROM tombstone WHERE removed_s < ?",
                              {to_unix_seconds(now()) - kTombstoneLifetime_s});
  }, Survives::PowerCut, Space::Reserve);
}

Result<ContainerPtr> ContainerStore::find(std::string_view name) {
  if (name.empty()) return Error::invalid("No container name or ID supplied");
  const std::lock_guard lock(mutex_);
  if (const auto exact = by_id_.find(name); exact != by_id_.end()) return exact->second;
  const std::string_view bare = name.starts_with('/') ? name.substr(1) : name;
  if (const auto named = names_.find(bare); named != names_.end()) {
    const auto found = by_id_.find(named->second.str());
    if (found != by_id_.end()) return found->second;
  }
  const auto first = by_id_.lower_bound(name);
  if (first == by_id_.end() || !first->first.starts_with(name)) return no_such_container(name);
  const auto second = std::next(first);
  if (second != by_id_.end() && second->first.starts_with(name))
    return Error::invalid(
        fmt::format("Multiple IDs found with provided prefix: {}", name));
  return first->second;
}

ContainerPtr ContainerStore::find_id(const ContainerId& id) {
  const std::lock_guard lock(mutex_);
  const auto found = by_id_.find(id.str());
  return found == by_id_.end() ? nullptr : found->second;
}

std::vector<ContainerPtr> ContainerStore::all() {
  const std::lock_guard lock(mutex_);
  std::vector<ContainerPtr> containers;
  containers.reserve(by_id_.size());
  for (const auto& [id, container] : by_id_) containers.push_back(container);
  return containers;
}

void ContainerStore::note_links(const ContainerRecord& record) {
  if (record.host_config.links && !record.host_config.links->empty()) were_linked_ = true;
}

bool ContainerStore::has_row(const ContainerId& id) {
  const std::lock_guard lock(mutex_);
  return std::ranges::any_of(names_, [&](const auto& entry) { return entry.second == id; });
}

Result<std::string> ContainerStore::reserve_name(const std::string& wanted,
                                                 const ContainerId& id) {
  std::string name;
  if (!wanted.empty()) name = TRY(checked_name(wanted));
  const std::lock_guard lock(mutex_);
  if (name.empty())
    name = generated_name([&](const std::string& candidate) { return names_.contains(candidate); });
  const auto [entry, inserted] = names_.emplace(name, id);
  if (inserted) return name;
  return Error::conflict(
      fmt::format("Conflict. The container name \"/{}\" is already in use by container \"{}\". You "
                  "have to remove (or rename) that container to be able to reuse that name.",
                  name, entry->second.str()));
}

void ContainerStore::release_name(const std::string& name) {
  const std::lock_guard lock(mutex_);
  names_.erase(name);
}

Result<> ContainerStore::insert(const ContainerPtr& container) {
  std::string id;
  std::string name;
  std::string record;
  std::string state;
  Survives survives = Survives::PowerCut;
  {
    const auto details = container->details.lock();
    survives = needed_of(details->record);
    id = details->record.id.str();
    name = details->record.name;
    record = json::write(details->record);
    state = json::write(details->state);
  }
  TRY(database_.write([&](Connection& connection) -> Result<> {
    return connection.execute("INSERT INTO container(id, name, record, state) VALUES(?, ?, ?, ?)",
                              {id, name, record, state});
  }, survives));
  const std::lock_guard lock(mutex_);
  note_links(container->record());
  by_id_.emplace(id, container);
  return {};
}

Result<> ContainerStore::rename(Container& container, const std::string& new_name) {
  const ContainerRecord record = container.record();
  TRY(database_.write([&](Connection& connection) -> Result<> {
    return connection.execute("UPDATE container SET name = ? WHERE id = ?",
                              {new_name, record.id.str()});
  }));
  const std::lock_guard lock(mutex_);
  names_.erase(record.name);
  container.details.lock()->record.name = new_name;
  return {};
}

Result<> ContainerStore::save_record(Container& container) {
  std::string id;
  std::string record;
  {
    const auto details = container.details.lock();
    id = details->record.id.str();
    record = json::write(details->record);
  }
  return database_.write([&](Connection& connection) -> Result<> {
    return connection.execute("UPDATE container SET record = ? WHERE id = ?", {record, id});
  });
}

void ContainerStore::save_state_later(Container& container) {
  std::string id;
  std::string state;
  Survives survives = Survives::PowerCut;
  {
    const auto details = container.details.lock();
    survives = needed_of(details->record);
    id = details->record.id.str();
    state = json::write(details->state);
  }
  database_.write_later([id = std::move(id), state = std::move(state)](
                            Connection& connection) { return write_state(connection, id, state); },
      survives, Space::Reserve);
}

Result<> ContainerStore::save_state(Container& container) {
  std::string id;
  std::string state;
  Survives survives = Survives::PowerCut;
  {
    const auto details = container.details.lock();
    survives = needed_of(details->record);
    id = details->record.id.str();
    state = json::write(details->state);
  }
  return database_.write(
      [&](Connection& connection) -> Result<> { return write_state(connection, id, state); }, survives,
      Space::Reserve);
}

void ContainerStore::hide(Container& container) {
  const ContainerRecord record = container.record();
  const std::lock_guard lock(mutex_);
  by_id_.erase(record.id.str());
  const auto named = names_.find(record.name);
  if (named != names_.end() && named->second == record.id) names_.erase(named);
}

Result<> ContainerStore::delete_row(const Tombstone& tombstone) {
  return database_.write(
      [&](Connection& connection) -> Result<> { return bury(connection, tombstone); },
      Survives::PowerCut, Space::Reserve);
}

void ContainerStore::delete_row_later(const Tombstone& tombstone) {
  // Nobody was promised it: a power cut brings the row back, and reconcile removes it again.
  database_.write_later([tombstone](Connection& connection) { return bury(connection, tombstone); },
                        Survives::ProcessDeath, Space::Reserve);
}

Result<std::optional<Tombstone>> ContainerStore::find_tombstone(std::string_view id) {
  if (id.size() != kFullIdLength) return std::nullopt;
  const std::int64_t oldest = to_unix_seconds(now()) - kTombstoneLifetime_s;
  return database_.read([&](Connection& connection) -> Result<std::optional<Tombstone>> {
    auto rows = TRY(connection.query(
        "SELECT exit_code, error, removed_s FROM tombstone WHERE id = ? AND removed_s >= ?",
        {id, oldest}));
    const metadata::Row* row = TRY(rows.next());
    if (row == nullptr) return std::nullopt;
    return Tombstone{.id = ContainerId(std::string(id)),
                     .exit_code = row->integer(0),
                     .error = row->text(1),
                     .removed_unix_s = row->integer(2)};
  });
}

}  // namespace wherry::engine
