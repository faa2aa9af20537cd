#include "spec/oci_image_json.h"

#include <fmt/format.h>
#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/strings.h"

namespace wherry::spec {

WHERRY_VALUE_TYPE_MEMBERS(RunConfig);
WHERRY_VALUE_TYPE_MEMBERS(ImageConfig);

namespace {

// Everything a manifest or an index may hold, so that one look tells which it is.
struct Document {
  std::int64_t schema_version = 0;
  std::string media_type;
  std::string artifact_type;
  std::optional<Descriptor> config;
  std::optional<std::vector<Descriptor>> layers;
  std::optional<std::vector<Descriptor>> manifests;
  json::Raw fs_layers;  // schema 1
};

}  // namespace
}  // namespace wherry::spec

namespace wherry::json {

template <>
struct Describe<spec::Document> {
  using T = spec::Document;
  static constexpr auto fields = std::tuple{
      field("schemaVersion", &T::schema_version), field("mediaType", &T::media_type),
      field("artifactType", &T::artifact_type),   field("config", &T::config),
      field("layers", &T::layers),                field("manifests", &T::manifests),
      field("fsLayers", &T::fs_layers)};
};

}  // namespace wherry::json

namespace wherry::spec {
namespace {

bool is_index_type(std::string_view type) {
  return type == media_type::kOciIndex || type == media_type::kDockerList;
}

bool is_manifest_type(std::string_view type) {
  return type == media_type::kOciManifest || type == media_type::kDockerManifest;
}

bool is_schema1(std::string_view type, const Document& document) {
  return type == media_type::kDockerSchema1 || type == media_type::kDockerSchema1Signed ||
         document.schema_version == 1 || !document.fs_layers.value.is_null();
}

Error schema1_error() {
  return {ErrorKind::NotImplemented,
          "docker image manifest version 2, schema 1 is not supported: the image must be pushed "
          "again by its owner as schema 2 or OCI"};
}

Result<Blob> checked_blob(const Descriptor& descriptor, std::string_view what) {
  Digest digest = TRY_AS(what, Digest::parse(descriptor.digest));
  if (descriptor.size < 0)
    return Error::invalid(fmt::format("{}: negative size {}", what, descriptor.size));
  return Blob{descriptor.media_type, std::move(digest),
              static_cast<std::uint64_t>(descriptor.size)};
}

Result<Manifest> to_manifest(const Document& document, std::string_view type) {
  if (!document.config || !document.layers)
    return Error::invalid("manifest without \"config\" or \"layers\"");
  if (document.layers->size() > kMaximumLayers)
    return Error::invalid(fmt::format("manifest has {} layers, the limit is {}",
                                      document.layers->size(), kMaximumLayers));
  Manifest manifest{.media_type = std::string(type),
                    .config = TRY(checked_blob(*document.config, "manifest config"))};
  const std::string& config_type = manifest.config.media_type;
  if (config_type != media_type::kOciConfig && config_type != media_type::kDockerConfig)
    return Error::invalid(fmt::format("unsupported media type {}: this is an artifact, not an image",
                                      config_type.empty() ? "\"\"" : config_type));
  if (manifest.config.size > kMaximumManifestSize)
    return Error::invalid(fmt::format("image config has {} bytes, the limit is {}",
                                      manifest.config.size, kMaximumManifestSize));
  for (const Descriptor& layer : *document.layers)
    manifest.layers.push_back(TRY(checked_blob(layer, "manifest layer")));
  return manifest;
}

Result<Index> to_index(const Document& document, std::string_view type) {
  if (!document.manifests) return Error::invalid("index without \"manifests\"");
  if (document.manifests->size() > kMaximumIndexEntries)
    return Error::invalid(fmt::format("index has {} entries, the limit is {}",
                                      document.manifests->size(), kMaximumIndexEntries));
  Index index{.media_type = std::string(type)};
  for (const Descriptor& entry : *document.manifests)
    index.entries.push_back({TRY(checked_blob(entry, "index entry")), entry.platform,
                             entry.annotations});
  return index;
}

// The one media type that header and document agree on.
Result<std::string> agreed_type(const Document& document, std::string_view content_type) {
  const bool known = is_index_type(content_type) || is_manifest_type(content_type);
  if (!document.media_type.empty() && known && document.media_type != content_type)
    return Error::invalid(fmt::format("ambiguous manifest: mediaType {} in the document, {} in the header",
                                      document.media_type, content_type));
  if (!document.media_type.empty()) return document.media_type;
  if (known) return std::string(content_type);
  // OCI makes mediaType optional; registries that serve text/plain or nothing are legion.
  return std::string(document.manifests ? media_type::kOciIndex : media_type::kOciManifest);
}

struct Alias {
  std::string_view from;
  std::string_view to;
  std::string_view variant;
};

constexpr std::array kArchitectures = {
    Alias{"x86_64", "amd64", ""},   Alias{"x86-64", "amd64", ""}, Alias{"aarch64", "arm64", ""},
    Alias{"armhf", "arm", "v7"},    Alias{"armel", "arm", "v6"},  Alias{"i386", "386", ""},
    Alias{"i686", "386", ""},       Alias{"armv7l", "arm", "v7"}, Alias{"armv6l", "arm", "v6"},
    Alias{"loongarch64", "loong64", ""},
};

Platform normalised(Platform platform) {
  platform.architecture = to_lower(platform.architecture);
  platform.os = to_lower(platform.os);
  platform.variant = to_lower(platform.variant);
  for (const Alias& alias : kArchitectures) {
    if (platform.architecture != alias.from) continue;
    platform.architecture = alias.to;
    if (platform.variant.empty()) platform.variant = alias.variant;
  }
  if (platform.architecture == "arm64" && (platform.variant == "8" || platform.variant == "v8"))
    platform.variant.clear();
  if (platform.architecture == "amd64" && platform.variant == "v1") platform.variant.clear();
  if (platform.architecture == "arm" && platform.variant.empty()) platform.variant = "v7";
  if (platform.architecture == "arm" && platform.variant.size() == 1 &&
      platform.variant.front() >= '5' && platform.variant.front() <= '8')
    platform.variant.insert(0, "v");
  return platform;
}

// "v7" -> 7; 0 for anything else.
int variant_number(std::string_view variant) {
  if (variant.size() != 2 || variant[0] != 'v' || variant[1] < '0' || variant[1] > '9') return 0;
  return variant[1] - '0';
}

bool is_attestation(const Index::Entry& entry) {
  const auto type = entry.annotations.find("vnd.docker.reference.type");
  return (type != entry.annotations.end() && type->second == "attestation-manifest") ||
         (entry.platform && entry.platform->os == "unknown");
}

}  // namespace

std::string format_platform(const Platform& platform) {
  std::string text = platform.os + "/" + platform.architecture;
  if (!platform.variant.empty()) text += "/" + platform.variant;
  return text;
}

Result<Platform> parse_platform(std::string_view text) {
  const auto valid = [](std::string_view part) {
    return !part.empty() && std::ranges::all_of(part, [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             c == '_' || c == '-' || c == '.';
    });
  };
  const auto parts = split(text, '/');
  if (parts.size() > 3 || !std::ranges::all_of(parts, valid))
    return Error::invalid(
        fmt::format("{}: cannot parse platform specifier: invalid argument", quote(text)));
  Platform platform = host_platform();
  if (parts.size() == 1) {
    // A lone word is an operating system if we know it as one, else an architecture.
    if (parts[0] == "linux" || parts[0] == "windows" || parts[0] == "darwin" ||
        parts[0] == "freebsd")
      platform.os = parts[0];
    else platform = {.architecture = std::string(parts[0]), .os = platform.os};
    return normalised(platform);
  }
  platform = {.architecture = std::string(parts[1]), .os = std::string(parts[0])};
  if (parts.size() == 3) platform.variant = parts[2];
  return normalised(platform);
}

Platform host_platform() {
  utsname name{};
  ::uname(&name);
  return normalised({.architecture = name.machine, .os = "linux"});
}

int platform_rank(const Platform& wanted_raw, const Platform& offered_raw) {
  const Platform wanted = normalised(wanted_raw);
  const Platform offered = normalised(offered_raw);
  if (wanted.os != offered.os) return 0;
  if (!wanted.os_version.empty() && wanted.os_version != offered.os_version) return 0;
  if (wanted.architecture == offered.architecture) {
    if (wanted.variant == offered.variant) return 100;
    if (wanted.architecture == "arm") {
      const int have = variant_number(offered.variant);
      return have >= 5 && have < variant_number(wanted.variant) ? 10 + have : 0;
    }
    if (wanted.architecture == "amd64") {
      const int have = offered.variant.empty() ? 1 : variant_number(offered.variant);
      const int want = wanted.variant.empty() ? 1 : variant_number(wanted.variant);
      return have >= 1 && have < want ? 10 + have : 0;
    }
    return offered.variant.empty() ? 10 : 0;
  }
  // docker's matcher: a 64-bit ARM runs 32-bit images, amd64 does 386.
  if (wanted.architecture == "arm64" && offered.architecture == "arm")
    return std::max(1, variant_number(offered.variant));
  if (wanted.architecture == "amd64" && offered.architecture == "386") return 1;
  return 0;
}

Result<std::variant<Manifest, Index>> parse_manifest(std::string_view bytes,
                                                     std::string_view content_type) {
  if (bytes.size() > kMaximumManifestSize)
    return Error::invalid(fmt::format("manifest has {} bytes, the limit is {}", bytes.size(),
                                      kMaximumManifestSize));
  const auto document = TRY_AS("manifest", json::parse<Document>(bytes));
  // CVE-2021-41190: two readers must never see two images in one document.
  if (document.manifests && (document.layers || document.config))
    return Error::invalid("ambiguous manifest: both \"manifests\" and \"layers\"");
  if (is_schema1(content_type, document)) return schema1_error();
  const std::string type = TRY(agreed_type(document, content_type));
  if (is_index_type(type)) return TRY(to_index(document, type));
  if (is_manifest_type(type)) return TRY(to_manifest(document, type));
  return Error::invalid(fmt::format("unsupported manifest media type {}", quote(type)));
}

Result<Index::Entry> choose_platform(const Index& index, const Platform& wanted) {
  const Index::Entry* best = nullptr;
  int best_rank = 0;
  for (const Index::Entry& entry : index.entries) {
    if (is_attestation(entry)) continue;
    const int rank = entry.platform ? platform_rank(wanted, *entry.platform) : 0;
    if (rank <= best_rank) continue;
    best = &entry;
    best_rank = rank;
  }
  // An index of one image that names no platform is that image (docker does the same).
  if (best == nullptr && index.entries.size() == 1 && !index.entries.front().platform)
    best = &index.entries.front();
  if (best == nullptr)
    return Error::not_found(fmt::format("no matching manifest for {} in the manifest list entries",
                                        format_platform(wanted)));
  return *best;
}

Result<Compression> layer_compression(std::string_view type) {
  struct Known {
    std::string_view type;
    Compression compression;
  };
  static constexpr std::array kKnown = {
      Known{media_type::kOciLayer, Compression::None},
      Known{media_type::kOciLayerGzip, Compression::Gzip},
      Known{media_type::kOciLayerZstd, Compression::Zstd},
      Known{media_type::kDockerLayer, Compression::None},
      Known{media_type::kDockerLayerGzip, Compression::Gzip},
      Known{media_type::kDockerLayerZstd, Compression::Zstd},
      Known{"application/vnd.docker.image.rootfs.foreign.diff.tar", Compression::None},
      Known{"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", Compression::Gzip},
      Known{"application/vnd.oci.image.layer.nondistributable.v1.tar", Compression::None},
      Known{"application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", Compression::Gzip},
      Known{"application/vnd.oci.image.layer.nondistributable.v1.tar+zstd", Compression::Zstd},
  };
  for (const Known& known : kKnown)
    if (type == known.type) return known.compression;
  return Error::invalid(fmt::format("unsupported layer media type {}", quote(type)));
}

Platform ImageConfig::platform() const {
  return {.architecture = architecture, .os = os, .os_version = os_version, .variant = variant};
}

Result<ImageConfig> parse_image_config(std::string_view bytes) {
  if (bytes.size() > kMaximumManifestSize)
    return Error::invalid(fmt::format("image config has {} bytes, the limit is {}", bytes.size(),
                                      kMaximumManifestSize));
  auto config = TRY_AS("image config", json::parse<ImageConfig>(bytes));
  if (config.rootfs.type != "layers")
    return Error::invalid(
        fmt::format("image config: rootfs type {} is not \"layers\"", quote(config.rootfs.type)));
  if (config.rootfs.diff_ids.size() > kMaximumLayers)
    return Error::invalid(fmt::format("image config has {} layers, the limit is {}",
                                      config.rootfs.diff_ids.size(), kMaximumLayers));
  for (const std::string& diff_id : config.rootfs.diff_ids)
    TRY_AS("image config diff id", Digest::parse(diff_id));
  if (config.os.empty()) config.os = "linux";
  if (config.os != "linux")
    return Error::invalid(fmt::format(
        "image operating system {} cannot be used on this platform: operating system is not "
        "supported",
        quote(config.os)));
  return config;
}

std::vector<Digest> diff_ids_of(const ImageConfig& config) {
  std::vector<Digest> diff_ids;
  for (const std::string& text : config.rootfs.diff_ids)
    if (auto digest = Digest::parse(text)) diff_ids.push_back(*std::move(digest));
  return diff_ids;
}

}  // namespace wherry::spec
