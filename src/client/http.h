// A small blocking HTTP/1.1 client: one connection, one exchange at a time, bodies by length,
// chunks or end of stream, and the hand-over of the raw stream after a 101 (hijack).
// What the peer can make us hold is bounded: 64 KiB of head, 200 header lines, 16 bytes of
// chunk size line, and the limit that the caller gives for a body. Every malformed answer is
// an Error. Thread rule: one thread per connection.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "sys/fd.h"

namespace wherry::client {

inline constexpr std::size_t kMaximumHeadBytes = 64 << 10;
inline constexpr std::size_t kMaximumHeaderLines = 200;

struct Request {
  std::string method = "GET";
  std::string target;  // path and query, encoded
  std::string host;    // the Host header
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;  // sent with Content-Length
  // Sent in chunks in place of `body`: called until it returns no bytes.
  std::function<Result<std::string>()> body_source;
};

struct Head {
  int status = 0;
  std::map<std::string, std::string> headers;  // names in lower case; the last of a kind counts
  [[nodiscard]] std::string header(const std::string& name) const;
};

class HttpConnection {
 public:
  explicit HttpConnection(sys::Fd socket) : socket_(std::move(socket)) {}

  // Sends the request and reads the head of the answer.
  Result<Head> exchange(const Request& request);
  // The next bytes of the body; empty at its end.
  Result<std::string> read_some();
  // The whole body; fails past `limit`.
  Result<std::string> read_body(std::size_t limit);
  // True if another exchange may follow: the body was read and the peer keeps the connection.
  [[nodiscard]] bool reusable() const { return body_ == Body::Done && keep_alive_; }
  [[nodiscard]] const sys::Fd& socket() const { return socket_; }
  // Bytes were received but not yet taken: read_some() will not block.
  [[nodiscard]] bool has_buffered() const { return offset_ < buffer_.size(); }

  struct Raw {
    sys::Fd socket;
    std::string received;  // bytes that came right behind the head
  };
  // Gives the stream away after a 101 (or a 200 without a length).
  Raw hijack() &&;

 private:
  enum class Body : std::uint8_t { Done, Length, Chunk, ChunkStart, Stream };

  Result<> send(const Request& request);
  Result<> send_chunks(const Request& request);
  Result<bool> fill();  // false at end of stream
  Result<std::string> read_line(std::size_t limit);
  Result<Head> read_head();
  Result<> frame_body(const Head& head, std::string_view method);
  Result<> start_chunk();
  std::string take(std::size_t most);

  sys::Fd socket_;
  std::string buffer_;
  std::size_t offset_ = 0;
  Body body_ = Body::Done;
  std::uint64_t left_ = 0;
  bool keep_alive_ = true;
};

// Percent-encodes as Go's url.QueryEscape does (space is "+").
std::string query_escape(std::string_view text);
// For one segment or a whole path: "/" and ":" stay, as in docker's requests.
std::string path_escape(std::string_view text);

}  // namespace wherry::client
