// Images: load. The archive is unpacked by the confined worker into a directory of ours; what
// comes out is read by descriptor, inside that directory only. The engine never parses tar.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <array>
#include <utility>

#include "archive/unpacker.h"
#include "base/strings.h"
#include "base/undo.h"
#include "image/images_parts.h"
#include "image/layer_progress.h"
#include "spec/oci_image_json.h"
#include "sys/path.h"

namespace wherry::image {

// An element of manifest.json.
struct ArchiveImage {
  std::string config;
  std::vector<std::string> repo_tags;
  std::vector<std::string> layers;
};

struct LayoutIndex {
  std::vector<spec::Descriptor> manifests;
};

}  // namespace wherry::image

namespace wherry::json {

template <>
struct Describe<image::ArchiveImage> {
  using T = image::ArchiveImage;
  static constexpr auto fields = std::tuple{field("Config", &T::config),
                                            field("RepoTags", &T::repo_tags),
                                            field("Layers", &T::layers)};
};
template <>
struct Describe<image::LayoutIndex> {
  static constexpr auto fields = std::tuple{field("manifests", &image::LayoutIndex::manifests)};
};

}  // namespace wherry::json

namespace wherry::image {
namespace {

constexpr std::size_t kMaximumImages = 1024;
constexpr std::size_t kLoadChunk = 1 << 20;

// Shows a job's phases as docker shows a load.
class LoadingSink : public ProgressSink {
 public:
  explicit LoadingSink(ProgressSink& below) : below_(below) {}
  void emit(const spec::ProgressMessage& message) override {
    if (message.status != "Downloading" && message.status != "Extracting") return;
    spec::ProgressMessage copy = message;
    copy.status = "Loading layer";
    below_.emit(copy);
  }

 private:
  ProgressSink& below_;
};

class NoProgress : public ProgressSink {
 public:
  void emit(const spec::ProgressMessage& /*message*/) override {}
};

Result<> copy_file(const sys::Fd& file, std::uint64_t offset, registry::BlobSink& sink,
                   const std::stop_token& stop) {
  std::string buffer(kLoadChunk, '\0');
  while (true) {
    if (stop.stop_requested()) return Error(ErrorKind::Cancelled, "context canceled");
    const ssize_t count =
        ::pread(file.get(), buffer.data(), buffer.size(), static_cast<off_t>(offset));
    if (count < 0) return Error::from_errno(errno, "read archive");
    if (count == 0) return {};
    TRY(sink.write(std::string_view(buffer).substr(0, static_cast<std::size_t>(count))));
    offset += static_cast<std::uint64_t>(count);
  }
}

Result<Digest> hash_file(const sys::Fd& file) {
  class Hasher : public registry::BlobSink {
   public:
    Result<> write(std::string_view bytes) override {
      hash.update(bytes);
      return {};
    }
    archive::Sha256 hash;
  } hasher;
  TRY(copy_file(file, 0, hasher, {}));
  return hasher.hash.finish();
}

// One load: the unpacked archive and the images made from it.
class Load {
 public:
  Load(Images::Parts& parts, ProgressSink& sink, bool quiet, std::stop_token stop)
      : parts_(parts), sink_(sink), quiet_(quiet), stop_(std::move(stop)) {}

  Result<> run(const sys::Fd& stream) {
    const std::string name = random_hex(16);
    const sys::Fd parent = TRY(sys::open_at({}, parts_.options.temporary_directory.c_str(),
                                            O_PATH | O_DIRECTORY));
    TRY(sys::make_directories(parts_.options.temporary_directory + "/" + name, 0700));
    Undo undo;
    undo.add([&] { static_cast<void>(sys::remove_tree_at(parent, name)); });
    root_ = TRY(sys::open_at(parent, name.c_str(), O_RDONLY | O_DIRECTORY));
    TRY(unpack(stream));
    if (auto manifest = read_document("manifest.json")) return load_docker(*manifest);
    if (auto index = read_document("index.json")) return load_layout(*index);
    return Error::invalid("invalid archive: does not contain a manifest.json");
  }

 private:
  Result<> unpack(const sys::Fd& stream) {
    archive::UnpackTarget target{TRY(root_.duplicate()), archive::Whiteouts::Literal};
    archive::UnpackRequest request{.input = TRY(stream.duplicate()), .target = &target};
    auto unpacker =
        TRY(archive::Unpacker::start(parts_.options.unpack_program, std::move(request)));
    TRY_AS("unpack archive", unpacker.wait(stop_));
    return {};
  }

  // A regular file below the archive's root; links inside it are followed, others lead nowhere.
  Result<sys::Fd> open_file(const std::string& path) const {
    sys::Fd file = TRY_AS("archive", sys::open_in_root(root_, path, {.flags = O_RDONLY | O_NONBLOCK}));
    struct stat status {};
    if (::fstat(file.get(), &status) < 0) return Error::from_errno(errno, path);
    if (!S_ISREG(status.st_mode))
      return Error::invalid(fmt::format("archive: {} is not a regular file", quote(path)));
    return file;
  }

  Result<std::string> read_document(const std::string& path) const {
    return sys::read_all(TRY(open_file(path)), spec::kMaximumManifestSize);
  }

  static std::string blob_path(const Digest& digest) {
    return fmt::format("blobs/sha256/{}", digest.hex());
  }

  Result<std::string> read_blob(const Digest& digest) const {
    std::string bytes = TRY(read_document(blob_path(digest)));
    const Digest actual = archive::Sha256::of(bytes);
    if (actual != digest)
      return Error::invalid(fmt::format("archive: blob {} has content with digest {}", digest.str(),
                                        actual.str()));
    return bytes;
  }

  Result<> load_docker(const std::string& manifest) {
    const auto images =
        TRY_AS("manifest.json", json::parse<std::vector<ArchiveImage>>(manifest));
    if (images.size() > kMaximumImages)
      return Error::invalid(fmt::format("manifest.json has {} images, the limit is {}",
                                        images.size(), kMaximumImages));
    for (const ArchiveImage& image : images) {
      Images::Parts::NewImage made{.config_json = TRY(read_document(image.config))};
      made.id = archive::Sha256::of(made.config_json);
      for (const std::string& tag : image.repo_tags)
        made.names.push_back(TRY_AS(quote(tag), spec::parse_reference(tag)).with_default_tag());
      TRY(finish(std::move(made), image.layers));
    }
    return {};
  }

  Result<> load_layout(const std::string& document) {
    const auto index = TRY_AS("index.json", json::parse<LayoutIndex>(document));
    if (index.manifests.size() > kMaximumImages)
      return Error::invalid("index.json has too many manifests");
    for (const spec::Descriptor& entry : index.manifests) {
      Digest digest = TRY_AS("index.json", Digest::parse(entry.digest));
      std::string bytes = TRY(read_blob(digest));
      auto parsed = TRY(spec::parse_manifest(bytes, entry.media_type));
      if (const auto* inner = std::get_if<spec::Index>(&parsed)) {
        const auto chosen = TRY(spec::choose_platform(*inner, spec::host_platform()));
        digest = chosen.blob.digest;
        bytes = TRY(read_blob(digest));
        parsed = TRY(spec::parse_manifest(bytes, chosen.blob.media_type));
      }
      const auto* manifest = std::get_if<spec::Manifest>(&parsed);
      if (manifest == nullptr) return Error::invalid("an index inside an index is not supported");
      TRY(load_manifest(*manifest, digest, bytes, entry));
    }
    return {};
  }

  Result<> load_manifest(const spec::Manifest& manifest, const Digest& digest,
                         const std::string& bytes, const spec::Descriptor& entry) {
    Images::Parts::NewImage made{.id = manifest.config.digest,
                                 .config_json = TRY(read_blob(manifest.config.digest)),
                                 .manifest = digest,
                                 .manifest_type = manifest.media_type};
    if (auto name = name_of(entry)) made.names.push_back(TRY(*std::move(name)));
    const auto hold = parts_.pins->hold({digest});
    TRY(parts_.content().put(bytes));
    std::vector<std::string> paths;
    for (const spec::Blob& layer : manifest.layers) paths.push_back(blob_path(layer.digest));
    return finish(std::move(made), paths);
  }

  // containerd's and docker's full name, else OCI's ref.name if it is one ("latest" alone is not).
  static std::optional<Result<spec::Reference>> name_of(const spec::Descriptor& entry) {
    const auto full = entry.annotations.find("io.containerd.image.name");
    if (full != entry.annotations.end()) return spec::parse_reference(full->second);
    const auto name = entry.annotations.find("org.opencontainers.image.ref.name");
    if (name == entry.annotations.end() || name->second.find_first_of(":/") == std::string::npos)
      return std::nullopt;
    return spec::parse_reference(name->second);
  }

  // What a layer's file is; its blob digest is known from its path, or is its diff id if it is
  // plain tar (both are checked when it is stored), else it is read once more to hash it.
  Result<Layer> identify(const sys::Fd& file, const std::string& path, const Digest& diff_id) {
    struct stat status {};
    if (::fstat(file.get(), &status) < 0) return Error::from_errno(errno, path);
    std::array<std::uint8_t, 6> start{};
    const ssize_t count = ::pread(file.get(), start.data(), start.size(), 0);
    if (count < 0) return Error::from_errno(errno, path);
    Layer layer{.diff_id = diff_id, .blob_size = static_cast<std::uint64_t>(status.st_size)};
    switch (archive::sniff({start.data(), static_cast<std::size_t>(count)})) {
      case archive::Compression::None:
        layer.media_type = spec::media_type::kDockerLayer;
        layer.blob = diff_id;
        return layer;
      case archive::Compression::Gzip: layer.media_type = spec::media_type::kDockerLayerGzip; break;
      case archive::Compression::Zstd: layer.media_type = spec::media_type::kOciLayerZstd; break;
      default:
        return Error::invalid(fmt::format("archive: {} has an unsupported compression", quote(path)));
    }
    const std::string prefix = "blobs/sha256/";
    if (path.starts_with(prefix)) layer.blob = TRY(Digest::from_hex(path.substr(prefix.size())));
    else layer.blob = TRY(hash_file(file));
    return layer;
  }

  static Fetch fetch_from(std::shared_ptr<sys::Fd> file) {
    return [file = std::move(file)](std::uint64_t offset, registry::BlobSink& sink,
                                    std::stop_token stop) {
      return copy_file(*file, offset, sink, stop);
    };
  }

  Result<> finish(Images::Parts::NewImage made, const std::vector<std::string>& layer_paths) {
    made.config = TRY(spec::parse_image_config(made.config_json));
    const auto diff_ids = spec::diff_ids_of(made.config);
    if (diff_ids.size() != layer_paths.size())
      return Error::invalid(fmt::format("invalid manifest, layers length mismatch: expected {}, got {}",
                                        diff_ids.size(), layer_paths.size()));
    const auto hold = parts_.pins->hold(diff_ids);
    hold->add(made.id);
    LoadingSink loading(sink_);
    NoProgress silence;
    LayerProgress progress(quiet_ ? static_cast<ProgressSink&>(silence) : loading);
    std::vector<LayerWorks::Ticket> tickets;
    for (std::size_t i = 0; i < diff_ids.size(); ++i) {
      if (auto stored = parts_.stored_layer(diff_ids[i])) {
        hold->add(stored->blob);
        // A manifest that names other blobs than the stored ones cannot be pushed as it is.
        if (!made.manifest.empty() && layer_paths[i] != blob_path(stored->blob)) made.manifest = {};
        made.layers.push_back(*std::move(stored));
        continue;
      }
      auto file = std::make_shared<sys::Fd>(TRY(open_file(layer_paths[i])));
      const Layer layer = TRY(identify(*file, layer_paths[i], diff_ids[i]));
      hold->add(layer.blob);
      tickets.push_back(parts_.works->join(
          {layer.blob, layer.blob_size, layer.diff_id, fetch_from(std::move(file))}));
      progress.follow(tickets.back().job());
      made.layers.push_back(layer);
    }
    TRY(wait_for(*parts_.works, tickets, progress, stop_));
    TRY(parts_.content().put(made.config_json));
    return publish(std::move(made));
  }

  Result<> publish(Images::Parts::NewImage made) {
    const ImageId id = made.id;
    const auto names = made.names;
    for (const spec::Reference& name : names) {
      const RecordPtr old = parts_.catalog->by_reference(name);
      if (old && old->id != id)
        say(fmt::format("The image {} already exists, renaming the old one with ID {} to empty string\n",
                        name.familiar(), old->id.str()));
    }
    if (made.manifest.empty()) made.manifest_type.clear();
    TRY(parts_.add(std::move(made)));
    for (const spec::Reference& name : names) say(fmt::format("Loaded image: {}\n", name.familiar()));
    if (names.empty()) say(fmt::format("Loaded image ID: {}\n", id.str()));
    parts_.tell("load", id.str(), parts_.catalog->get(id), id.str());
    return {};
  }

  void say(std::string text) { sink_.emit({.stream = std::move(text)}); }

  Images::Parts& parts_;
  ProgressSink& sink_;
  const bool quiet_;
  const std::stop_token stop_;
  sys::Fd root_;
};

}  // namespace

Result<> Images::load(const sys::Fd& stream, bool quiet, ProgressSink& sink,
                      std::stop_token stop) {
  return Load(*parts_, sink, quiet, std::move(stop)).run(stream);
}

}  // namespace wherry::image
