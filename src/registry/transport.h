// Transport: HTTP exchanges over libcurl multi, all on one thread of its own. An exchange is one
// request and one answer: redirects, authorisation and retries are the caller's (exchange.h).
//
// The caller's thread takes the body through a bounded buffer; while that is full the transfer
// is paused, so a slow reader holds back its own transfer and no other. Header blocks are
// limited to 64 KiB, error bodies to 1 MiB.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/result.h"
#include "registry/url.h"

namespace wherry::registry {

class BlobSink;
class BlobSource;

// How the peer of an exchange is checked.
struct Tls {
  bool verify = true;
  std::string ca_pem;           // added to the system's authorities; "" none
  std::string certificate_file;
  std::string key_file;
};

struct HttpRequest {
  std::string method = "GET";
  Url url;
  std::map<std::string, std::string> headers;
  std::string body;              // sent if `source` is null and the method has a body
  BlobSource* source = nullptr;  // read on the transport's thread: local files only
  std::uint64_t source_size = 0;
  // Called in the caller's thread with the bytes of `source` sent so far.
  std::function<void(std::uint64_t)> sent = {};
  Tls tls;
  std::chrono::milliseconds connect_timeout{8'000};
  std::chrono::seconds stall_timeout{60};
  std::size_t maximum_body = 1 << 20;  // of an answer that is kept, not streamed
  std::stop_token stop;
};

struct HttpResponse {
  long status = 0;
  std::map<std::string, std::string> headers;  // names in lower case; repeated ones joined by ", "
  std::string body;

  [[nodiscard]] std::string_view header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? std::string_view() : std::string_view(found->second);
  }
  [[nodiscard]] bool ok() const { return status >= 200 && status < 300; }
};

// Why an exchange ended without a whole answer.
enum class TransportFailure : std::uint8_t {
  None,
  Dns,
  Refused,      // no listener
  Unreachable,  // no route
  ConnectTimeout,
  Tls,
  Stalled,      // no byte for the stall timeout
  Broken,       // reset, truncated, protocol error
  TooLarge,
  Cancelled,
  Sink,         // the BlobSink gave an Error: it is in `error`
  Other,
};

struct HttpOutcome {
  TransportFailure failure = TransportFailure::None;
  std::optional<Error> error;  // set with any failure
  HttpResponse response;       // complete if failure is None; else what came
};

class Transport {
 public:
  static Result<std::unique_ptr<Transport>> create();
  ~Transport();  // ends every exchange
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  // Blocks until the exchange is over. With a `sink`, the body of a 200 or 206 goes there in
  // the calling thread; `begin` is asked first, with status and headers, and may refuse.
  using Begin = std::function<Result<>(const HttpResponse& head)>;
  HttpOutcome perform(const HttpRequest& request, BlobSink* sink = nullptr,
                      const Begin& begin = {});

 private:
  struct State;
  explicit Transport(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace wherry::registry
