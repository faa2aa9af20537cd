// ps, container ls.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "base/strings.h"
#include "base/time.h"
#include "cli/handlers.h"
#include "cli/human.h"
#include "cli/json_access.h"
#include "cli/list_format.h"
#include "cli/output.h"
#include "cli/ports.h"
#include "cli/rows.h"
#include "spec/reference.h"

namespace wherry::cli {
namespace {

namespace bj = boost::json;


constexpr std::size_t kCommandCharacters = 20;
constexpr std::size_t kMountCharacters = 15;

ListStyle container_style(bool size) {
  ListStyle style{.type = "*formatter.ContainerContext"};
  style.default_table =
      "{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}";
  if (size) style.default_table += "\t{{.Size}}";
  style.headings = {
      {"Command", "COMMAND"},   {"CreatedAt", "CREATED AT"}, {"ID", "CONTAINER ID"},
      {"Image", "IMAGE"},       {"Labels", "LABELS"},        {"LocalVolumes", "LOCAL VOLUMES"},
      {"Mounts", "MOUNTS"},     {"Names", "NAMES"},          {"Networks", "NETWORKS"},
      {"Platform", "PLATFORM"}, {"Ports", "PORTS"},          {"RunningFor", "CREATED"},
      {"Size", "SIZE"},         {"State", "STATE"},          {"Status", "STATUS"}};
  return style;
}

std::string names_of(const bj::value& container, Truncate truncate) {
  std::vector<std::string> names;
  for (const bj::value& name : elements(at(container, "Names"))) {
    std::string text = string_of(name);
    if (text.starts_with('/')) text.erase(0, 1);
    // A name with a slash is a link's: another container's view of this one.
    if (truncate == Truncate::No || text.find('/') == std::string::npos)
      names.push_back(std::move(text));
  }
  return join(names, ",");
}

std::string image_of(const bj::value& container, Truncate truncate) {
  const std::string image = text_at(container, "Image");
  if (image.empty()) return "<no image>";
  if (truncate == Truncate::No) return image;
  const std::string id = text_at(container, "ImageID");
  if (!id.empty() && short_id(id) == short_id(image)) return short_id(id);
  auto reference = spec::parse_reference(image);
  if (!reference || reference->digest.empty() || reference->tag.empty()) return image;
  reference->digest = {};
  return reference->familiar();
}

std::string mounts_of(const bj::value& container, Truncate truncate) {
  std::vector<std::string> mounts;
  for (const bj::value& mount : elements(at(container, "Mounts"))) {
    const std::string name = text_at(mount, "Name");
    const std::string text = name.empty() ? text_at(mount, "Source") : name;
    mounts.push_back(truncate == Truncate::Yes ? ellipsis(text, kMountCharacters) : text);
  }
  return join(mounts, ",");
}

std::string pairs_of(const bj::value& object) {
  std::vector<std::string> pairs;
  for (const auto& pair : members(object))
    pairs.push_back(fmt::format("{}={}", std::string_view(pair.key()), string_of(pair.value())));
  return join(pairs, ",");
}

std::string networks_of(const bj::value& container) {
  std::vector<std::string> names;
  for (const auto& network : members(at(at(container, "NetworkSettings"), "Networks")))
    names.emplace_back(network.key());
  return join(names, ",");
}

std::string size_of(const bj::value& container) {
  const std::string written = human_size(static_cast<double>(number_at(container, "SizeRw")));
  const std::int64_t total = number_at(container, "SizeRootFs");
  if (total <= 0) return written;
  return fmt::format("{} (virtual {})", written, human_size(static_cast<double>(total)));
}

// A template that cannot be right is told of before anything is asked for: it is tried on a
// row of empty texts.
Result<> try_format(std::string_view format, const ListStyle& style) {
  bj::object empty = style.headings;
  for (auto& field : empty) field.value() = "";
  ListStyle quiet = style;
  quiet.label = [](const bj::object&, const std::string&) {
    return std::optional<std::string>("");
  };
  TRY(format_rows({.text = list_format(format, style).text}, quiet, {empty}));
  return {};
}

client::Call list_call(const Flags& flags, bool size) {
  client::Call call{.path = "/containers/json"};
  const bool all = flags.on("all");
  std::int64_t last = flags.number("last");
  if (flags.on("latest") && !flags.given("last")) last = 1;
  if (all) call.query["all"] = "1";
  if (last > 0) call.query["limit"] = fmt::format("{}", last);
  if (size) call.query["size"] = "1";
  const std::string filters = encode_filters(parse_filters(flags.list("filter")));
  if (!filters.empty()) call.query["filters"] = filters;
  return call;
}

}  // namespace

bj::object container_row(const bj::value& container, Truncate truncate) {
  const bool cut_short = truncate == Truncate::Yes;
  const std::string command = text_at(container, "Command");
  const std::int64_t created = number_at(container, "Created");
  const auto local = std::ranges::count_if(
      elements(at(container, "Mounts")),
      [](const bj::value& mount) { return text_at(mount, "Driver") == "local"; });
  const std::string id = text_at(container, "Id");
  const std::int64_t age = to_unix_seconds(now()) - created;
  bj::object row;
  row["Command"] = quote(cut_short ? ellipsis(command, kCommandCharacters) : command);
  row["CreatedAt"] = local_time(created);
  row["ID"] = cut_short ? short_id(id) : id;
  row["Image"] = image_of(container, truncate);
  row["Labels"] = pairs_of(at(container, "Labels"));
  row["LocalVolumes"] = fmt::format("{}", local);
  row["Mounts"] = mounts_of(container, truncate);
  row["Names"] = names_of(container, truncate);
  row["Networks"] = networks_of(container);
  row["Platform"] = nullptr;
  row["Ports"] = displayable_ports(at(container, "Ports"));
  row["RunningFor"] = human_duration(std::chrono::seconds(age)) + " ago";
  row["Size"] = size_of(container);
  row["State"] = text_at(container, "State");
  row["Status"] = text_at(container, "Status");
  return row;
}

int list_containers(const Invocation& invocation) {
  const Flags& flags = invocation.flags;
  std::string format_text = flags.text("format");
  auto config = invocation.session.config();
  if (!config) return fail(config.error());
  const bool quiet = flags.on("quiet");
  if (format_text.empty() && !quiet) format_text = (*config)->text("psFormat");
  ListStyle style = container_style(flags.on("size"));
  ListFormat format = list_format(format_text, style);
  if (quiet && (format_text.empty() || format_text == "table")) format = {.text = "{{.ID}}"};
  const bool own_template = !format_text.empty() && format_text != "table" && format_text != "json";
  const bool size = flags.on("size") || (own_template && format_mentions(format, "Size"));

  if (own_template) {
    if (auto tried = try_format(format_text, style); !tried) return fail(tried.error());
  }
  auto engine = invocation.session.engine();
  if (!engine) return fail(engine.error());
  const auto answer = (*engine)->call_json(list_call(flags, size));
  if (!answer) return fail(answer.error());
  const Truncate truncate = flags.on("no-trunc") ? Truncate::No : Truncate::Yes;
  std::vector<bj::object> rows;
  for (const bj::value& container : elements(*answer)) rows.push_back(container_row(container, truncate));
  std::size_t next = 0;
  std::map<const bj::object*, const bj::value*> labels;
  for (const bj::value& container : elements(*answer))
    labels[&rows[next++]] = &at(container, "Labels");
  style.label = [&labels](const bj::object& row,
                          const std::string& name) -> std::optional<std::string> {
    return text_at(*labels.at(&row), name);
  };
  const auto text = format_rows(format, style, rows);
  if (!text) return fail(text.error());
  print(*text);
  return 0;
}

}  // namespace wherry::cli
