// Images: pull. Manifest -> (index -> manifest) -> config -> all layers in parallel -> record.
#include <fmt/format.h>
#include <malloc.h>

#include <set>
#include <utility>

#include "archive/sha256.h"
#include "image/images_parts.h"
#include "image/layer_progress.h"

namespace wherry::image {
namespace {

// Collects a small blob in memory.
class MemorySink : public registry::BlobSink {
 public:
  Result<> write(std::string_view bytes) override {
    bytes_ += bytes;
    return {};
  }
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

// One pull: what is known so far, and what it holds on to.
class Pull {
 public:
  Pull(Images::Parts& parts, const PullRequest& request, ProgressSink& sink, std::stop_token stop)
      : parts_(parts),
        request_(request),
        sink_(sink),
        stop_(std::move(stop)),
        reference_(request.reference.with_default_tag()),
        hold_(parts.pins->hold({})),
        client_(parts.registry()) {
    if (!reference_.digest.empty()) reference_.tag.clear();  // as docker: the digest decides
  }

  Result<ImageId> run() {
    session_ = TRY(client_->open({.repository = reference_,
                                        .action = registry::Action::Pull,
                                        .credentials = request_.credentials,
                                        .stop = stop_}));
    TRY(fetch_manifest());
    const RecordPtr before = parts_.catalog->by_reference(reference_);
    announce();
    TRY(choose());
    TRY(fetch_config());
    TRY(fetch_layers());
    TRY(record());
    const bool same = before && before->id == manifest_.config.digest;
    say(fmt::format("Digest: {}", top_digest_.str()));
    say(fmt::format("Status: {} {}", same ? "Image is up to date for" : "Downloaded newer image for",
                    reference_.familiar()));
    parts_.tell("pull", reference_.familiar(), parts_.catalog->get(manifest_.config.digest),
                reference_.familiar_name());
    return manifest_.config.digest;
  }

 private:
  void say(std::string status) { sink_.emit({.status = std::move(status)}); }

  void announce() {
    const std::string id = reference_.digest.empty() ? reference_.tag : reference_.str();
    sink_.emit({.status = "Pulling from " + reference_.path, .id = id});
  }

  // A small blob of the store; one that is damaged is removed, so that it is fetched anew.
  Result<std::optional<std::string>> stored_document(const Digest& digest) {
    if (!parts_.content().has(digest)) return std::nullopt;
    auto stored = parts_.content().read_small(digest, spec::kMaximumManifestSize);
    if (stored) return *std::move(stored);
    TRY(parts_.content().remove(digest));
    return std::nullopt;
  }

  // Bytes of a manifest: from the store if they are there, for what a digest names never changes.
  Result<registry::FetchedManifest> manifest_bytes(const std::string& tag_or_digest) {
    if (auto digest = Digest::parse(tag_or_digest)) {
      hold_->add(*digest);
      if (auto stored = TRY(stored_document(*digest)))
        return registry::FetchedManifest{.digest = *std::move(digest), .bytes = *std::move(stored)};
    }
    auto fetched = TRY(session_->get_manifest(tag_or_digest));
    hold_->add(fetched.digest);
    return fetched;
  }

  Result<> fetch_manifest() {
    std::string wanted = reference_.digest.empty() ? reference_.tag : reference_.digest.str();
    if (reference_.digest.empty())
      if (auto digest = TRY(session_->head_manifest(wanted))) wanted = digest->str();
    top_ = TRY(manifest_bytes(wanted));
    top_digest_ = top_.digest;
    return {};
  }

  // Follows an index to the manifest for the platform.
  Result<> choose() {
    auto parsed = TRY(spec::parse_manifest(top_.bytes, top_.content_type));
    documents_.push_back(top_.bytes);
    if (const auto* index = std::get_if<spec::Index>(&parsed)) {
      const auto platform = request_.platform.value_or(spec::host_platform());
      const auto entry = TRY(spec::choose_platform(*index, platform));
      top_ = TRY(manifest_bytes(entry.blob.digest.str()));
      parsed = TRY(spec::parse_manifest(top_.bytes, top_.content_type));
      documents_.push_back(top_.bytes);
    }
    auto* manifest = std::get_if<spec::Manifest>(&parsed);
    if (manifest == nullptr) return Error::invalid("an index inside an index is not supported");
    manifest_ = std::move(*manifest);
    for (const spec::Blob& layer : manifest_.layers) TRY(spec::layer_compression(layer.media_type));
    return {};
  }

  Result<> fetch_config() {
    const spec::Blob& blob = manifest_.config;
    hold_->add(blob.digest);
    if (auto stored = TRY(stored_document(blob.digest))) {
      config_json_ = *std::move(stored);
    } else {
      MemorySink sink;
      TRY(session_->get_blob({.digest = blob.digest, .size = blob.size, .stop = stop_}, sink));
      config_json_ = sink.take();
      const Digest actual = archive::Sha256::of(config_json_);
      if (actual != blob.digest)
        return Error::invalid(fmt::format("image config verification failed for digest {}: the "
                                          "registry sent bytes with digest {}",
                                          blob.digest.str(), actual.str()));
    }
    config_ = TRY(spec::parse_image_config(config_json_));
    const auto diff_ids = spec::diff_ids_of(config_);
    if (diff_ids.size() != manifest_.layers.size())
      return Error::invalid(fmt::format("manifest has {} layers, its config {} diff ids",
                                        manifest_.layers.size(), diff_ids.size()));
    for (std::size_t i = 0; i < diff_ids.size(); ++i) {
      const spec::Blob& layer = manifest_.layers[i];
      layers_.push_back({diff_ids[i], layer.digest, layer.size, layer.media_type});
    }
    return {};
  }

  // The session is shared: another pull may go on with the download when this one is gone.
  static Fetch fetch_from(std::shared_ptr<registry::Session> session, const Layer& layer) {
    return [session = std::move(session), digest = layer.blob, size = layer.blob_size](
               std::uint64_t offset, registry::BlobSink& sink, std::stop_token stop) {
      return session->get_blob(
          {.digest = digest, .size = size, .offset = offset, .stop = std::move(stop)}, sink);
    };
  }

  Result<> fetch_layers() {
    LayerProgress progress(sink_);
    std::vector<LayerWorks::Ticket> tickets;
    std::set<Digest> seen;
    std::vector<const Layer*> missing;
    for (Layer& layer : layers_) {
      hold_->add(layer.diff_id);
      hold_->add(layer.blob);
      const bool first = seen.insert(layer.blob).second;
      if (const auto stored = parts_.stored_layer(layer.diff_id)) {
        if (first) progress.announce(layer.blob, "Already exists");
        hold_->add(stored->blob);
        layer = *stored;
      } else if (first) {
        progress.announce(layer.blob, "Pulling fs layer");
        missing.push_back(&layer);
      }
    }
    for (const Layer* layer : missing) {
      tickets.push_back(parts_.works->join(
          {layer->blob, layer->blob_size, layer->diff_id, fetch_from(session_, *layer)}));
      progress.follow(tickets.back().job());
    }
    return wait_for(*parts_.works, tickets, progress, stop_);
  }

  Result<> record() {
    for (const std::string& document : documents_) TRY(parts_.content().put(document));
    TRY(parts_.content().put(config_json_));
    spec::Reference digested = reference_;
    digested.tag.clear();
    digested.digest = top_digest_;
    std::vector<spec::Reference> names{digested};
    if (reference_.digest.empty()) names.push_back(reference_);

    Images::Parts::NewImage image{.id = manifest_.config.digest,
                                  .config_json = std::move(config_json_),
                                  .config = std::move(config_),
                                  .layers = layers_,
                                  .names = std::move(names)};
    // The manifest can be pushed again as it is only if these very blobs are stored.
    bool same_blobs = true;
    for (std::size_t i = 0; i < layers_.size(); ++i)
      same_blobs = same_blobs && layers_[i].blob == manifest_.layers[i].digest;
    if (same_blobs) {
      image.manifest = top_.digest;
      image.manifest_type = manifest_.media_type;
    }
    TRY(parts_.add(std::move(image)));
    parts_.catalog->remember_source(layers_, reference_);
    return {};
  }

  Images::Parts& parts_;
  const PullRequest& request_;
  ProgressSink& sink_;
  const std::stop_token stop_;
  spec::Reference reference_;
  Pins::HoldPtr hold_;
  const std::shared_ptr<registry::Client> client_;  // outlives the session
  std::shared_ptr<registry::Session> session_;
  registry::FetchedManifest top_;  // what the name stands for, then the platform's manifest
  Digest top_digest_;
  std::vector<std::string> documents_;
  spec::Manifest manifest_;
  std::string config_json_;
  spec::ImageConfig config_;
  std::vector<Layer> layers_;
};

}  // namespace

Result<ImageId> Images::pull(const PullRequest& request, ProgressSink& sink,
                             std::stop_token stop) {
  auto pulled = Pull(*parts_, request, sink, std::move(stop)).run();
  // The buffers of many streams: 25 MB that the allocator would keep for ever.
  static_cast<void>(::malloc_trim(0));
  return pulled;
}

}  // namespace wherry::image
