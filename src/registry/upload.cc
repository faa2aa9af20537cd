// Session: pushes.
#include <fmt/format.h>

#include "registry/client.h"
#include "registry/failure.h"
#include "registry/retry.h"
#include "registry/session_state.h"

namespace wherry::registry {
namespace {

// Where the bytes go: the Location of an upload that a POST opened.
Result<Url> upload_location(const Answer& answer) {
  const std::string_view location = answer.outcome.response.header("location");
  if (location.empty())
    return Error(ErrorKind::Unavailable,
                 fmt::format("{} opened an upload without saying where",
                             answer.request.url.authority()));
  return resolve_location(answer.request.url, location);
}

}  // namespace

Result<bool> Session::has_blob(const Digest& digest) {
  const Answer answer =
      TRY(state_->ask({.method = "HEAD",
                       .path = state_->url_path(fmt::format("blobs/{}", digest.str())),
                       .stop = state_->request.stop}));
  if (answer.ok()) return true;
  if (answer.outcome.failure == TransportFailure::None && answer.outcome.response.status == 404) return false;
  return answer.error();
}

Result<bool> Session::mount_blob(const Digest& digest, const std::string& from_path) {
  const std::stop_token& stop = state_->request.stop;
  TRY(state_->exchange().add_scope(fmt::format("repository:{}:pull", from_path), stop));
  const Answer answer = TRY(state_->ask(
      {.method = "POST",
       .path = state_->url_path(fmt::format("blobs/uploads/?mount={}&from={}",
                                            percent_encode(digest.str()), percent_encode(from_path))),
       .stop = stop}));
  if (!answer.ok()) return answer.error();
  if (answer.outcome.response.status == 201) return true;
  // 202: the registry opened an upload instead; end it. What it says to that does not matter.
  if (auto location = upload_location(answer)) {
    const auto ended = state_->exchange().once(
        {.method = "DELETE", .url = *std::move(location), .stop = stop});
    static_cast<void>(ended);
  }
  return false;
}

Result<> Session::put_blob(const Digest& digest, std::uint64_t size, BlobSource& source,
                           const std::function<void(std::uint64_t)>& sent) {
  const std::stop_token& stop = state_->request.stop;
  for (int attempt = 1;; ++attempt) {
    const Answer opened = TRY(state_->ask(
        {.method = "POST", .path = state_->url_path("blobs/uploads/"), .stop = stop}));
    if (!opened.ok()) return opened.error();
    Url location = with_query(TRY(upload_location(opened)), "digest", digest.str());
    const Answer answer = TRY(state_->exchange().once(
        {.method = "PUT",
         .url = std::move(location),
         .headers = {{"Content-Type", "application/octet-stream"}},
         .source = &source,
         .source_size = size,
         .sent = sent,
         .stop = stop}));
    if (answer.ok()) return {};
    if (!is_retryable(answer.outcome, Answered::Yes)) return answer.error();
    const auto delay = retry_delay(
        *state_->settings, attempt + 1,
        parse_retry_after(answer.outcome.response.header("retry-after"), now()));
    if (!delay) return answer.error();
    TRY(sleep_for(*delay, stop));
  }
}

Result<> Session::put_manifest(std::string_view tag_or_digest, std::string_view media_type,
                               std::string_view bytes) {
  const Answer answer = TRY(
      state_->ask({.method = "PUT",
                   .path = state_->url_path(fmt::format("manifests/{}", tag_or_digest)),
                   .headers = {{"Content-Type", std::string(media_type)}},
                   .body = std::string(bytes),
                   .stop = state_->request.stop}));
  if (!answer.ok()) return answer.error();
  return {};
}

}  // namespace wherry::registry
