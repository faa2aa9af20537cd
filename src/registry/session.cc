// Session: manifests and the choice of an endpoint. Blobs are in blob.cc, pushes in upload.cc.
#include <fmt/format.h>

#include "archive/sha256.h"
#include "registry/client.h"
#include "registry/failure.h"
#include "registry/session_state.h"

namespace wherry::registry {
namespace {

std::string accepted_types() {
  namespace media = spec::media_type;
  return fmt::format("{}, {}, {}, {}, {}, {}", media::kOciIndex, media::kDockerList,
                     media::kOciManifest, media::kDockerManifest, media::kDockerSchema1Signed,
                     media::kDockerSchema1);
}

// "application/json; charset=utf-8" -> "application/json"
std::string without_parameters(std::string_view content_type) {
  return std::string(trim(content_type.substr(0, content_type.find(';'))));
}

spec::Reference with_version(spec::Reference reference, std::string_view tag_or_digest) {
  reference.tag.clear();
  reference.digest = {};
  if (auto digest = Digest::parse(tag_or_digest)) reference.digest = *std::move(digest);
  else reference.tag = tag_or_digest;
  return reference;
}

}  // namespace

Session::Session(std::unique_ptr<State> state) : state_(std::move(state)) {}
Session::~Session() = default;

bool Session::State::may_fall_back(const Answer& answer, std::size_t position) const {
  if (position + 1 >= exchanges.size()) return false;
  if (answer.outcome.failure == TransportFailure::Cancelled ||
      answer.outcome.failure == TransportFailure::Sink)
    return false;
  // A mirror may lack what the hub has; https falls back to http only if nobody spoke https.
  return exchanges[position]->endpoint().mirror ||
         answer.outcome.failure != TransportFailure::None;
}

Result<Answer> Session::State::ask(const Call& call) {
  std::string mirror_causes;
  for (std::size_t i = *chosen.lock();; ++i) {
    auto answer = exchanges[i]->with_retry(call);
    if (answer && answer->ok()) {
      *chosen.lock() = i;
      return answer;
    }
    const bool mirror = exchanges[i]->endpoint().mirror;
    const bool next = answer ? may_fall_back(*answer, i) : mirror && i + 1 < exchanges.size();
    if (next) {
      if (mirror)
        mirror_causes += fmt::format("; mirror {}: {}", exchanges[i]->endpoint().base.authority(),
                                     (answer ? answer->error() : answer.error()).message());
      continue;
    }
    if (answer && answer->outcome.failure != TransportFailure::None && !mirror_causes.empty())
      return Error(answer->error().kind(), answer->error().message() + mirror_causes);
    return answer;
  }
}

std::string Session::State::url_path(std::string_view rest) const {
  return fmt::format("/v2/{}/{}", request.repository.path, rest);
}

Result<std::optional<Digest>> Session::head_manifest(std::string_view tag_or_digest) {
  Call call{.method = "HEAD",
            .path = state_->url_path(fmt::format("manifests/{}", tag_or_digest)),
            .headers = {{"Accept", accepted_types()}},
            .stop = state_->request.stop};
  const Answer answer = TRY(state_->ask(call));
  if (answer.outcome.failure != TransportFailure::None) return answer.error();
  if (!answer.ok()) return std::nullopt;
  auto digest = Digest::parse(answer.outcome.response.header("docker-content-digest"));
  if (!digest) return std::nullopt;
  return *std::move(digest);
}

Result<FetchedManifest> Session::get_manifest(std::string_view tag_or_digest) {
  Call call{.path = state_->url_path(fmt::format("manifests/{}", tag_or_digest)),
            .headers = {{"Accept", accepted_types()}},
            .maximum_body = spec::kMaximumManifestSize,
            .stop = state_->request.stop};
  Answer answer = TRY(state_->ask(call));
  if (answer.outcome.failure == TransportFailure::TooLarge)
    return Error::invalid(fmt::format("manifest {} of {} is larger than the limit of 4 MiB",
                                      tag_or_digest, state_->request.repository.familiar_name()));
  if (answer.outcome.failure != TransportFailure::None) return answer.error();
  if (!answer.ok())
    return pull_error(with_version(state_->request.repository, tag_or_digest), answer.request,
                      answer.outcome.response, now());
  HttpResponse& response = answer.outcome.response;
  FetchedManifest manifest{.digest = archive::Sha256::of(response.body),
                           .content_type = without_parameters(response.header("content-type")),
                           .bytes = std::move(response.body)};
  const auto asked = Digest::parse(tag_or_digest);
  if (asked && *asked != manifest.digest)
    return Error::invalid(fmt::format("manifest verification failed for digest {}: the registry "
                                      "sent bytes with digest {}",
                                      asked->str(), manifest.digest.str()));
  return manifest;
}

}  // namespace wherry::registry
