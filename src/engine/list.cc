// `docker ps`: the filters and the order.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/strings.h"
#include "base/time.h"
#include "engine/filters.h"
#include "engine/lifecycle.h"
#include "engine/unavailable.h"

namespace wherry::engine {
namespace {

using spec::docker::items;
constexpr std::array<std::string_view, 14> kKeys = {
    "ancestor", "before",  "exited", "expose",  "health", "id",    "isolation",
    "label",    "name",    "network", "publish", "since", "status", "volume"};
constexpr std::array<std::string_view, 7> kStatuses = {"created", "running",  "paused", "restarting",
                                                       "removing", "exited", "dead"};
constexpr std::array<std::string_view, 4> kHealths = {"none", "starting", "healthy", "unhealthy"};

struct Entry {
  ContainerPtr container;
  Instant created;
};

// `what` as docker names the values in its message.
Result<> check_values(const FilterMap& filters, const std::string& key, std::string_view what,
                      std::span<const std::string_view> allowed) {
  for (const std::string& value : filter_values(filters, key))
    if (std::ranges::find(allowed, value) == allowed.end())
      return Error::invalid(
          fmt::format("invalid filter '{0}={1}': invalid value for {2} ({1}): must be one of {3}",
                      key, value, what, fmt::join(allowed, ", ")));
  return {};
}

Result<> check_filters(const FilterMap& filters) {
  constexpr std::array<std::string_view, 1> task = {"is-task"};
  FilterMap known = filters;
  known.erase(std::string(task[0]));
  TRY(check_filter_keys(known, kKeys));
  TRY(boolean_filter(filters, "is-task", false));
  TRY(check_values(filters, "status", "state", kStatuses));
  TRY(check_values(filters, "health", "health", kHealths));
  for (const std::string& code : filter_values(filters, "exited"))
    if (!parse_i64(code))
      return Error::invalid(
          fmt::format("invalid filter 'exited={}': strconv.Atoi: parsing {}: invalid syntax", code,
                      quote(code)));
  return {};
}

Instant created_at(const ContainerRecord& record) {
  return parse_rfc3339(record.created).value_or(Instant());
}

// `before` and `since`: the time of creation of the container that the value names.
Result<std::optional<Instant>> creation_bound(Core& core, const FilterMap& filters, const std::string& key) {
  const auto& values = filter_values(filters, key);
  if (values.empty()) return std::nullopt;
  return created_at(TRY(core.containers->find(values.back()))->record());
}

// Image ids that an `ancestor` stands for; a container also matches by what it was made from.
std::vector<std::string> ancestor_ids(Core& core, const FilterMap& filters) {
  std::vector<std::string> ids;
  for (const std::string& value : filter_values(filters, "ancestor"))
    if (const auto image = core.images->inspect(value)) ids.push_back(image->id.str());
  return ids;
}

struct Query {
  const ListContainersOptions& options;
  std::optional<Instant> before;
  std::optional<Instant> since;
  std::vector<std::string> ancestors;
  std::optional<std::vector<std::string>> networks;  // names that the filter stands for
};

bool matches_volume(const FilterMap& filters, const ContainerRecord& record) {
  const auto& wanted = filter_values(filters, "volume");
  return wanted.empty() || std::ranges::any_of(record.mounts, [&](const ContainerMount& mount) {
           return std::ranges::find(wanted, mount.point.destination) != wanted.end() ||
                  (!mount.point.source.empty() &&
                   std::ranges::find(wanted, mount.point.source) != wanted.end()) ||
                  (!mount.point.name.empty() &&
                   std::ranges::find(wanted, mount.point.name) != wanted.end());
         });
}

std::optional<std::vector<std::string>> wanted_networks(Core& core, const FilterMap& filters) {
  const auto& wanted = filter_values(filters, "network");
  if (wanted.empty()) return std::nullopt;
  std::vector<std::string> names;
  for (const network::Description& network : core.networks->descriptions()) {
    const auto means_it = [&](const std::string& value) {
      return value == network.name || network.id.str().starts_with(value);
    };
    if (std::ranges::any_of(wanted, means_it)) names.push_back(network.name);
  }
  return names;
}

bool matches_network(const Query& query, const ContainerRecord& record) {
  return !query.networks || std::ranges::any_of(*query.networks, [&](const std::string& name) {
    return record.endpoints.contains(name);
  });
}

bool matches_exit_code(const FilterMap& filters, const State& state) {
  const auto& wanted = filter_values(filters, "exited");
  if (wanted.empty()) return true;
  return !state.finished_at.empty() && !state.has_process() &&
         std::ranges::any_of(wanted, [&](const std::string& code) { return parse_i64(code) == state.exit_code; });
}

// Takes no lock: it runs under that of the container.
bool matches(const Query& query, const ContainerRecord& record, const State& state) {
  const FilterMap& filters = query.options.filters;
  const bool everything = query.options.all || query.options.limit > 0 || filters.contains("status") ||
                          query.before || query.since || filters.contains("exited");
  if (!everything && !state.counts_as_running()) return false;
  // Nothing of these exists here yet: no container has ports, health checks or tasks.
  if (filters.contains("publish") || filters.contains("expose")) return false;
  if (!matches_exactly(filters, "health", "none")) return false;
  if (boolean_filter(filters, "is-task", false).value_or(false)) return false;
  if (query.before && created_at(record) >= *query.before) return false;
  if (query.since && created_at(record) <= *query.since) return false;
  if (filters.contains("ancestor") &&
      std::ranges::find(query.ancestors, record.image_id) == query.ancestors.end() &&
      !matches_exactly(filters, "ancestor", record.config.image))
    return false;
  return matches_pattern(filters, "id", record.id.str()) &&
         (matches_pattern(filters, "name", "/" + record.name) ||
          matches_exactly(filters, "name", record.name)) &&
         matches_exactly(filters, "status", state.status) &&
         matches_labels(filters, "label", items(record.config.labels)) &&
         matches_exit_code(filters, state) && matches_volume(filters, record) &&
         matches_network(query, record);
}

}  // namespace

Result<std::vector<spec::docker::ContainerSummary>> list_containers(
    Core& core, const ListContainersOptions& options) {
  TRY(check_filters(options.filters));
  const Query query{.options = options,
                    .before = TRY(creation_bound(core, options.filters, "before")),
                    .since = TRY(creation_bound(core, options.filters, "since")),
                    .ancestors = ancestor_ids(core, options.filters),
                    .networks = wanted_networks(core, options.filters)};
  std::vector<Entry> entries;
  for (const ContainerPtr& container : core.containers->all()) {
    const Instant created = created_at(container->details.lock()->record);
    entries.push_back({container, created});
  }
  // Newest first.
  std::ranges::sort(entries, std::ranges::greater(), &Entry::created);
  std::vector<spec::docker::ContainerSummary> shown;
  for (const Entry& entry : entries) {
    if (options.limit > 0 && std::ssize(shown) == options.limit) break;
    {
      // Records are large: read in place, not copied.
      const auto details = entry.container->details.lock();
      if (!matches(query, details->record, details->state)) continue;
      shown.push_back(summarize(details->record, details->state));
    }
    if (options.size) TRY(add_sizes(core, entry.container->record(), shown.back()));
  }
  return shown;
}

}  // namespace wherry::engine
