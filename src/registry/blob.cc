// Session: downloads of blobs, resumed where they broke.
#include <fmt/format.h>

#include "base/strings.h"
#include "registry/client.h"
#include "registry/retry.h"
#include "registry/session_state.h"

namespace wherry::registry {
namespace {

// An attempt that brought this much does not count as one in a row.
constexpr std::uint64_t kProgress = 1 << 20;

// "bytes 100-199/200" -> 100
std::optional<std::uint64_t> range_start(std::string_view header) {
  if (!header.starts_with("bytes ")) return std::nullopt;
  const auto parts = cut(header.substr(6), '-');
  return parts ? parse_u64(trim(parts->before)) : std::nullopt;
}

// Passes the wanted bytes on: skips what came before, refuses what comes after.
class Window : public BlobSink {
 public:
  Window(BlobSink& sink, const Session::BlobRequest& request)
      : sink_(sink), request_(request), position_(request.offset) {}

  [[nodiscard]] std::uint64_t position() const { return position_; }

  Result<> begin(const HttpResponse& head) {
    skip_ = 0;
    if (head.status == 200) {
      skip_ = position_;
      return {};
    }
    if (range_start(head.header("content-range")) != position_)
      return Error(ErrorKind::Unavailable,
                   fmt::format("blob {}: asked for bytes from {}, got range {}",
                               request_.digest.str(), position_,
                               quote(head.header("content-range"))));
    return {};
  }

  Result<> write(std::string_view bytes) override {
    const std::uint64_t skipped = std::min<std::uint64_t>(skip_, bytes.size());
    skip_ -= skipped;
    bytes.remove_prefix(skipped);
    if (bytes.empty()) return {};
    if (bytes.size() > request_.size - position_)
      return Error::invalid(fmt::format("blob {} is longer than its size {}",
                                        request_.digest.str(), request_.size));
    TRY(sink_.write(bytes));
    position_ += bytes.size();
    return {};
  }

 private:
  BlobSink& sink_;
  const Session::BlobRequest& request_;
  std::uint64_t position_;
  std::uint64_t skip_ = 0;
};

Error short_blob(const Session::BlobRequest& request, std::uint64_t position) {
  return {ErrorKind::Unavailable, fmt::format("blob {}: the registry sent {} of {} bytes",
                                              request.digest.str(), position, request.size)};
}

// One endpoint's tries for one blob.
class Download {
 public:
  Download(const Settings& settings, Exchange& exchange, const Session::BlobRequest& request,
           Window& window, std::string path)
      : settings_(settings), exchange_(exchange), request_(request), window_(window) {
    call_.path = std::move(path);
    call_.sink = &window_;
    call_.begin = [this](const HttpResponse& head) { return window_.begin(head); };
    call_.stop = request.stop;
  }

  Result<> run() {
    for (int attempt = 1;; ++attempt) {
      const std::uint64_t before = window_.position();
      if (before > 0 && use_range_) call_.headers["Range"] = fmt::format("bytes={}-", before);
      else call_.headers.erase("Range");
      const Answer answer = TRY(exchange_.once(call_));
      if (answer.ok() && window_.position() == request_.size) return {};
      if (answer.outcome.response.status == 416 && use_range_) {
        use_range_ = false;
        continue;
      }
      const bool cut_short = answer.ok();
      if (!cut_short && !is_retryable(answer.outcome, Answered::Yes)) return answer.error();
      Error cause = cut_short ? short_blob(request_, window_.position()) : answer.error();
      if (window_.position() - before >= kProgress) attempt = 1;
      const auto delay = retry_delay(settings_, attempt + 1, retry_after(answer));
      if (!delay) return cause;
      if (request_.on_retry) request_.on_retry(attempt + 1, cause);
      TRY(sleep_for(*delay, request_.stop));
    }
  }

 private:
  static std::optional<std::chrono::seconds> retry_after(const Answer& answer) {
    return parse_retry_after(answer.outcome.response.header("retry-after"), now());
  }

  const Settings& settings_;
  Exchange& exchange_;
  const Session::BlobRequest& request_;
  Window& window_;
  Call call_;
  bool use_range_ = true;
};

}  // namespace

Result<> Session::get_blob(const BlobRequest& request, BlobSink& sink) {
  if (request.offset == request.size) return {};
  Window window(sink, request);
  const std::string path = state_->url_path(fmt::format("blobs/{}", request.digest.str()));
  for (std::size_t i = *state_->chosen.lock();; ++i) {
    Download download(*state_->settings, *state_->exchanges[i], request, window, path);
    auto done = download.run();
    // A mirror that fails in the middle is replaced by the next endpoint, at the same byte.
    const bool mirror = state_->exchanges[i]->endpoint().mirror;
    const bool last = i + 1 >= state_->exchanges.size();
    if (done || !mirror || last || request.stop.stop_requested()) return done;
  }
}

}  // namespace wherry::registry
