// GET /system/df.
#include <boost/json.hpp>

#include <set>

#include "api/image_summaries.h"
#include "api/routes.h"
#include "api/shims.h"
#include "spec/json.h"

namespace wherry::api {
namespace {

namespace docker = spec::docker;

// An image's SharedSize: what it has in common with another image.
Result<> fill_shared_sizes(engine::Engine& engine, const std::map<std::string, std::int64_t>& layer_sizes,
                           std::vector<docker::ImageSummary>& images) {
  std::map<std::string, int> users;
  std::map<std::string, std::set<std::string>> layers;
  for (const docker::ImageSummary& image : images) {
    const auto details = engine.images().inspect(image.id);
    if (!details) continue;  // removed meanwhile
    for (const Digest& layer : details->diff_ids) layers[image.id].insert(layer.str());
    for (const std::string& layer : layers[image.id]) ++users[layer];
  }
  for (docker::ImageSummary& image : images) {
    image.shared_size = 0;
    for (const std::string& layer : layers[image.id]) {
      const auto size = layer_sizes.find(layer);
      if (users[layer] > 1 && size != layer_sizes.end()) image.shared_size += size->second;
    }
  }
  return {};
}

Result<> add_images(Call& call, boost::json::object& answer) {
  const auto sizes = TRY(call.engine.layer_sizes());
  std::int64_t total = 0;
  for (const auto& [layer, size] : sizes) total += size;
  auto images = TRY(image_summaries(call.engine, {.all = true, .filters = {}}, CountContainers::Yes));
  TRY(fill_shared_sizes(call.engine, sizes, images));
  answer["LayersSize"] = total;
  answer["Images"] = json::to_value(images);
  return {};
}

// Without `type`: everything. The walk over volumes is the slow part.
Result<> disk_usage(Call& call) {
  const std::vector<std::string> types = call.query.all("type");
  const auto wanted = [&](std::string_view type) {
    return types.empty() || std::ranges::find(types, type) != types.end();
  };
  for (const std::string& type : types)
    if (type != "image" && type != "container" && type != "volume" && type != "build-cache")
      return Error::invalid("unknown object type: " + type);
  boost::json::object answer = {{"LayersSize", 0}, {"Images", nullptr}, {"Containers", nullptr},
                                {"Volumes", nullptr}, {"BuildCache", nullptr}};
  if (wanted("image")) TRY(add_images(call, answer));
  if (wanted("container")) {
    json::Value containers = json::to_value(
        TRY(call.engine.list_containers({.all = true, .size = true, .filters = {}})));
    shim_container_list(containers, call.version);
    answer["Containers"] = std::move(containers);
  }
  if (wanted("volume")) answer["Volumes"] = json::to_value(TRY(call.engine.volume_usage()));
  if (wanted("build-cache")) answer["BuildCache"] = boost::json::array();
  if (call.version < ApiVersion{1, 42}) answer["BuilderSize"] = 0;
  call.exchange->respond(json_response(200, answer));
  return {};
}

constexpr RouteOptions kWaits{.where = http::Plan::Where::Long};

constexpr std::array kRoutes = {
    Route{"GET", "/system/df", disk_usage, kWaits},
};

}  // namespace

std::span<const Route> disk_usage_routes() {
  return kRoutes;
}

}  // namespace wherry::api
