#include "image/images.h"

#include <fmt/format.h>
#include <fcntl.h>

#include <algorithm>
#include <set>
#include <utility>

#include "base/log.h"
#include "image/images_parts.h"
#include "image/layer_progress.h"
#include "sys/path.h"

namespace wherry::image {
namespace {

// As often as docker's clients redraw.
constexpr std::chrono::milliseconds kProgressInterval{100};

class HeldImage : public Lease {
 public:
  explicit HeldImage(Pins::HoldPtr hold) : hold_(std::move(hold)) {}

 private:
  Pins::HoldPtr hold_;
};

Result<> empty_directory(const std::string& path) {
  if (path.empty()) return Error::invalid("image::Options without a temporary directory");
  const std::size_t slash = path.rfind('/');
  const sys::Fd parent =
      TRY(sys::open_at({}, slash == 0 ? "/" : path.substr(0, slash).c_str(), O_PATH | O_DIRECTORY));
  TRY(sys::remove_tree_at(parent, path.substr(slash + 1)));
  return sys::make_directories(path, 0700);
}

}  // namespace

Images::Images(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Images::~Images() = default;

Result<std::unique_ptr<Images>> Images::open(Options options) {
  auto parts = std::make_unique<Parts>();
  TRY(empty_directory(options.temporary_directory));
  *parts->hooks.lock() = options.hooks;
  parts->catalog = TRY(Catalog::load(*options.database, *options.content));
  parts->pins = std::make_shared<Pins>();
  *parts->client.lock() = TRY(registry::Client::create(options.registry));
  parts->committer = std::make_unique<Committer>(*options.content, *options.snapshots);
  parts->works = std::make_unique<LayerWorks>(
      LayerTools{options.content, options.snapshots, parts->committer.get(),
                 options.unpack_program},
      options.maximum_concurrent_downloads);
  parts->options = std::move(options);
  std::unique_ptr<Images> images(new Images(std::move(parts)));
  TRY(images->repair());
  TRY(images->collect());
  return images;
}

Result<> Images::reconfigure(const registry::Settings& settings, std::size_t downloads) {
  std::shared_ptr<registry::Client> made = TRY(registry::Client::create(settings));
  // The old client ends with its last operation, outside of the lock.
  std::swap(*parts_->client.lock(), made);
  parts_->works->set_maximum_jobs(downloads);
  return {};
}

void Images::set_hooks(Hooks hooks) { *parts_->hooks.lock() = std::move(hooks); }

Result<> Images::Parts::add(NewImage image) {
  Record record{.id = image.id,
                .manifest = image.manifest,
                .manifest_type = std::move(image.manifest_type),
                .layers = std::move(image.layers),
                .config = std::move(image.config),
                .config_json = std::move(image.config_json)};
  if (const RecordPtr old = catalog->get(image.id)) {
    record.parent = old->parent;
    record.tagged = old->tagged;
    // A second copy of an image without its manifest does not lose what the first one knew.
    if (record.manifest.empty()) {
      record.manifest = old->manifest;
      record.manifest_type = old->manifest_type;
      if (!old->manifest.empty()) record.layers = old->layers;
    }
  }
  for (const Layer& layer : record.layers) {
    const auto info = TRY(snapshots().layer(layer.diff_id));
    if (!info) return Error::internal(fmt::format("layer {} is gone", layer.diff_id.str()));
    record.size += info->content_bytes;
  }
  if (!image.names.empty()) record.tagged = now();
  return catalog->put(std::move(record), image.names);
}

std::optional<Layer> Images::Parts::stored_layer(const Digest& diff_id) const {
  auto layer = catalog->layer(diff_id);
  if (!layer || !content().has(layer->blob)) return std::nullopt;
  const auto info = snapshots().layer(diff_id);
  if (!info || !*info) return std::nullopt;
  return layer;
}

void Images::Parts::tell(std::string action, std::string id, const RecordPtr& record,
                         std::string name) {
  const auto callback = hooks.lock()->event;
  if (!callback) return;
  Event event{.action = std::move(action), .id = std::move(id)};
  if (record && record->config.config.labels) event.attributes = *record->config.config.labels;
  if (!name.empty()) event.attributes["name"] = std::move(name);
  callback(event);
}

Result<> wait_for(LayerWorks& works, const std::vector<LayerWorks::Ticket>& tickets,
                  LayerProgress& progress, const std::stop_token& stop) {
  std::uint64_t seen = 0;
  while (true) {
    progress.update();
    bool all_over = true;
    for (const auto& ticket : tickets) {
      if (!ticket.job().over()) all_over = false;
      else if (!ticket.job().result()) return std::unexpected(ticket.job().result().error());
    }
    if (all_over) {
      progress.update();
      return {};
    }
    if (stop.stop_requested()) return Error(ErrorKind::Cancelled, "context canceled");
    works.wait_change(seen, kProgressInterval, stop);
  }
}

Result<Resolved> Images::resolve(std::string_view name,
                                 const std::optional<spec::Platform>& platform) {
  RecordPtr record = TRY(parts_->catalog->find(name));
  // Hold first, then look again: between the two a removal may have come.
  auto hold = parts_->pins->hold(record->needs());
  record = TRY(parts_->catalog->find(record->id.str()));
  if (platform && spec::platform_rank(*platform, record->config.platform()) == 0)
    return Error::not_found(fmt::format(
        "image with reference {} was found but its platform ({}) does not match the specified "
        "platform ({})",
        name, spec::format_platform(record->config.platform()), spec::format_platform(*platform)));
  Resolved resolved{.id = record->id,
                    .config = record->config,
                    .lease = std::make_shared<HeldImage>(std::move(hold))};
  for (const Layer& layer : record->layers) resolved.diff_ids.push_back(layer.diff_id);
  return resolved;
}

Result<std::size_t> Images::count() { return parts_->catalog->all().size(); }

Result<> Images::tag(std::string_view name, const spec::Reference& target) {
  const RecordPtr record = TRY(parts_->catalog->find(name));
  if (!target.digest.empty())
    return Error::invalid("refusing to create a tag with a digest reference");
  const spec::Reference tagged = target.with_default_tag();
  const auto hold = parts_->pins->hold(record->needs());
  Record copy = *TRY(parts_->catalog->find(record->id.str()));
  copy.tagged = now();
  const ImageId id = copy.id;
  TRY(parts_->catalog->put(std::move(copy), {tagged}));
  parts_->tell("tag", id.str(), record, tagged.familiar());
  return {};
}

Result<std::string> Images::login(const registry::Credentials& credentials, std::stop_token stop) {
  return parts_->registry()->login(credentials, std::move(stop));
}

}  // namespace wherry::image
