// RequestParser: one HTTP/1.x request from bytes as they come. Boost.Beast's parser inside
// (fuzzed upstream; refuses Content-Length beside Transfer-Encoding), kept out of this header.
// Thread rule: as for int.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "http/message.h"

namespace wherry::http {

// A request that cannot be understood: answered with `status`, then the connection ends.
struct ParseFailure {
  int status = 400;
  std::string text;
};
template <class T>
using Parsed = std::expected<T, ParseFailure>;

class RequestParser {
 public:
  explicit RequestParser(std::size_t head_limit_bytes);
  ~RequestParser();
  RequestParser(RequestParser&&) noexcept;
  RequestParser& operator=(RequestParser&&) noexcept;

  // Takes what it can from the front of `bytes`; true once the head is complete.
  Parsed<bool> read_head(std::string_view& bytes);
  // After read_head gave true: everything but body and transport. Fails for a path that
  // cannot be decoded or an absent Host.
  [[nodiscard]] Parsed<Request> request() const;
  [[nodiscard]] bool keep_alive() const;
  // The length that was announced; nullopt for chunked bodies.
  [[nodiscard]] std::optional<std::uint64_t> content_length() const;

  // Without a limit the body may be endless. Fails (413) if the announced length is above.
  Parsed<bool> limit_body(std::optional<std::uint64_t> limit_bytes);
  // Fills `out` with body bytes from the front of `bytes` (0: more input is needed, or the
  // body is over).
  Parsed<std::size_t> read_body(std::string_view& bytes, std::span<char> out);
  [[nodiscard]] bool body_done() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace wherry::http
