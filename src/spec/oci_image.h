// Image documents: OCI image-spec 1.1 and Docker image manifest v2 schema 2, which differ
// only in media types. Parsed from bytes that a registry or an archive sent: hostile.
// Digests are over the bytes received, so nothing here is ever written back in their place.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/digest.h"
#include "base/result.h"
#include "base/value_type.h"

namespace wherry::spec {

// Manifests, indexes and configs above this are refused before they are parsed.
inline constexpr std::size_t kMaximumManifestSize = 4U << 20;
// Layers of one manifest, entries of one index. (overlayfs itself stops at 500 layers.)
inline constexpr std::size_t kMaximumLayers = 500;
inline constexpr std::size_t kMaximumIndexEntries = 4096;

namespace media_type {
inline constexpr std::string_view kOciIndex = "application/vnd.oci.image.index.v1+json";
inline constexpr std::string_view kOciManifest = "application/vnd.oci.image.manifest.v1+json";
inline constexpr std::string_view kOciConfig = "application/vnd.oci.image.config.v1+json";
inline constexpr std::string_view kOciLayer = "application/vnd.oci.image.layer.v1.tar";
inline constexpr std::string_view kOciLayerGzip = "application/vnd.oci.image.layer.v1.tar+gzip";
inline constexpr std::string_view kOciLayerZstd = "application/vnd.oci.image.layer.v1.tar+zstd";
inline constexpr std::string_view kDockerList =
    "application/vnd.docker.distribution.manifest.list.v2+json";
inline constexpr std::string_view kDockerManifest =
    "application/vnd.docker.distribution.manifest.v2+json";
inline constexpr std::string_view kDockerConfig = "application/vnd.docker.container.image.v1+json";
inline constexpr std::string_view kDockerLayer = "application/vnd.docker.image.rootfs.diff.tar";
inline constexpr std::string_view kDockerLayerGzip =
    "application/vnd.docker.image.rootfs.diff.tar.gzip";
inline constexpr std::string_view kDockerLayerZstd =
    "application/vnd.docker.image.rootfs.diff.tar.zstd";
inline constexpr std::string_view kDockerSchema1 =
    "application/vnd.docker.distribution.manifest.v1+json";
inline constexpr std::string_view kDockerSchema1Signed =
    "application/vnd.docker.distribution.manifest.v1+prettyjws";
}  // namespace media_type

struct Platform {
  std::string architecture;  // Go's names: amd64, arm64, arm, 386 ...
  std::string os;
  std::string os_version;
  std::vector<std::string> os_features;
  std::string variant;  // v7, v8

  bool operator==(const Platform&) const = default;
};

// "linux/arm64", "linux/arm/v7".
std::string format_platform(const Platform& platform);
// "os[/arch[/variant]]" as `--platform` takes it, normalised (x86_64 -> amd64, aarch64 -> arm64).
Result<Platform> parse_platform(std::string_view text);
// The platform of this machine.
Platform host_platform();
// How well an image for `offered` runs where `wanted` is asked for: 0 no, higher is better.
// arm falls back v8 -> v7 -> v6 -> v5; an absent variant of arm64 is v8.
int platform_rank(const Platform& wanted, const Platform& offered);

struct Descriptor {
  std::string media_type;
  std::string digest;  // unchecked text; the checked form is in Manifest and Index below
  std::int64_t size = 0;
  std::vector<std::string> urls;
  std::map<std::string, std::string> annotations;
  std::optional<Platform> platform;
  std::string artifact_type;
};

// A descriptor whose digest and size were checked.
struct Blob {
  std::string media_type;
  Digest digest;
  std::uint64_t size = 0;
};

struct Manifest {
  std::string media_type;
  Blob config;
  std::vector<Blob> layers;
};

struct Index {
  struct Entry {
    Blob blob;
    std::optional<Platform> platform;
    std::map<std::string, std::string> annotations;
  };
  std::string media_type;
  std::vector<Entry> entries;
};

// Parses a manifest or an index. `content_type` is the header it came with ("" from an
// archive). Refused (InvalidArgument): both "manifests" and "layers" ("ambiguous manifest"),
// a mediaType that contradicts content_type, schema 1, digests that are not well-formed
// sha256, negative sizes, too many entries, artifacts that are no image.
Result<std::variant<Manifest, Index>> parse_manifest(std::string_view bytes,
                                                     std::string_view content_type);

// The entry of `index` for `wanted`; attestations (platform unknown/unknown) never match.
// Error (NotFound): docker's "no matching manifest for linux/arm64 in the manifest list entries".
Result<Index::Entry> choose_platform(const Index& index, const Platform& wanted);

enum class Compression : std::uint8_t { None, Gzip, Zstd };
// What the media type of a layer says; foreign layers are known. Unknown types are an error.
Result<Compression> layer_compression(std::string_view media_type);

struct Healthcheck {
  std::vector<std::string> test;
  std::int64_t interval_ns = 0;
  std::int64_t timeout_ns = 0;
  std::int64_t start_period_ns = 0;
  std::int64_t start_interval_ns = 0;
  std::int64_t retries = 0;
};

struct EmptyObject {};

// "config" of an image: OCI's fields and docker's additions.
struct RunConfig {
  WHERRY_VALUE_TYPE(RunConfig);

  std::string user;
  std::optional<std::map<std::string, EmptyObject>> exposed_ports;
  std::optional<std::vector<std::string>> env;
  std::optional<std::vector<std::string>> entrypoint;
  std::optional<std::vector<std::string>> cmd;
  std::optional<std::map<std::string, EmptyObject>> volumes;
  std::string working_dir;
  std::optional<std::map<std::string, std::string>> labels;
  std::string stop_signal;
  std::optional<std::int64_t> stop_timeout;
  bool args_escaped = false;
  std::optional<Healthcheck> healthcheck;
  std::optional<std::vector<std::string>> on_build;
  std::optional<std::vector<std::string>> shell;
};

struct RootFs {
  std::string type;
  std::vector<std::string> diff_ids;
};

struct History {
  std::string created;
  std::string created_by;
  std::string author;
  std::string comment;
  bool empty_layer = false;
};

struct ImageConfig {
  WHERRY_VALUE_TYPE(ImageConfig);

  std::string created;  // RFC 3339, as written by the builder; may be empty
  std::string author;
  std::string comment;
  std::string architecture;
  std::string variant;
  std::string os;
  std::string os_version;
  std::string docker_version;
  std::string parent;  // only images of the classic builder
  RunConfig config;
  RootFs rootfs;
  std::vector<History> history;

  [[nodiscard]] Platform platform() const;
};

// Parses and checks a config: rootfs.type "layers", well-formed diff ids, a known os.
Result<ImageConfig> parse_image_config(std::string_view bytes);
// The diff ids of a checked config.
std::vector<Digest> diff_ids_of(const ImageConfig& config);

}  // namespace wherry::spec
