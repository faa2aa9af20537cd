#include "registry/transfer.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdlib>
#include <utility>

#include "base/strings.h"
#include "registry/client.h"
#include "registry/settings.h"

namespace wherry::registry {
namespace {

constexpr std::size_t kMaximumHeaderBytes = 64 << 10;
constexpr std::size_t kMaximumQueued = 4 << 20;
constexpr long kReceiveBuffer = 512 << 10;
constexpr long kSendBuffer = 2 << 20;

bool carries_body(const std::string& method) {
  return method == "POST" || method == "PUT" || method == "PATCH";
}

}  // namespace

Transfer::Transfer(const HttpRequest& request, bool streamed)
    : request_(request), streamed_(streamed), easy_(curl_easy_init()) {}

Result<> Transfer::prepare() {
  if (!easy_) return Error::internal("curl_easy_init: out of memory");
  CURL* easy = easy_.get();
  curl_easy_setopt(easy, CURLOPT_URL, request_.url.str().c_str());
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
  curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, kReceiveBuffer);
  curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, kSendBuffer);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                   static_cast<long>(request_.connect_timeout.count()));
  curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME,
                   static_cast<long>(request_.stall_timeout.count()));
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, error_text_.data());
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &Transfer::on_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &Transfer::on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, this);
  set_method();
  set_headers();
  set_tls();
  set_proxy();
  return {};
}

void Transfer::set_method() {
  CURL* easy = easy_.get();
  if (request_.method == "HEAD") {
    curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    return;
  }
  if (!carries_body(request_.method)) {
    curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    if (request_.method != "GET")
      curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request_.method.c_str());
    return;
  }
  curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request_.method.c_str());
  if (request_.source == nullptr) {
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(request_.body.size()));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request_.body.data());
    return;
  }
  curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
  curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE,
                   static_cast<curl_off_t>(request_.source_size));
  curl_easy_setopt(easy, CURLOPT_READFUNCTION, &Transfer::on_read);
  curl_easy_setopt(easy, CURLOPT_READDATA, this);
  curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, &Transfer::on_seek);
  curl_easy_setopt(easy, CURLOPT_SEEKDATA, this);
}

void Transfer::set_headers() {
  curl_slist* list = curl_slist_append(nullptr, "Expect:");  // never wait for a 100
  for (const auto& [name, value] : request_.headers)
    list = curl_slist_append(list, fmt::format("{}: {}", name, value).c_str());
  header_list_.reset(list);
  curl_easy_setopt(easy_.get(), CURLOPT_HTTPHEADER, list);
}

void Transfer::set_tls() {
  CURL* easy = easy_.get();
  const Tls& tls = request_.tls;
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, tls.verify ? 1L : 0L);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, tls.verify ? 2L : 0L);
  if (!tls.ca_pem.empty()) {
    curl_blob blob{const_cast<char*>(tls.ca_pem.data()), tls.ca_pem.size(), CURL_BLOB_COPY};
    curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &blob);
  }
  if (!tls.certificate_file.empty()) {
    curl_easy_setopt(easy, CURLOPT_SSLCERT, tls.certificate_file.c_str());
    curl_easy_setopt(easy, CURLOPT_SSLKEY, tls.key_file.c_str());
  }
}

void Transfer::set_proxy() {
  CURL* easy = easy_.get();
  // As Go does and libcurl does not: loopback is never proxied, HTTP_PROXY counts.
  if (is_loopback_host(host_of(request_.url.host))) {
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    return;
  }
  const char* upper = std::getenv("HTTP_PROXY");
  if (request_.url.scheme == "http" && upper != nullptr && std::getenv("http_proxy") == nullptr)
    curl_easy_setopt(easy, CURLOPT_PROXY, upper);
}

std::size_t Transfer::on_header(char* data, std::size_t size, std::size_t count, void* self) {
  auto* transfer = static_cast<Transfer*>(self);
  const std::size_t length = size * count;
  std::lock_guard lock(transfer->mutex_);
  transfer->header_bytes_ += length;
  if (transfer->header_bytes_ > kMaximumHeaderBytes) {
    transfer->too_large_ = true;
    return 0;
  }
  transfer->header_line(trim(std::string_view(data, length)));
  return length;
}

// Called under the lock.
void Transfer::header_line(std::string_view line) {
  if (line.starts_with("HTTP/")) {  // a new block: an interim answer or the proxy's came first
    response_.headers.clear();
    const auto words = split(line, ' ');
    response_.status = words.size() > 1 ? static_cast<long>(parse_u64(words[1]).value_or(0)) : 0;
    return;
  }
  if (line.empty()) {
    if (response_.status < 200) return;
    head_complete_ = true;
    changed_.notify_all();
    return;
  }
  const auto parts = cut(line, ':');
  if (!parts) return;
  std::string& value = response_.headers[to_lower(trim(parts->before))];
  if (!value.empty()) value += ", ";
  value += trim(parts->after);
}

std::size_t Transfer::on_body(char* data, std::size_t size, std::size_t count, void* self) {
  return static_cast<Transfer*>(self)->body_bytes({data, size * count});
}

std::size_t Transfer::body_bytes(std::string_view bytes) {
  std::lock_guard lock(mutex_);
  const bool to_queue = streamed_ && (response_.status == 200 || response_.status == 206);
  if (!to_queue) {
    if (response_.body.size() + bytes.size() > request_.maximum_body) {
      too_large_ = true;
      return 0;
    }
    response_.body += bytes;
    return bytes.size();
  }
  if (queued_bytes_ >= kMaximumQueued) {
    paused_ = true;
    return CURL_WRITEFUNC_PAUSE;
  }
  queue_.emplace_back(bytes);
  queued_bytes_ += bytes.size();
  if (queue_.size() == 1) changed_.notify_all();
  return bytes.size();
}

std::size_t Transfer::on_read(char* data, std::size_t size, std::size_t count, void* self) {
  auto* transfer = static_cast<Transfer*>(self);
  const auto read = transfer->request_.source->read(data, size * count);
  std::lock_guard lock(transfer->mutex_);
  if (!read) {
    transfer->read_failed_ = true;
    return CURL_READFUNC_ABORT;
  }
  transfer->sent_ += *read;
  transfer->changed_.notify_all();
  return *read;
}

int Transfer::on_seek(void* self, curl_off_t offset, int origin) {
  auto* transfer = static_cast<Transfer*>(self);
  if (offset != 0 || origin != SEEK_SET) return CURL_SEEKFUNC_CANTSEEK;
  if (!transfer->request_.source->rewind()) return CURL_SEEKFUNC_FAIL;
  std::lock_guard lock(transfer->mutex_);
  transfer->sent_ = 0;
  return CURL_SEEKFUNC_OK;
}

void Transfer::finished(CURLcode code) {
  std::lock_guard lock(mutex_);
  code_ = code;
  done_ = true;
  changed_.notify_all();
}

Transfer::Wake Transfer::wait(std::string& bytes, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  const auto ready = [this] {
    return (head_complete_ && !head_told_) || !queue_.empty() || sent_ != sent_told_ || done_;
  };
  if (!changed_.wait(lock, stop, ready)) return Wake::Cancelled;
  if (head_complete_ && !head_told_) {
    head_told_ = true;
    return Wake::Head;
  }
  if (!queue_.empty()) {
    bytes = std::move(queue_.front());
    queue_.pop_front();
    queued_bytes_ -= bytes.size();
    return Wake::Bytes;
  }
  if (sent_ != sent_told_) {
    sent_told_ = sent_;
    return Wake::Progress;
  }
  return Wake::Done;
}

bool Transfer::take_unpause() {
  std::lock_guard lock(mutex_);
  if (!paused_ || queued_bytes_ > kMaximumQueued / 2) return false;
  paused_ = false;
  return true;
}

HttpResponse Transfer::head() {
  std::lock_guard lock(mutex_);
  return response_;
}

std::uint64_t Transfer::sent_bytes() {
  std::lock_guard lock(mutex_);
  return sent_;
}

TransportFailure Transfer::failure_of(CURLcode code) const {
  switch (code) {
    case CURLE_OK: return TransportFailure::None;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY: return TransportFailure::Dns;
    case CURLE_COULDNT_CONNECT: {
      long reason = 0;
      curl_easy_getinfo(easy_.get(), CURLINFO_OS_ERRNO, &reason);
      const bool refused = reason == ECONNREFUSED;
      return refused ? TransportFailure::Refused : TransportFailure::Unreachable;
    }
    case CURLE_OPERATION_TIMEDOUT: {
      // The same code serves connect timeout and stall; connected ones have a connect time.
      curl_off_t connected = 0;
      curl_easy_getinfo(easy_.get(), CURLINFO_PRETRANSFER_TIME_T, &connected);
      return connected > 0 ? TransportFailure::Stalled : TransportFailure::ConnectTimeout;
    }
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR: return TransportFailure::Tls;
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
    case CURLE_WEIRD_SERVER_REPLY: return TransportFailure::Broken;
    default: return TransportFailure::Other;
  }
}

HttpOutcome Transfer::outcome() {
  std::lock_guard lock(mutex_);
  HttpOutcome outcome{.response = std::move(response_)};
  if (code_ == CURLE_OK) return outcome;
  outcome.failure = too_large_ ? TransportFailure::TooLarge : failure_of(code_);
  std::string text = error_text_.c_str();
  if (text.empty()) text = curl_easy_strerror(code_);
  if (too_large_) text = "the answer is larger than its limit";
  if (read_failed_) text = "reading the local blob failed";
  outcome.error = Error(ErrorKind::Unavailable, std::move(text));
  return outcome;
}

}  // namespace wherry::registry
