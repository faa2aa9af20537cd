// images, image ls, rm, tag.
#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"
#include "base/time.h"
#include "cli/handlers.h"
#include "cli/human.h"
#include "cli/json_access.h"
#include "cli/list_format.h"
#include "cli/output.h"
#include "cli/ports.h"
#include "cli/pull.h"
#include "cli/rows.h"
#include "spec/reference.h"

namespace wherry::cli {
namespace {

namespace bj = boost::json;

constexpr std::string_view kNone = "<none>";

struct Style {
  bool digests = false;
  bool no_trunc = false;
};

struct Name {
  std::string repository;
  std::string tag;
  std::string digest;
};

ListStyle image_style(const Style& style) {
  ListStyle list{.type = "*formatter.imageContext"};
  list.default_table = fmt::format(
      "{{{{.Repository}}}}\t{{{{.Tag}}}}\t{}{{{{.ID}}}}\t{{{{.CreatedSince}}}}\t{{{{.Size}}}}",
      style.digests ? "{{.Digest}}\t" : "");
  list.headings = {{"Containers", "CONTAINERS"},
                   {"CreatedAt", "CREATED AT"},
                   {"CreatedSince", "CREATED"},
                   {"Digest", "DIGEST"},
                   {"ID", "IMAGE ID"},
                   {"Repository", "REPOSITORY"},
                   {"SharedSize", "SHARED SIZE"},
                   {"Size", "SIZE"},
                   {"Tag", "TAG"},
                   {"UniqueSize", "UNIQUE SIZE"},
                   {"VirtualSize", "SIZE"}};
  return list;
}

// "localhost:5000/a@sha256:..." -> repository and digest.
std::vector<Name> digests_of(const bj::value& image) {
  std::vector<Name> names;
  for (const bj::value& value : elements(at(image, "RepoDigests"))) {
    const std::string text = string_of(value);
    const auto pair = cut(text, '@');
    if (pair && pair->before != kNone)
      names.push_back(
          {.repository = std::string(pair->before), .digest = std::string(pair->after)});
  }
  return names;
}

std::vector<Name> tags_of(const bj::value& image) {
  std::vector<Name> names;
  for (const bj::value& value : elements(at(image, "RepoTags"))) {
    const std::string text = string_of(value);
    const std::size_t colon = text.rfind(':');
    if (colon == std::string::npos || text.starts_with(kNone)) continue;
    names.push_back({.repository = text.substr(0, colon), .tag = text.substr(colon + 1)});
  }
  return names;
}

// The rows of one image: one per tag (and digest of that repository, if digests are shown),
// then the repositories that have only a digest.
std::vector<Name> names_of(const bj::value& image, bool digests) {
  const std::vector<Name> tags = tags_of(image);
  std::vector<Name> rows;
  std::vector<Name> known = digests_of(image);
  for (const Name& tag : tags) {
    bool found = false;
    for (const Name& digest : known) {
      if (!digests || digest.repository != tag.repository) continue;
      rows.push_back({tag.repository, tag.tag, digest.digest});
      found = true;
    }
    if (!found) rows.push_back(tag);
  }
  for (const Name& digest : known) {
    const bool tagged = std::ranges::any_of(
        tags, [&](const Name& tag) { return tag.repository == digest.repository; });
    if (!tagged) rows.push_back({digest.repository, "", digest.digest});
  }
  if (rows.empty()) rows.push_back({std::string(kNone), std::string(kNone), ""});
  return rows;
}

std::string or_none(const std::string& text) {
  return text.empty() ? std::string(kNone) : text;
}

bj::object row_of(const bj::value& image, const Name& name, const Style& style) {
  const std::int64_t created = number_at(image, "Created");
  const std::string id = text_at(image, "Id");
  const auto size = static_cast<double>(number_at(image, "Size"));
  const auto count = [&](std::string_view key, auto text) {
    return number_at(image, key) == -1 || at(image, key).is_null() ? std::string("N/A")
                                                                   : text(number_at(image, key));
  };
  const auto bytes = [](std::int64_t number) { return human_size(static_cast<double>(number)); };
  bj::object row;
  row["Containers"] =
      count("Containers", [](std::int64_t number) { return fmt::format("{}", number); });
  row["CreatedAt"] = local_time(created);
  row["CreatedSince"] =
      human_duration(std::chrono::seconds(to_unix_seconds(now()) - created)) + " ago";
  row["Digest"] = or_none(name.digest);
  row["ID"] = style.no_trunc ? id : short_id(id);
  row["Repository"] = name.repository;
  row["SharedSize"] = count("SharedSize", bytes);
  row["Size"] = human_size(size);
  row["Tag"] = or_none(name.tag);
  row["UniqueSize"] = at(image, "SharedSize").is_null() || number_at(image, "SharedSize") == -1
                          ? "N/A"
                          : human_size(size - static_cast<double>(number_at(image, "SharedSize")));
  row["VirtualSize"] = human_size(size, 4);
  return row;
}

client::Call list_call(const Invocation& invocation) {
  client::Call call{.path = "/images/json"};
  auto filters = parse_filters(invocation.flags.list("filter"));
  if (!invocation.arguments.empty()) filters["reference"].push_back(invocation.arguments[0]);
  if (invocation.flags.on("all")) call.query["all"] = "1";
  if (const std::string text = encode_filters(filters); !text.empty()) call.query["filters"] = text;
  return call;
}

}  // namespace

std::vector<bj::object> image_rows(const bj::value& image, Truncate truncate) {
  const Style style{.no_trunc = truncate == Truncate::No};
  std::vector<bj::object> rows;
  for (const Name& name : names_of(image, false)) rows.push_back(row_of(image, name, style));
  return rows;
}

int list_images(const Invocation& invocation) {
  const Flags& flags = invocation.flags;
  std::string format_text = flags.text("format");
  auto config = invocation.session.config();
  if (!config) return fail(config.error());
  const bool quiet = flags.on("quiet");
  if (format_text.empty() && !quiet) format_text = (*config)->text("imagesFormat");
  const Style style{.digests = flags.on("digests"), .no_trunc = flags.on("no-trunc")};
  const ListStyle list = image_style(style);
  ListFormat format = list_format(format_text, list);
  if (quiet && (format_text.empty() || format_text == "table")) format = {.text = "{{.ID}}"};
  auto engine = invocation.session.engine();
  if (!engine) return fail(engine.error());
  const auto answer = (*engine)->call_json(list_call(invocation));
  if (!answer) return fail(answer.error());
  const bool digests =
      style.digests || (!format.table && format.text.find(".Digest") != std::string::npos);
  std::vector<bj::object> rows;
  for (const bj::value& image : elements(*answer)) {
    for (const Name& name : names_of(image, digests)) rows.push_back(row_of(image, name, style));
  }
  const auto text = format_rows(format, list, rows);
  if (!text) return fail(text.error());
  print(*text);
  return 0;
}

int remove_images(const Invocation& invocation) {
  auto engine = invocation.session.engine();
  if (!engine) return fail(engine.error());
  client::Query query;
  if (invocation.flags.on("force")) query["force"] = "1";
  if (invocation.flags.on("no-prune")) query["noprune"] = "1";
  std::vector<std::pair<std::string, std::string>> platforms;
  for (const std::string& platform : invocation.flags.list("platform")) {
    auto text = platform_json(platform);
    if (!text) return fail(text.error());
    platforms.emplace_back("platforms", *text);
  }
  std::vector<std::string> errors;
  bool only_absent = true;
  for (const std::string& name : invocation.arguments) {
    const auto answer = (*engine)->call_json(
        {.method = "DELETE", .path = "/images/" + name, .query = query, .repeated = platforms});
    if (!answer) {
      only_absent = only_absent && answer.error().kind() == ErrorKind::NotFound;
      errors.push_back(answer.error().message());
      continue;
    }
    for (const bj::value& item : elements(*answer)) {
      const std::string deleted = text_at(item, "Deleted");
      print(deleted.empty() ? fmt::format("Untagged: {}\n", text_at(item, "Untagged"))
                            : fmt::format("Deleted: {}\n", deleted));
    }
  }
  if (errors.empty()) return 0;
  print_error(join(errors, "\n") + "\n");
  return invocation.flags.on("force") && only_absent ? 0 : 1;
}

int tag_image(const Invocation& invocation) {
  const std::string& source = invocation.arguments[0];
  const std::string& target = invocation.arguments[1];
  const auto reference = spec::parse_reference(target);
  if (!reference) {
    print_error(fmt::format("Error parsing reference: {} is not a valid repository/tag: {}\n",
                            quote(target), reference.error().message()));
    return 1;
  }
  auto engine = invocation.session.engine();
  if (!engine) return fail(engine.error());
  const spec::Reference tagged = reference->with_default_tag();
  const auto done = (*engine)->call({.method = "POST",
                                     .path = fmt::format("/images/{}/tag", source),
                                     .query = {{"repo", tagged.name()}, {"tag", tagged.tag}}});
  return done ? 0 : fail(done.error());
}

}  // namespace wherry::cli
