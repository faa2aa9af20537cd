// Requests as any process that can open the socket may send them. A request means the same
// whether its bytes come at once or in pieces of the first byte's size.
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/check.h"
#include "http/parser.h"
#include "http/query.h"

namespace {

using namespace wherry;

constexpr std::size_t kHeadLimit = 4096;
constexpr std::uint64_t kBodyLimit = 1 << 16;

struct Outcome {
  int status = 0;  // of a refusal; 0: none
  std::string path, query, body;
  bool done = false;
  bool operator==(const Outcome&) const = default;
};

Outcome refused(const http::ParseFailure& failure) {
  CHECK(failure.status >= 400 && failure.status < 600);
  return {.status = failure.status};
}

// Both stages of a connection on what has come so far; false once nothing more is wanted.
class Peer {
 public:
  bool take(std::string_view& bytes) {
    if (!head_ && !take_head(bytes)) return !failed();
    std::array<char, 97> out{};
    while (!parser_.body_done()) {
      const auto got = parser_.read_body(bytes, out);
      if (!got) return fail(got.error());
      outcome.body.append(out.data(), *got);
      CHECK(outcome.body.size() <= kBodyLimit);
      if (*got == 0) break;
    }
    outcome.done = parser_.body_done();
    return !outcome.done;
  }

  Outcome outcome;

 private:
  bool take_head(std::string_view& bytes) {
    const auto head = parser_.read_head(bytes);
    if (!head) return fail(head.error());
    if (!*head) return false;
    const auto request = parser_.request();
    if (!request) return fail(request.error());
    CHECK(request->path.find('\0') == std::string::npos);
    outcome.path = request->path;
    outcome.query = request->query;
    static_cast<void>(parser_.keep_alive());
    if (const auto limit = parser_.limit_body(kBodyLimit); !limit) return fail(limit.error());
    head_ = true;
    return true;
  }
  bool fail(const http::ParseFailure& failure) {
    outcome = refused(failure);
    return false;
  }
  [[nodiscard]] bool failed() const { return outcome.status != 0; }

  http::RequestParser parser_{kHeadLimit};
  bool head_ = false;
};

Outcome feed(std::string_view text, std::size_t piece) {
  Peer peer;
  std::string pending;
  while (!text.empty()) {
    const std::size_t size = std::min(piece, text.size());
    pending.append(text.substr(0, size));
    text.remove_prefix(size);
    std::string_view bytes = pending;
    const bool more = peer.take(bytes);
    pending.erase(0, pending.size() - bytes.size());
    if (!more) break;
  }
  return peer.outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Outcome whole = feed(text, text.size() + 1);
  const Outcome pieces = feed(text, std::size_t{1} + data[0] % 64);
  // A refusal may come earlier in pieces, but never instead of a whole request.
  if (whole.done) CHECK(pieces == whole);
  static_cast<void>(http::decode_path(text));
  if (const auto query = http::Query::parse(text)) static_cast<void>(query->all("filters"));
  const auto again = http::decode_component(http::encode_component(text));
  CHECK(text.find('\0') != std::string_view::npos || (again && *again == text));
  return 0;
}
