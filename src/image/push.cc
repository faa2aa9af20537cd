// Images: push. Blobs go up as they are stored; only layers that were loaded as plain tar are
// compressed first, once, and the result is kept in the store.
#include <fmt/format.h>

#include <future>
#include <map>
#include <set>
#include <utility>

#include "archive/sha256.h"
#include "image/compress.h"
#include "image/images_parts.h"
#include "spec/oci_image_json.h"

namespace wherry::image {
namespace {

constexpr std::size_t kUploadsAtOnce = 5;  // docker's max-concurrent-uploads
constexpr std::chrono::milliseconds kProgressInterval{100};

// Messages of several uploading threads, one at a time, byte counts at most ten a second.
class PushProgress {
 public:
  explicit PushProgress(ProgressSink& sink) : sink_(sink) {}

  void say(const Layer& layer, std::string_view status) {
    std::lock_guard lock(mutex_);
    sink_.emit({.status = std::string(status),
                .detail = spec::ProgressDetail{},
                .id = layer.diff_id.short_form()});
  }

  void bytes(const Layer& layer, std::uint64_t sent) {
    std::lock_guard lock(mutex_);
    const auto now = std::chrono::steady_clock::now();
    auto& last = last_[layer.diff_id];
    if (sent < layer.blob_size && now - last < kProgressInterval) return;
    last = now;
    sink_.emit({.status = "Pushing",
                .detail = spec::ProgressDetail{static_cast<std::int64_t>(sent),
                                               static_cast<std::int64_t>(layer.blob_size)},
                .id = layer.diff_id.short_form()});
  }

 private:
  std::mutex mutex_;
  ProgressSink& sink_;
  std::map<Digest, std::chrono::steady_clock::time_point> last_;
};

class FileSource : public registry::BlobSource {
 public:
  explicit FileSource(sys::Fd file) : file_(std::move(file)) {}
  Result<std::size_t> read(char* buffer, std::size_t size) override {
    const ssize_t count = ::pread(file_.get(), buffer, size, static_cast<off_t>(offset_));
    if (count < 0) return Error::from_errno(errno, "read blob");
    offset_ += static_cast<std::uint64_t>(count);
    return static_cast<std::size_t>(count);
  }
  Result<> rewind() override {
    offset_ = 0;
    return {};
  }

 private:
  sys::Fd file_;
  std::uint64_t offset_ = 0;
};

class MemorySource : public registry::BlobSource {
 public:
  explicit MemorySource(std::string_view bytes) : bytes_(bytes) {}
  Result<std::size_t> read(char* buffer, std::size_t size) override {
    const std::size_t count = bytes_.copy(buffer, size, offset_);
    offset_ += count;
    return count;
  }
  Result<> rewind() override {
    offset_ = 0;
    return {};
  }

 private:
  std::string_view bytes_;
  std::size_t offset_ = 0;
};

spec::Descriptor descriptor(std::string_view type, const Digest& digest, std::uint64_t size) {
  return {.media_type = std::string(type),
          .digest = digest.str(),
          .size = static_cast<std::int64_t>(size)};
}

}  // namespace

// What is written for an image that came without a manifest of its own.
struct PushedManifest {
  std::int64_t schema_version = 2;
  std::string media_type;
  spec::Descriptor config;
  std::vector<spec::Descriptor> layers;
};

}  // namespace wherry::image

template <>
struct wherry::json::Describe<wherry::image::PushedManifest> {
  using T = image::PushedManifest;
  static constexpr auto fields =
      std::tuple{field("schemaVersion", &T::schema_version), field("mediaType", &T::media_type),
                 field("config", &T::config), field("layers", &T::layers)};
};

namespace wherry::image {
namespace {

// One push of one or more tags of a repository.
class Push {
 public:
  Push(Images::Parts& parts, const PushRequest& request, ProgressSink& sink, std::stop_token stop)
      : parts_(parts), request_(request), sink_(sink), stop_(std::move(stop)), progress_(sink),
        client_(parts.registry()) {}

  Result<> run() {
    const auto names = TRY(names_to_push());
    session_ = TRY(client_->open({.repository = request_.reference,
                                        .action = registry::Action::Push,
                                        .credentials = request_.credentials,
                                        .stop = stop_}));
    sink_.emit({.status = fmt::format("The push refers to repository [{}]",
                                      request_.reference.name())});
    for (const spec::Reference& name : names) TRY(push_tag(name));
    return {};
  }

 private:
  Result<std::vector<spec::Reference>> names_to_push() const {
    if (!request_.reference.digest.empty())
      return Error::invalid("cannot push a digest reference");
    const spec::Reference wanted = request_.reference.with_default_tag();
    std::vector<spec::Reference> names;
    for (const RecordPtr& record : parts_.catalog->all()) {
      for (const spec::Reference& name : parts_.catalog->names_of(record->id)) {
        if (!name.digest.empty() || name.name() != wanted.name()) continue;
        if (request_.all_tags || name.tag == wanted.tag) names.push_back(name);
      }
    }
    if (!names.empty()) return names;
    if (request_.all_tags)
      return Error::not_found(fmt::format("An image does not exist locally with the tag: {}",
                                          wanted.familiar_name()));
    return Error::not_found(fmt::format("tag does not exist: {}", wanted.familiar()));
  }

  Result<> push_tag(const spec::Reference& name) {
    const RecordPtr record = parts_.catalog->by_reference(name);
    if (!record) return Error::not_found(fmt::format("tag does not exist: {}", name.familiar()));
    auto hold = parts_.pins->hold(record->needs());
    for (const Layer& layer : record->layers) progress_.say(layer, "Preparing");
    const auto layers = TRY(compressed_layers(*record, *hold));
    TRY(push_layers(layers));
    TRY(push_config(*record));

    std::string type = record->manifest_type;
    std::string manifest;
    bool stored = !record->manifest.empty();
    if (stored) {
      auto bytes = parts_.content().read_small(record->manifest, spec::kMaximumManifestSize);
      stored = bytes.has_value();
      if (stored) manifest = *std::move(bytes);
    }
    if (!stored) {
      type = spec::media_type::kDockerManifest;
      manifest = write_manifest(*record, layers);
    }
    TRY(session_->put_manifest(name.tag, type, manifest));
    const Digest digest = archive::Sha256::of(manifest);
    TRY(remember(name, record, layers, digest, manifest));
    hold.reset();
    // Plain tar that has its compressed form now is stored once too often.
    std::vector<Digest> old_blobs;
    for (const Layer& layer : record->layers) old_blobs.push_back(layer.blob);
    TRY(parts_.discard_blobs(old_blobs));
    const auto size = static_cast<std::int64_t>(manifest.size());
    sink_.emit({.status = fmt::format("{}: digest: {} size: {}", name.tag, digest.str(), size)});
    sink_.emit({.detail = spec::ProgressDetail{},
                .aux = spec::PushResult{name.tag, digest.str(), size}});
    parts_.tell("push", name.familiar(), record, name.familiar_name());
    return {};
  }

  // The image's layers as they are sent: gzip or zstd.
  Result<std::vector<Layer>> compressed_layers(const Record& record, Pins::Hold& hold) {
    std::vector<Layer> layers;
    for (const Layer& layer : record.layers) {
      const auto compression = TRY(spec::layer_compression(layer.media_type));
      const bool as_is = compression != spec::Compression::None || !record.manifest.empty();
      if (as_is) {
        layers.push_back(layer);
        continue;
      }
      layers.push_back(TRY(compress_layer(parts_.content(), layer, stop_)));
      hold.add(layers.back().blob);
    }
    return layers;
  }

  static std::string write_manifest(const Record& record, const std::vector<Layer>& layers) {
    PushedManifest manifest{
        .media_type = std::string(spec::media_type::kDockerManifest),
        .config = descriptor(spec::media_type::kDockerConfig, record.id,
                             record.config_json.size())};
    for (const Layer& layer : layers)
      manifest.layers.push_back(descriptor(layer.media_type, layer.blob, layer.blob_size));
    return json::write(manifest);
  }

  Result<> push_layers(const std::vector<Layer>& layers) {
    std::set<Digest> seen;
    std::vector<std::future<Result<>>> running;
    Result<> first_failure;
    const auto finish = [&](std::future<Result<>> upload) {
      if (auto done = upload.get(); !done && first_failure) first_failure = std::move(done);
    };
    for (const Layer& layer : layers) {
      if (!seen.insert(layer.blob).second) continue;
      if (running.size() == kUploadsAtOnce) {
        progress_.say(layer, "Waiting");
        finish(std::move(running.front()));
        running.erase(running.begin());
      }
      if (!first_failure) break;
      running.push_back(std::async(std::launch::async, [this, &layer] { return push_layer(layer); }));
    }
    for (auto& upload : running) finish(std::move(upload));
    return first_failure;
  }

  Result<> push_layer(const Layer& layer) {
    if (TRY(session_->has_blob(layer.blob))) {
      progress_.say(layer, "Layer already exists");
      return {};
    }
    const spec::Reference& target = request_.reference;
    for (const std::string& path : TRY(parts_.catalog->paths_with(layer.blob, target.domain))) {
      if (path == target.path) continue;
      const auto mounted = session_->mount_blob(layer.blob, path);
      if (!mounted || !*mounted) continue;  // a hint that no longer holds
      progress_.say(layer, "Mounted from " + path);
      return {};
    }
    FileSource source(TRY(parts_.content().open_blob(layer.blob)));
    TRY(session_->put_blob(layer.blob, layer.blob_size, source,
                           [&](std::uint64_t sent) { progress_.bytes(layer, sent); }));
    progress_.say(layer, "Pushed");
    return {};
  }

  Result<> push_config(const Record& record) {
    if (TRY(session_->has_blob(record.id))) return {};
    MemorySource source(record.config_json);
    return session_->put_blob(record.id, record.config_json.size(), source, {});
  }

  // The digest that the registry knows it by becomes one of its names, as docker does it.
  Result<> remember(const spec::Reference& name, const RecordPtr& record,
                    const std::vector<Layer>& layers, const Digest& digest,
                    const std::string& manifest) {
    const auto hold = parts_.pins->hold({digest});
    TRY(parts_.content().put(manifest));
    Record copy = *record;
    copy.manifest = digest;
    copy.layers = layers;
    if (copy.manifest_type.empty()) copy.manifest_type = spec::media_type::kDockerManifest;
    spec::Reference digested = name;
    digested.tag.clear();
    digested.digest = digest;
    TRY(parts_.catalog->put(std::move(copy), {digested}));
    parts_.catalog->remember_source(layers, name);
    return {};
  }

  Images::Parts& parts_;
  const PushRequest& request_;
  ProgressSink& sink_;
  const std::stop_token stop_;
  PushProgress progress_;
  const std::shared_ptr<registry::Client> client_;  // outlives the session
  std::unique_ptr<registry::Session> session_;
};

}  // namespace

Result<> Images::push(const PushRequest& request, ProgressSink& sink, std::stop_token stop) {
  return Push(*parts_, request, sink, std::move(stop)).run();
}

}  // namespace wherry::image
