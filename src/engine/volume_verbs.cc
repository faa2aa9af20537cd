#include "engine/volume_verbs.h"

#include <fmt/format.h>

#include <array>

#include "base/log.h"
#include "base/strings.h"
#include "engine/filters.h"
#include "engine/unavailable.h"

namespace wherry::engine {
namespace {

using spec::docker::items;
using spec::docker::Volume;

constexpr std::array<std::string_view, 4> kListFilters = {"dangling", "name", "driver", "label"};
constexpr std::array<std::string_view, 3> kPruneFilters = {"label", "label!", "all"};

Volume describe(const Core& core, const volume::Record& record) {
  Volume shown;
  shown.name = record.name;
  shown.driver = "local";
  shown.created_at = record.created;
  shown.mountpoint = core.volumes->path_of(record.name);
  shown.labels = record.labels;
  shown.options = record.options;
  return shown;
}

// `label!` of prune: none of them may match.
bool matches_no_label(const FilterMap& filters, const std::map<std::string, std::string>& labels) {
  for (const std::string& value : filter_values(filters, "label!"))
    if (matches_labels({{"label", {value}}}, "label", labels)) return false;
  return true;
}

}  // namespace

Result<> check_volume_driver(const std::string& volume, const std::string& driver) {
  if (driver.empty() || driver == "local") return {};
  return Error::not_found(fmt::format(
      "create {0}: error looking up volume plugin {1}: plugin \"{1}\" not found", volume, driver));
}

void publish_volume_event(Core& core, const std::string& name, const std::string& action,
                          std::map<std::string, std::string> extra) {
  extra["driver"] = "local";
  core.events.publish("volume", action, {.id = name, .attributes = std::move(extra)});
}

void empty_volume_trash(Core& core) {
  core.workers.post([&core] { core.volumes->empty_trash(); });
}

Result<Volume> create_volume(Core& core, const spec::docker::VolumeCreateRequest& request) {
  if (request.cluster_volume_spec) return flag_not_available("--type");
  TRY(check_volume_driver(request.name, request.driver));
  const volume::Created created = TRY(core.volumes->create(
      {.name = request.name, .labels = request.labels, .options = request.driver_opts, .user = {}}));
  if (created.made == volume::Made::New) publish_volume_event(core, created.record.name, "create");
  return describe(core, created.record);
}

Result<Volume> inspect_volume(Core& core, const std::string& name) {
  return describe(core, TRY(core.volumes->find(name)));
}

Result<spec::docker::VolumeListResponse> list_volumes(Core& core, const FilterMap& filters) {
  TRY(check_filter_keys(filters, kListFilters));
  const bool asks_dangling = filters.contains("dangling");
  const bool dangling = TRY(boolean_filter(filters, "dangling", false));
  spec::docker::VolumeListResponse response;
  for (const volume::Record& record : core.volumes->list()) {
    if (!matches_pattern(filters, "name", record.name) || !matches_exactly(filters, "driver", "local") ||
        !matches_labels(filters, "label", items(record.labels)))
      continue;
    if (asks_dangling && core.volumes->usage(record.name).containers.empty() != dangling) continue;
    response.volumes.push_back(describe(core, record));
  }
  return response;
}

Result<std::vector<Volume>> volume_usage(Core& core) {
  std::vector<Volume> volumes;
  for (const volume::Record& record : core.volumes->list()) {
    // docker leaves out what has options: its data is somewhere else.
    if (!items(record.options).empty()) continue;
    Volume shown = describe(core, record);
    const auto size = core.volumes->size(record.name);
    // One that is removed meanwhile has none.
    shown.usage_data = spec::docker::VolumeUsageData{
        .ref_count = std::ssize(core.volumes->usage(record.name).containers),
        .size = size ? static_cast<std::int64_t>(*size) : -1};
    volumes.push_back(std::move(shown));
  }
  return volumes;
}

Result<> remove_volume(Core& core, const std::string& name, Force force) {
  Result<> removed = core.database->with_reserve([&] { return core.volumes->remove(name); });
  if (!removed && force == Force::Yes && removed.error().kind() == ErrorKind::NotFound) return {};
  if (!removed) return removed;
  publish_volume_event(core, name, "destroy");
  empty_volume_trash(core);
  return {};
}

Result<spec::docker::VolumePruneResponse> prune_volumes(Core& core, const FilterMap& filters) {
  TRY(check_filter_keys(filters, kPruneFilters));
  const bool all = TRY(boolean_filter(filters, "all", false));
  spec::docker::VolumePruneResponse response;
  for (const volume::Record& record : core.volumes->list()) {
    const auto& labels = items(record.labels);
    // Likewise spared.
    if (!items(record.options).empty()) continue;
    if (!all && !labels.contains(volume::kAnonymousLabel)) continue;
    if (!matches_labels(filters, "label", labels) || !matches_no_label(filters, labels)) continue;
    if (!core.volumes->usage(record.name).containers.empty()) continue;
    const std::uint64_t size = core.volumes->size(record.name).value_or(0);
    // Somebody may have begun to use it: it stays.
    if (auto removed = remove_volume(core, record.name, Force::No); !removed) {
      if (removed.error().kind() != ErrorKind::Conflict)
        log::warning("prune: {}", removed.error().message());
      continue;
    }
    if (!response.volumes_deleted) response.volumes_deleted.emplace();
    response.volumes_deleted->push_back(record.name);
    response.space_reclaimed += size;
  }
  core.events.publish("volume", "prune",
                      {.id = "", .attributes = {{"reclaimed", std::to_string(response.space_reclaimed)}}});
  return response;
}

}  // namespace wherry::engine
