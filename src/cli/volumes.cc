// volume create, ls, rm, prune; inspect is in inspect.cc.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <cctype>

#include "base/strings.h"
#include "cli/confirm.h"
#include "cli/handlers.h"
#include "cli/human.h"
#include "cli/json_access.h"
#include "cli/list_format.h"
#include "cli/natural_order.h"
#include "cli/output.h"
#include "cli/ports.h"
#include "cli/rows.h"
#include "spec/json.h"

namespace wherry::cli {
namespace {

namespace bj = boost::json;

// "k=v" and "k" -> an object, the last of a name wins.
bj::object pairs_of(const std::vector<std::string>& texts) {
  bj::object pairs;
  for (const std::string& text : texts) {
    const auto pair = cut(text, '=');
    pairs[pair ? pair->before : std::string_view(text)] =
        bj::string(pair ? pair->after : std::string_view{});
  }
  return pairs;
}

ListStyle volume_style() {
  ListStyle style{.type = "*formatter.volumeContext"};
  style.default_table = "{{.Driver}}\t{{.Name}}";
  style.headings = {{"Availability", "AVAILABILITY"}, {"Driver", "DRIVER"}, {"Group", "GROUP"},
                    {"Labels", "LABELS"},             {"Links", "LINKS"},   {"Mountpoint", "MOUNTPOINT"},
                    {"Name", "VOLUME NAME"},          {"Scope", "SCOPE"},   {"Size", "SIZE"},
                    {"Status", "STATUS"}};
  return style;
}

}  // namespace

bj::object volume_row(const bj::value& volume) {
  bj::object row;
  std::vector<std::string> labels;
  for (const auto& [key, value] : members(at(volume, "Labels")))
    labels.push_back(fmt::format("{}={}", std::string_view(key), string_of(value)));
  std::ranges::sort(labels);
  const bj::value& usage = at(volume, "UsageData");
  const std::int64_t size = usage.is_object() ? number_at(usage, "Size") : -1;
  // In the order of their names: that is how docker writes them as JSON.
  row["Availability"] = "N/A";
  row["Driver"] = text_at(volume, "Driver");
  row["Group"] = "N/A";
  row["Labels"] = join(labels, ",");
  row["Links"] = usage.is_object() ? fmt::format("{}", number_at(usage, "RefCount")) : "N/A";
  row["Mountpoint"] = text_at(volume, "Mountpoint");
  row["Name"] = text_at(volume, "Name");
  row["Scope"] = text_at(volume, "Scope");
  row["Size"] = size >= 0 ? human_size(static_cast<double>(size)) : "N/A";
  row["Status"] = "N/A";
  return row;
}

int create_volume(const Invocation& invocation) {
  auto engine = invocation.session.engine();
  if (!engine) return fail(engine.error());
  bj::object request;
  if (!invocation.arguments.empty()) request["Name"] = invocation.arguments[0];
  request["Driver"] = invocation.flags.text("driver");
  if (auto options = pairs_of(invocation.flags.list("opt")); !options.empty())
    request["DriverOpts"] = std::move(options);
  if (auto labels = pairs_of(invocation.flags.list("label")); !labels.empty())
    request["Labels"] = std::move(labels);
  const auto answer = (*engine)->call_json({.method = "POST",
                                            .path = "/volumes/create",
                                            .body = json::write_value(request) + "\n",
                                            .content_type = "application/json"});
  if (!answer) return fail(answer.error());
  print(text_at(*answer, "Name") + "\n");
  return 0;
}

int list_volumes(const Invocation& invocation) {
  const Flags& flags = invocation.flags;
  auto config = invocation.session.config();
  if (!config) return fail(config.error());
  std::string format_text = flags.text("format");
  const bool quiet = flags.on("quiet");
  if (format_text.empty() && !quiet) format_text = (*config)->text("volumesFormat");
  ListStyle style = volume_style();
  ListFormat format = list_format(format_text, style);
  if (quiet && (format_text.empty() || format_text == "table")) format = {.text = "{{.Name}}"};
  auto engine = invocation.session.engine();
  if (!engine) return fail(engine.error());
  client::Call call{.path = "/volumes"};
  if (const std::string text = encode_filters(parse_filters(flags.list("filter"))); !text.empty())
    call.query["filters"] = text;
  const auto answer = (*engine)->call_json(call);
  if (!answer) return fail(answer.error());
  std::vector<bj::object> rows;
  std::map<std::string, const bj::value*> labels;
  for (const bj::value& volume : elements(at(*answer, "Volumes"))) {
    rows.push_back(volume_row(volume));
    labels[text_at(volume, "Name")] = &at(volume, "Labels");
  }
  style.label = [&labels](const bj::object& row, const std::string& name) -> std::optional<std::string> {
    const auto found = labels.find(string_of(row.at("Name")));
    return found == labels.end() ? std::nullopt : std::optional(text_at(*found->second, name));
  };
  std::ranges::sort(rows, natural_less, [](const bj::object& row) { return text_at(row, "Name"); });
  const auto text = format_rows(format, style, rows);
  if (!text) return fail(text.error());
  print(*text);
  return 0;
}

int remove_volumes(const Invocation& invocation) {
  auto engine = invocation.session.engine();
  if (!engine) return fail(engine.error());
  client::Query query;
  if (invocation.flags.on("force")) query["force"] = "1";
  std::vector<std::string> errors;
  for (const std::string& name : invocation.arguments) {
    const auto done = (*engine)->call({.method = "DELETE", .path = "/volumes/" + name, .query = query});
    if (done) print(name + "\n");
    else errors.push_back(done.error().message());
  }
  if (errors.empty()) return 0;
  print_error(join(errors, "\n") + "\n");
  return 1;
}

int prune_volumes(const Invocation& invocation) {
  auto filters = parse_filters(invocation.flags.list("filter"));
  const bool all = invocation.flags.on("all");
  if (all && filters.contains("all")) {
    print_error("conflicting options: cannot specify both --all and --filter all=1\n");
    return 1;
  }
  if (all) filters["all"] = {"true"};
  const std::string_view what = all ? "all" : "anonymous";
  if (!invocation.flags.on("force") &&
      !confirm(fmt::format("WARNING! This will remove {} local volumes not used by at least one container.\n"
                           "Are you sure you want to continue?", what))) {
    return 0;
  }
  auto engine = invocation.session.engine();
  if (!engine) return fail(engine.error());
  client::Call call{.method = "POST", .path = "/volumes/prune"};
  if (const std::string text = encode_filters(filters); !text.empty()) call.query["filters"] = text;
  const auto answer = (*engine)->call_json(call);
  if (!answer) return fail(answer.error());
  const auto& deleted = elements(at(*answer, "VolumesDeleted"));
  std::string text = deleted.empty() ? "" : "Deleted Volumes:\n";
  for (const bj::value& name : deleted) text += string_of(name) + "\n";
  if (!deleted.empty()) text += "\n";
  const auto bytes = static_cast<double>(number_at(*answer, "SpaceReclaimed"));
  print(text + fmt::format("Total reclaimed space: {}\n", human_size(bytes)));
  return 0;
}

}  // namespace wherry::cli
