// Images: the image store of one engine. Names, configs, manifests and layers; pull, push,
// load, tag, remove; what no image and no running operation needs is collected.
//
// An image is a config (its id is the config's digest), an ordered list of layers (diff ids),
// and any number of names. Layers live in snapshot::Driver, the compressed blobs they came
// from in content::Store, the rest in the database.
//
// Every method may be called from any thread and blocks until done; long ones take a
// stop_token. An image is visible only when everything it needs is durable: data -> syncfs ->
// directory fsync -> database record.
//
// `name` is what a user typed: a reference ("alpine", "alpine@sha256:..."), a full id with or
// without "sha256:", or a unique prefix of one. Unknown: NotFound "No such image: x:latest".
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/result.h"
#include "base/time.h"
#include "registry/settings.h"
#include "spec/oci_image.h"
#include "spec/progress.h"
#include "spec/reference.h"
#include "sys/fd.h"

namespace wherry::content {
class Store;
}
namespace wherry::snapshot {
class Driver;
}
namespace wherry::metadata {
class Database;
}

namespace wherry::image {

using ImageId = Digest;  // digest of the config

// Takes progress messages; called from several threads, one at a time. Must not block long:
// what it holds up is the download.
class ProgressSink {
 public:
  virtual ~ProgressSink() = default;
  virtual void emit(const spec::ProgressMessage& message) = 0;
};

// Keeps the content of one image (config, manifest, layers) from collection while it lives:
// hold one from resolve() until the container's record names the image.
class Lease {
 public:
  virtual ~Lease() = default;
};

// What is needed to make a container.
struct Resolved {
  ImageId id;
  spec::ImageConfig config;
  std::vector<Digest> diff_ids;  // bottom first; keys of snapshot layers
  std::shared_ptr<Lease> lease;
};

// What inspect shows, in docker's terms.
struct Details {
  ImageId id;
  spec::ImageConfig config;
  std::string config_json;                 // the stored bytes of the config
  std::vector<std::string> repo_tags;      // familiar: "alpine:latest"
  std::vector<std::string> repo_digests;   // "alpine@sha256:..."
  std::optional<ImageId> parent;
  std::uint64_t size = 0;                  // bytes of all unpacked layers
  std::optional<Instant> last_tag_time;
  std::string driver;                      // docker's GraphDriver.Name
  std::map<std::string, std::string> driver_data;  // LowerDir, UpperDir, WorkDir, MergedDir
  std::vector<Digest> diff_ids;
};

struct Summary {
  ImageId id;
  std::optional<ImageId> parent;
  std::vector<std::string> repo_tags;     // [] or familiar names
  std::vector<std::string> repo_digests;
  std::int64_t created_s = 0;             // unix seconds; 0 unknown
  std::uint64_t size = 0;
  std::map<std::string, std::string> labels;
};

struct ListOptions {
  bool all = false;      // also intermediate images (those with children and without a name)
  // before since dangling label label! reference until; others are "invalid filter 'x'".
  std::map<std::string, std::vector<std::string>> filters;
};

struct PullRequest {
  spec::Reference reference;
  std::optional<spec::Platform> platform;  // none: the host's
  registry::Credentials credentials;
};

struct PushRequest {
  spec::Reference reference;  // without a tag: "latest"
  bool all_tags = false;
  registry::Credentials credentials;
};

struct Removal {
  enum class Kind : std::uint8_t { Untagged, Deleted };
  Kind kind = Kind::Untagged;
  std::string what;  // a familiar reference, or "sha256:..."
};

struct RemoveOptions {
  bool force = false;
  bool no_prune = false;  // keep untagged parents
};

// A container that was made from an image.
struct User {
  std::string container_id;  // full
  bool running = false;
};

struct Event {
  std::string action;  // pull push tag untag delete load
  std::string id;      // docker's Actor.ID: the image id, or the reference for pull and push
  std::map<std::string, std::string> attributes;  // labels + "name"
};

struct Hooks {
  // Containers made from `id`; called without locks held.
  std::function<std::vector<User>(const ImageId& id)> users = {};
  std::function<void(const Event& event)> event = {};
};

struct Options {
  content::Store* content = nullptr;  // all outlive Images
  snapshot::Driver* snapshots = nullptr;
  metadata::Database* database = nullptr;
  registry::Settings registry = {};
  std::string unpack_program;  // "": this program itself, called with --unpack
  // A directory of ours (0700, created where missing, emptied by open()) for archives being
  // loaded; same file system as the data root.
  std::string temporary_directory;
  std::size_t maximum_concurrent_downloads = 16;
  Hooks hooks = {};
};

class Images {
 public:
  // Reads the database, and collects what a crash left behind.
  static Result<std::unique_ptr<Images>> open(Options options);
  ~Images();
  Images(const Images&) = delete;
  Images& operator=(const Images&) = delete;

  // Set once before the first remove(); replaces Options::hooks.
  void set_hooks(Hooks hooks);

  // For the operations that begin from now on. InvalidArgument: as Client::create, and nothing
  // has changed.
  Result<> reconfigure(const registry::Settings& settings, std::size_t maximum_downloads);

  // A platform that the image does not have is NotFound: "image with reference x was found but
  // its platform (linux/amd64) does not match the specified platform (linux/arm64)".
  Result<Resolved> resolve(std::string_view name,
                           const std::optional<spec::Platform>& platform = std::nullopt);
  Result<Details> inspect(std::string_view name);
  Result<std::vector<Summary>> list(const ListOptions& options);
  Result<std::size_t> count();

  // Errors before the first message are real errors; later ones are returned too, and the
  // caller writes them into its stream. A cancelled pull keeps what was downloaded.
  Result<ImageId> pull(const PullRequest& request, ProgressSink& sink, std::stop_token stop);
  Result<> push(const PushRequest& request, ProgressSink& sink, std::stop_token stop);
  // Reads a docker archive or an OCI layout, plain or compressed, from `stream` to its end.
  Result<> load(const sys::Fd& stream, bool quiet, ProgressSink& sink, std::stop_token stop);

  // `target` "repo" or "repo:tag".
  Result<> tag(std::string_view name, const spec::Reference& target);
  // docker's rules for untag and delete, and its conflict sentences.
  Result<std::vector<Removal>> remove(std::string_view name, const RemoveOptions& options);

  // Removes blobs and layers that nothing refers to; gives the bytes freed.
  Result<std::uint64_t> collect();

  // `docker login`; the identity token or "".
  Result<std::string> login(const registry::Credentials& credentials, std::stop_token stop);

  struct Parts;  // internal

 private:
  explicit Images(std::unique_ptr<Parts> parts);
  // Unpacks again the layers that a power cut damaged; drops images whose blobs are gone too.
  Result<> repair();
  std::unique_ptr<Parts> parts_;
};

}  // namespace wherry::image
