// Routes of images that answer at once.
#include "image/images.h"

#include <fmt/format.h>

#include "api/image_summaries.h"
#include "api/routes.h"
#include "api/shims.h"
#include "base/strings.h"
#include "spec/docker_image.h"
#include "spec/json.h"

namespace wherry::api {
namespace {

namespace docker = spec::docker;

docker::StringSet to_set(const std::optional<std::map<std::string, spec::EmptyObject>>& names) {
  if (!names) return std::nullopt;
  docker::StringSet set(std::in_place);
  for (const auto& [name, ignored] : *names) set->emplace(name, docker::Nothing{});
  return set;
}

docker::ImageConfig to_docker(const spec::RunConfig& config) {
  docker::ImageConfig out;
  out.user = config.user;
  out.exposed_ports = to_set(config.exposed_ports);
  out.env = config.env;
  out.entrypoint = config.entrypoint;
  out.cmd = config.cmd;
  out.volumes = to_set(config.volumes);
  out.working_dir = config.working_dir;
  out.labels = config.labels;
  out.stop_signal = config.stop_signal;
  out.args_escaped = config.args_escaped;
  out.on_build = config.on_build;
  out.shell = config.shell;
  if (config.healthcheck) {
    const spec::Healthcheck& check = *config.healthcheck;
    out.healthcheck = docker::HealthConfig{.test = check.test,
                                           .interval = check.interval_ns,
                                           .timeout = check.timeout_ns,
                                           .start_period = check.start_period_ns,
                                           .start_interval = check.start_interval_ns,
                                           .retries = check.retries};
  }
  return out;
}

docker::ImageInspect to_docker(const image::Details& details) {
  docker::ImageInspect out;
  out.id = details.id.str();
  out.repo_tags = details.repo_tags;
  out.repo_digests = details.repo_digests;
  if (details.parent) out.parent = details.parent->str();
  out.comment = details.config.comment;
  out.created = details.config.created;
  out.docker_version = details.config.docker_version;
  out.author = details.config.author;
  out.config = to_docker(details.config.config);
  out.architecture = details.config.architecture;
  out.variant = details.config.variant;
  out.os = details.config.os;
  out.os_version = details.config.os_version;
  out.size = static_cast<std::int64_t>(details.size);
  out.graph_driver.name = details.driver;
  out.graph_driver.data = details.driver_data;
  out.root_fs.type = "layers";
  out.root_fs.layers.emplace();
  for (const Digest& diff_id : details.diff_ids) out.root_fs.layers->push_back(diff_id.str());
  out.metadata.last_tag_time = format_rfc3339_nano(details.last_tag_time);
  return out;
}

docker::ImageSummary to_docker(const image::Summary& summary) {
  docker::ImageSummary out;
  out.created = summary.created_s;
  out.id = summary.id.str();
  if (!summary.labels.empty()) out.labels = summary.labels;
  if (summary.parent) out.parent_id = summary.parent->str();
  out.repo_digests = summary.repo_digests;
  out.repo_tags = summary.repo_tags;
  out.size = static_cast<std::int64_t>(summary.size);
  return out;
}

// How many containers each image has: served since 1.51.
Result<std::map<std::string, std::int64_t>> containers_per_image(engine::Engine& engine) {
  std::map<std::string, std::int64_t> counts;
  for (const auto& container : TRY(engine.list_containers({.all = true, .filters = {}})))
    ++counts[container.image_id];
  return counts;
}

Result<> list(Call& call) {
  image::ListOptions options;
  options.all = call.flag("all");
  options.filters = TRY(filters(call.query.get("filters")));
  if (call.version < ApiVersion{1, 25} && !call.query.get("filter").empty())
    options.filters["reference"].push_back(call.query.get("filter"));
  const auto counted = call.version >= ApiVersion{1, 51} ? CountContainers::Yes : CountContainers::No;
  json::Value value = json::to_value(TRY(image_summaries(call.engine, options, counted)));
  shim_image_list(value, call.version);
  call.exchange->respond(json_response(200, value));
  return {};
}

Result<> inspect(Call& call) {
  if (call.flag("manifests"))
    return Error(ErrorKind::NotImplemented,
                 "wherry: query 'manifests' is not available in wherry " WHERRY_VERSION);
  json::Value value =
      json::to_value(to_docker(TRY(call.engine.images().inspect(call.variable("name")))));
  shim_image_inspect(value, call.version);
  call.exchange->respond(json_response(200, value));
  return {};
}

Result<> remove(Call& call) {
  if (call.query.has("platforms"))
    return Error(ErrorKind::NotImplemented,
                 "wherry: flag '--platform' is not available in wherry " WHERRY_VERSION);
  const image::RemoveOptions options{.force = call.flag("force"), .no_prune = call.flag("noprune")};
  std::vector<docker::ImageDeleteResponse> lines;
  for (const image::Removal& removal :
       TRY(call.engine.images().remove(call.variable("name"), options))) {
    const bool deleted = removal.kind == image::Removal::Kind::Deleted;
    lines.push_back(
        {.deleted = deleted ? removal.what : "", .untagged = deleted ? "" : removal.what});
  }
  call.json(200, lines);
  return {};
}

Result<> tag(Call& call) {
  spec::Reference target = TRY(spec::parse_reference(call.query.get("repo")));
  if (const std::string& name = call.query.get("tag"); !name.empty()) {
    TRY(spec::check_tag(name));
    target.tag = name;
  }
  if (!target.digest.str().empty() && target.tag.empty())
    return Error::invalid("refusing to create a tag with a digest reference");
  TRY(call.engine.images().tag(call.variable("name"), target.with_default_tag()));
  call.empty(201);
  return {};
}

constexpr RouteOptions kWaits{.where = http::Plan::Where::Long};

constexpr std::array kRoutes = {
    Route{"GET", "/images/json", list},
    Route{"GET", "/images/{name...}/json", inspect},
    Route{"POST", "/images/{name...}/tag", tag},
    Route{"DELETE", "/images/{name...}", remove, kWaits},
};

}  // namespace

Result<std::vector<docker::ImageSummary>> image_summaries(engine::Engine& engine,
                                                          const image::ListOptions& options,
                                                          CountContainers counted) {
  std::map<std::string, std::int64_t> counts;
  if (counted == CountContainers::Yes) counts = TRY(containers_per_image(engine));
  std::vector<docker::ImageSummary> images;
  for (const image::Summary& summary : TRY(engine.images().list(options))) {
    images.push_back(to_docker(summary));
    images.back().containers = counts[images.back().id];
  }
  return images;
}

std::span<const Route> image_routes() {
  return kRoutes;
}

}  // namespace wherry::api
