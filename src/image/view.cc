// Images: lists and details, in docker's terms.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <set>

#include "base/moment.h"
#include "base/strings.h"
#include "image/glob.h"
#include "image/images_parts.h"

namespace wherry::image {
namespace {

using Predicate = std::function<bool(const Record& record)>;

Instant created_of(const Record& record) {
  return parse_rfc3339(record.config.created).value_or(Instant());
}

struct Names {
  std::vector<std::string> tags;
  std::vector<std::string> digests;
};

// Docker's clients know our "overlay" as overlay2.
std::string docker_name(std::string_view driver) {
  return driver == "overlay" ? "overlay2" : std::string(driver);
}

Names familiar_names(const Catalog& catalog, const ImageId& id) {
  Names names;
  for (const spec::Reference& name : catalog.names_of(id))
    (name.digest.empty() ? names.tags : names.digests).push_back(name.familiar());
  return names;
}

// "true", "1" ... as Go's strconv.ParseBool takes them.
Result<bool> parse_bool(std::string_view key, std::string_view text) {
  static constexpr std::array<std::string_view, 6> kTrue = {"1", "t", "T", "true", "TRUE", "True"};
  static constexpr std::array<std::string_view, 6> kFalse = {"0",     "f",     "F",
                                                             "false", "FALSE", "False"};
  if (std::ranges::find(kTrue, text) != kTrue.end()) return true;
  if (std::ranges::find(kFalse, text) != kFalse.end()) return false;
  return Error::invalid(fmt::format("invalid filter '{}=[{}]'", key, text));
}

// "k" or "k=v" against a set of labels.
bool has_label(const Record& record, std::string_view wanted) {
  const auto& labels = record.config.config.labels;
  if (!labels) return false;
  const auto parts = cut(wanted, '=');
  const auto found = labels->find(std::string(parts ? parts->before : wanted));
  return found != labels->end() && (!parts || found->second == parts->after);
}

Result<Instant> parse_until(std::string_view text) {
  if (const auto moment = parse_moment(text, now())) return *moment;
  return Error::invalid(fmt::format("invalid value for \"until\" filter: {}", quote(text)));
}

// docker: "alpine", "alpine:3.*", "library/*", "*/*:latest"; without a tag, any tag.
bool matches_reference(const spec::Reference& name, std::string_view pattern) {
  return matches_glob(pattern, name.familiar()) || matches_glob(pattern, name.familiar_name());
}

// Turns docker's filters into predicates.
class Filters {
 public:
  explicit Filters(const Catalog& catalog) : catalog_(catalog) {}

  Result<> add(const std::string& key, const std::vector<std::string>& values) {
    if (key == "dangling") return add_dangling(values);
    if (key == "label" || key == "label!") return add_labels(values, key == "label");
    if (key == "reference") return add_references(values);
    if (key == "before" || key == "since" || key == "until") return add_times(key, values);
    return Error::invalid(fmt::format("invalid filter '{}'", key));
  }

  [[nodiscard]] bool accept(const Record& record) const {
    return std::ranges::all_of(predicates_, [&](const auto& accepts) { return accepts(record); });
  }
  [[nodiscard]] bool accept_name(const spec::Reference& name) const {
    return references_.empty() || std::ranges::any_of(references_, [&](const auto& pattern) {
             return matches_reference(name, pattern);
           });
  }
  [[nodiscard]] bool by_name() const { return !references_.empty(); }

 private:
  Result<> add_dangling(const std::vector<std::string>& values) {
    for (const std::string& value : values) {
      const bool wanted = TRY(parse_bool("dangling", value));
      predicates_.emplace_back([this, wanted](const Record& record) {
        const auto names = catalog_.names_of(record.id);
        const bool tagged =
            std::ranges::any_of(names, [](const auto& name) { return name.digest.empty(); });
        return tagged != wanted;
      });
    }
    return {};
  }

  Result<> add_labels(const std::vector<std::string>& values, bool wanted) {
    for (const std::string& value : values)
      predicates_.emplace_back(
          [value, wanted](const Record& record) { return has_label(record, value) == wanted; });
    return {};
  }

  Result<> add_references(const std::vector<std::string>& values) {
    for (const std::string& value : values) {
      if (!is_valid_glob(value))
        return Error::invalid(fmt::format("invalid filter 'reference=[{}]': syntax error in pattern", value));
      references_.push_back(value);
    }
    return {};
  }

  Result<> add_times(const std::string& key, const std::vector<std::string>& values) {
    for (const std::string& value : values) {
      const Instant limit = key == "until" ? TRY(parse_until(value))
                                           : created_of(*TRY(catalog_.find(value)));
      const bool later = key == "since";
      predicates_.emplace_back([limit, later](const Record& record) {
        const Instant created = created_of(record);
        return later ? created > limit : created < limit;
      });
    }
    return {};
  }

  const Catalog& catalog_;
  std::vector<Predicate> predicates_;
  std::vector<std::string> references_;
};

}  // namespace

Result<std::vector<Summary>> Images::list(const ListOptions& options) {
  Filters filters(*parts_->catalog);
  for (const auto& [key, values] : options.filters) TRY(filters.add(key, values));
  std::vector<std::pair<Instant, Summary>> found;
  for (const RecordPtr& record : parts_->catalog->all()) {
    if (!filters.accept(*record)) continue;
    Summary summary{.id = record->id, .parent = record->parent, .size = record->size};
    const auto names = parts_->catalog->names_of(record->id);
    for (const spec::Reference& name : names) {
      if (!filters.accept_name(name)) continue;
      (name.digest.empty() ? summary.repo_tags : summary.repo_digests).push_back(name.familiar());
    }
    const bool shown = !summary.repo_tags.empty() || !summary.repo_digests.empty();
    if (filters.by_name() && !shown) continue;
    const bool intermediate = names.empty() && !parts_->catalog->children_of(record->id).empty();
    if (intermediate && !options.all) continue;
    const Instant created = created_of(*record);
    summary.created_s = to_unix_seconds(created);
    if (record->config.config.labels) summary.labels = *record->config.config.labels;
    found.emplace_back(created, std::move(summary));
  }
  std::ranges::stable_sort(found, std::ranges::greater(), [](const auto& entry) { return entry.first; });
  std::vector<Summary> summaries;
  for (auto& [created, summary] : found) summaries.push_back(std::move(summary));
  return summaries;
}

Result<Details> Images::inspect(std::string_view name) {
  const RecordPtr record = TRY(parts_->catalog->find(name));
  Names names = familiar_names(*parts_->catalog, record->id);
  Details details{.id = record->id,
                  .config = record->config,
                  .config_json = record->config_json,
                  .repo_tags = std::move(names.tags),
                  .repo_digests = std::move(names.digests),
                  .parent = record->parent,
                  .size = record->size,
                  .last_tag_time = record->tagged,
                  .driver = docker_name(parts_->snapshots().name())};
  for (const Layer& layer : record->layers) details.diff_ids.push_back(layer.diff_id);
  return details;
}

}  // namespace wherry::image
