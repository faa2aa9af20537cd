// Client: a v2 registry client (OCI distribution-spec 1.1, docker's token protocol).
//
// All transfers run on one thread of the client (libcurl multi); the calls below block their
// caller and may come from any thread. Each takes the stop_token of its Session and returns
// Cancelled within a second of a stop request.
//
// Promises: credentials and tokens go to the origin they are for and to no other (redirects
// drop them; a token realm must be https, or loopback, and belong to the registry's site);
// 429, 5xx, resets and stalls are retried with back-off and Retry-After, at most
// Settings::maximum_attempts times; bytes of a manifest are checked against their digest;
// every body has a limit. Errors name the host, the cause (DNS, refused, timeout, TLS, 401,
// 429 with its reset time) and the next step, in docker's words where clients match them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/digest.h"
#include "base/result.h"
#include "registry/settings.h"
#include "spec/oci_image.h"
#include "spec/reference.h"

namespace wherry::registry {

enum class Action : std::uint8_t { Pull, Push };

struct FetchedManifest {
  Digest digest;       // over `bytes`
  std::string content_type;  // the header's media type, without parameters
  std::string bytes;
};

// Takes the bytes of a blob in order, in the calling thread; an Error ends the transfer with
// that Error. May block: the transfer is held back (bounded buffer), not the other transfers.
class BlobSink {
 public:
  virtual ~BlobSink() = default;
  virtual Result<> write(std::string_view bytes) = 0;
};

// Gives the bytes of a blob to send; must give the same again after rewind().
class BlobSource {
 public:
  virtual ~BlobSource() = default;
  // Fills `buffer` in part; 0 is the end.
  virtual Result<std::size_t> read(char* buffer, std::size_t size) = 0;
  virtual Result<> rewind() = 0;
};

struct SessionRequest {
  spec::Reference repository;  // domain and path count
  Action action = Action::Pull;
  Credentials credentials;
  std::stop_token stop;
};

// One operation on one repository: remembers which endpoint (mirror, https or http) answered
// and which challenge it gave. Thread-safe: blobs are fetched from several threads.
class Session {
 public:
  struct State;
  explicit Session(std::unique_ptr<State> state);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // `tag_or_digest`: "latest" or "sha256:...". Errors: NotFound "manifest for x:latest not
  // found: manifest unknown: manifest unknown", NotFound "pull access denied for x, repository
  // does not exist or may require 'docker login': denied: requested access to the resource is
  // denied", and those of the transport. Mirrors are tried first for docker.io.
  Result<FetchedManifest> get_manifest(std::string_view tag_or_digest);

  // The digest that a tag stands for now, by HEAD, which Docker Hub does not count as a pull;
  // nullopt where the registry does not tell (get_manifest then gives the reason, if any).
  Result<std::optional<Digest>> head_manifest(std::string_view tag_or_digest);

  // Streams the bytes from `offset` on (Range; where the server ignores it, what comes before
  // is skipped). A connection that breaks is resumed where it stopped. More bytes than `size`
  // are an error; the digest is the caller's to check, over all bytes.
  struct BlobRequest {
    Digest digest;
    std::uint64_t size = 0;
    std::uint64_t offset = 0;
    // Called in the calling thread before a transfer is tried again.
    std::function<void(int attempt, const Error& cause)> on_retry = {};
    std::stop_token stop = {};  // of this transfer; the session's does not count here
  };
  Result<> get_blob(const BlobRequest& request, BlobSink& sink);

  Result<bool> has_blob(const Digest& digest);
  // Cross-repository mount of a blob that `from_path` of the same registry has.
  Result<bool> mount_blob(const Digest& digest, const std::string& from_path);
  // Uploads a blob (POST, then one PUT with all bytes). `sent` is called in the calling thread with the
  // bytes sent so far.
  Result<> put_blob(const Digest& digest, std::uint64_t size, BlobSource& source,
                    const std::function<void(std::uint64_t)>& sent);
  Result<> put_manifest(std::string_view tag_or_digest, std::string_view media_type,
                        std::string_view bytes);

 private:
  std::unique_ptr<State> state_;
};

class Client {
 public:
  static Result<std::unique_ptr<Client>> create(Settings settings);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Talks to nobody yet; the client outlives the session. InvalidArgument: certs.d is wrong.
  Result<std::unique_ptr<Session>> open(SessionRequest request);

  // `docker login`: asks the registry (server_address of the credentials, "" is docker.io) whether it
  // takes these. Gives an identity token if the registry issued one, else "".
  // Unauthorized: docker's "Get "https://host/v2/": unauthorized: ...".
  Result<std::string> login(const Credentials& credentials, std::stop_token stop);

 private:
  struct State;
  explicit Client(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace wherry::registry
