// system df.
#include <fmt/format.h>

#include <algorithm>

#include "cli/go_template.h"
#include "cli/handlers.h"
#include "cli/human.h"
#include "cli/json_access.h"
#include "cli/list_format.h"
#include "cli/natural_order.h"
#include "cli/output.h"
#include "cli/rows.h"
#include "spec/json.h"

namespace wherry::cli {
namespace {

namespace bj = boost::json;

constexpr int kDigits = 4;  // docker rounds here to four, in lists to three

// One line of the short form.
struct Sum {
  const char* type;
  std::int64_t total = 0;
  std::int64_t active = 0;
  std::int64_t bytes = 0;
  std::int64_t reclaimable = 0;
};

Sum sum_images(const bj::value& usage) {
  Sum sum{.type = "Images", .bytes = number_at(usage, "LayersSize")};
  std::int64_t used = 0;
  for (const bj::value& image : elements(at(usage, "Images"))) {
    ++sum.total;
    if (number_at(image, "Containers") <= 0) continue;
    ++sum.active;
    const std::int64_t size = number_at(image, "Size");
    const std::int64_t shared = number_at(image, "SharedSize");
    if (size != -1 && shared != -1) used += size - shared;
  }
  sum.reclaimable = sum.bytes - used;
  return sum;
}

bool is_active(const std::string& state) {
  return state == "running" || state == "paused" || state == "restarting";
}

Sum sum_containers(const bj::value& usage) {
  Sum sum{.type = "Containers"};
  for (const bj::value& container : elements(at(usage, "Containers"))) {
    const std::int64_t size = number_at(container, "SizeRw");
    const bool active = is_active(text_at(container, "State"));
    ++sum.total;
    sum.bytes += size;
    if (active) ++sum.active;
    else sum.reclaimable += size;
  }
  return sum;
}

Sum sum_volumes(const bj::value& usage) {
  Sum sum{.type = "Local Volumes"};
  for (const bj::value& volume : elements(at(usage, "Volumes"))) {
    const bj::value& data = at(volume, "UsageData");
    const std::int64_t size = std::max<std::int64_t>(0, number_at(data, "Size"));
    ++sum.total;
    sum.bytes += size;
    if (number_at(data, "RefCount") > 0) ++sum.active;
    else sum.reclaimable += size;
  }
  return sum;
}

std::string size_text(std::int64_t bytes) { return human_size(static_cast<double>(bytes), kDigits); }

bj::object row_of(const Sum& sum) {
  std::string reclaimable = size_text(sum.reclaimable);
  if (sum.bytes > 0) reclaimable += fmt::format(" ({}%)", sum.reclaimable * 100 / sum.bytes);
  return {{"Active", fmt::format("{}", sum.active)},
          {"Reclaimable", reclaimable},
          {"Size", size_text(sum.bytes)},
          {"TotalCount", fmt::format("{}", sum.total)},
          {"Type", sum.type}};
}

ListStyle sum_style() {
  return {.default_table = "{{.Type}}\t{{.TotalCount}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}",
          .type = "*formatter.diskUsageContext",
          .headings = {{"Type", "TYPE"}, {"TotalCount", "TOTAL"}, {"Active", "ACTIVE"},
                       {"Size", "SIZE"}, {"Reclaimable", "RECLAIMABLE"}},
          .label = {}};
}

int print_sums(const bj::value& usage, const std::string& format_text) {
  const ListStyle style = sum_style();
  const std::vector<bj::object> rows = {row_of(sum_images(usage)), row_of(sum_containers(usage)),
                                        row_of(sum_volumes(usage)), row_of(Sum{.type = "Build Cache"})};
  const auto text = format_rows(list_format(format_text, style), style, rows);
  if (!text) return fail(text.error());
  print(*text);
  return 0;
}

using Rows = std::vector<bj::object>;

Rows rows_of_images(const bj::value& usage, Truncate truncate) {
  Rows rows;
  for (const bj::value& image : elements(at(usage, "Images"))) {
    for (bj::object& row : image_rows(image, truncate)) {
      row["Digest"] = "";
      rows.push_back(std::move(row));
    }
  }
  return rows;
}

Rows rows_of_containers(const bj::value& usage, Truncate truncate) {
  Rows rows;
  for (const bj::value& container : elements(at(usage, "Containers"))) {
    rows.push_back(container_row(container, truncate));
    // Only what it wrote: its image is counted above.
    rows.back()["Size"] = human_size(static_cast<double>(number_at(container, "SizeRw")));
  }
  return rows;
}

Rows rows_of_volumes(const bj::value& usage) {
  Rows rows;
  for (const bj::value& volume : elements(at(usage, "Volumes"))) rows.push_back(volume_row(volume));
  std::ranges::sort(rows, natural_less, [](const bj::object& row) { return text_at(row, "Name"); });
  return rows;
}

// A table of the long form; `columns` are pairs of field and heading.
struct Column {
  const char* field;
  const char* heading;
};
Result<std::string> table(const std::vector<Column>& columns, const Rows& rows) {
  ListStyle style{.default_table = {}, .type = "*formatter.diskUsageContext", .headings = {}, .label = {}};
  for (const Column& column : columns) {
    if (!style.default_table.empty()) style.default_table += "\t";
    style.default_table += fmt::format("{{{{.{}}}}}", column.field);
    style.headings[column.field] = column.heading;
  }
  return format_rows(list_format("", style), style, rows);
}

Result<std::string> long_form(const bj::value& usage) {
  std::string text = "Images space usage:\n\n";
  text += TRY(table({{"Repository", "REPOSITORY"}, {"Tag", "TAG"}, {"ID", "IMAGE ID"},
                     {"CreatedSince", "CREATED"}, {"Size", "SIZE"}, {"SharedSize", "SHARED SIZE"},
                     {"UniqueSize", "UNIQUE SIZE"}, {"Containers", "CONTAINERS"}},
                    rows_of_images(usage, Truncate::Yes)));
  text += "\nContainers space usage:\n\n";
  text += TRY(table({{"ID", "CONTAINER ID"}, {"Image", "IMAGE"}, {"Command", "COMMAND"},
                     {"LocalVolumes", "LOCAL VOLUMES"}, {"Size", "SIZE"}, {"RunningFor", "CREATED"},
                     {"Status", "STATUS"}, {"Names", "NAMES"}},
                    rows_of_containers(usage, Truncate::Yes)));
  text += "\nLocal Volumes space usage:\n\n";
  text += TRY(table({{"Name", "VOLUME NAME"}, {"Links", "LINKS"}, {"Size", "SIZE"}}, rows_of_volumes(usage)));
  text += "\nBuild cache usage: 0B\n\n";
  text += TRY(table({{"ID", "CACHE ID"}, {"CacheType", "CACHE TYPE"}, {"Size", "SIZE"},
                     {"CreatedSince", "CREATED"}, {"LastUsedSince", "LAST USED"},
                     {"UsageCount", "USAGE"}, {"Shared", "SHARED"}}, {}));
  return text;
}

bj::array array_of(const Rows& rows) {
  bj::array array;
  for (const bj::object& row : rows) array.push_back(row);
  return array;
}

Result<std::string> long_form_by(const std::string& format, const bj::value& usage) {
  bj::object lists;
  lists["Images"] = array_of(rows_of_images(usage, Truncate::No));
  lists["Containers"] = array_of(rows_of_containers(usage, Truncate::No));
  lists["Volumes"] = array_of(rows_of_volumes(usage));
  lists["BuildCache"] = bj::array();
  if (format == "json") return json::write_value(lists);
  const GoTemplate parsed = TRY_AS("template parsing error", GoTemplate::parse(format, {.name = ""}));
  return TRY_AS("template parsing error", parsed.execute(lists));
}

}  // namespace

int print_disk_usage(const Invocation& invocation) {
  const std::string format = invocation.flags.text("format");
  auto engine = invocation.session.engine();
  if (!engine) return fail(engine.error());
  const auto usage = (*engine)->call_json({.path = "/system/df"});
  if (!usage) return fail(usage.error());
  if (!invocation.flags.on("verbose")) return print_sums(*usage, format);
  const bool tables = format.empty() || format == "table";
  const auto text = tables ? long_form(*usage) : long_form_by(format, *usage);
  if (!text) return fail(text.error());
  print(*text);
  return 0;
}

}  // namespace wherry::cli
