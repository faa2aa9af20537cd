#include "client/http.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>

#include "base/strings.h"

namespace wherry::client {
namespace {

constexpr std::size_t kReadBytes = 32 << 10;
constexpr std::size_t kMaximumChunkLine = 1024;  // size and extensions

Error malformed(std::string_view what) {
  return Error(ErrorKind::Unavailable, fmt::format("malformed HTTP response: {}", what));
}

Result<> send_all(const sys::Fd& socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return Error::from_errno(errno, "write to the engine");
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return {};
}

// The engine may answer (and close) before the whole body is sent: then the answer counts.
bool has_answer(const sys::Fd& socket) {
  pollfd entry{.fd = socket.get(), .events = POLLIN, .revents = 0};
  return ::poll(&entry, 1, 0) > 0 && (entry.revents & POLLIN) != 0;
}

Result<int> parse_status(std::string_view line) {
  if (!line.starts_with("HTTP/1.1 ") && !line.starts_with("HTTP/1.0 "))
    return malformed("no status line");
  const std::string_view digits = line.substr(9, 3);
  const auto status = parse_u64(digits);
  if (digits.size() != 3 || !status || *status < 100 || *status > 599)
    return malformed("bad status");
  if (line.size() > 12 && line[12] != ' ') return malformed("bad status");
  return static_cast<int>(*status);
}

std::string escape(std::string_view text, std::string_view plain, bool space_is_plus) {
  std::string out;
  for (const char c : text) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (letter || plain.find(c) != std::string_view::npos) {
      out += c;
    } else if (c == ' ' && space_is_plus) {
      out += '+';
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

}  // namespace

std::string Head::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? "" : found->second;
}

Result<bool> HttpConnection::fill() {
  if (offset_ == buffer_.size()) {
    buffer_.clear();
    offset_ = 0;
  }
  const std::size_t before = buffer_.size();
  ssize_t got = 0;
  // Not cleared first: most answers are small, and the pages stay untouched.
  buffer_.resize_and_overwrite(before + kReadBytes, [&](char* bytes, std::size_t) {
    do {
      got = ::read(socket_.get(), bytes + before, kReadBytes);
    } while (got < 0 && errno == EINTR);
    return before + static_cast<std::size_t>(std::max<ssize_t>(got, 0));
  });
  if (got < 0) return Error::from_errno(errno, "read from the engine");
  return got > 0;
}

std::string HttpConnection::take(std::size_t most) {
  const std::size_t size = std::min(most, buffer_.size() - offset_);
  std::string bytes = buffer_.substr(offset_, size);
  offset_ += size;
  return bytes;
}

Result<std::string> HttpConnection::read_line(std::size_t limit) {
  std::size_t searched = offset_;
  while (true) {
    const std::size_t end = buffer_.find('\n', searched);
    if (end != std::string::npos && end - offset_ <= limit) {
      std::string line = take(end + 1 - offset_);
      line.pop_back();
      if (line.ends_with('\r')) line.pop_back();
      return line;
    }
    if (buffer_.size() - offset_ > limit) return malformed("line too long");
    searched = buffer_.size() - offset_;
    if (!TRY(fill())) return Error(ErrorKind::Unavailable, "unexpected end of the engine's answer");
    searched += offset_;
  }
}

Result<Head> HttpConnection::read_head() {
  Head head;
  std::size_t left = kMaximumHeadBytes;
  const std::string status_line = TRY(read_line(left));
  left -= status_line.size();
  head.status = TRY(parse_status(status_line));
  keep_alive_ = status_line.starts_with("HTTP/1.1");
  for (std::size_t lines = 0;; ++lines) {
    const std::string line = TRY(read_line(left));
    if (line.empty()) return head;
    left -= std::min(left, line.size() + 2);
    const auto pair = cut(line, ':');
    if (!pair || pair->before.empty() || lines >= kMaximumHeaderLines)
      return malformed("bad header");
    head.headers[to_lower(pair->before)] = std::string(trim(pair->after));
  }
}

Result<> HttpConnection::frame_body(const Head& head, std::string_view method) {
  if (equals_ignore_case(head.header("connection"), "close")) keep_alive_ = false;
  left_ = 0;
  const bool empty = method == "HEAD" || head.status == 204 || head.status == 304;
  if (empty) {
    body_ = Body::Done;
  } else if (head.status == 101) {
    body_ = Body::Stream;
  } else if (equals_ignore_case(head.header("transfer-encoding"), "chunked")) {
    body_ = Body::ChunkStart;
  } else if (const std::string length = head.header("content-length"); !length.empty()) {
    const auto number = parse_u64(length);
    if (!number) return malformed("bad Content-Length");
    left_ = *number;
    body_ = left_ == 0 ? Body::Done : Body::Length;
  } else {
    body_ = Body::Stream;
    keep_alive_ = false;
  }
  return {};
}

Result<> HttpConnection::send_chunks(const Request& request) {
  while (true) {
    const std::string piece = TRY(request.body_source());
    const std::string frame =
        piece.empty() ? "0\r\n\r\n" : fmt::format("{:x}\r\n{}\r\n", piece.size(), piece);
    auto sent = send_all(socket_, frame);
    if (!sent && has_answer(socket_)) return {};
    if (!sent) return sent;
    if (piece.empty()) return {};
  }
}

Result<> HttpConnection::send(const Request& request) {
  std::string head =
      fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\n", request.method, request.target, request.host);
  for (const auto& [name, value] : request.headers) head += fmt::format("{}: {}\r\n", name, value);
  if (request.body_source) {
    head += "Transfer-Encoding: chunked\r\n\r\n";
    TRY(send_all(socket_, head));
    return send_chunks(request);
  }
  // docker's client sends a length with every request that may have a body.
  if (!request.body.empty() || request.method == "POST" || request.method == "PUT") {
    head += fmt::format("Content-Length: {}\r\n", request.body.size());
  }
  return send_all(socket_, head + "\r\n" + request.body);
}

Result<Head> HttpConnection::exchange(const Request& request) {
  TRY(send(request));
  while (true) {
    Head head = TRY(read_head());
    if (head.status == 100) continue;
    TRY(frame_body(head, request.method));
    return head;
  }
}

Result<> HttpConnection::start_chunk() {
  const std::string line = TRY(read_line(kMaximumChunkLine));
  const std::string_view digits = trim(std::string_view(line).substr(0, line.find(';')));
  const char* const end = digits.data() + digits.size();
  const auto parsed = std::from_chars(digits.data(), end, left_, 16);
  if (digits.empty() || digits.size() > 15 || parsed.ec != std::errc{} || parsed.ptr != end) {
    return malformed("bad chunk size");
  }
  body_ = Body::Chunk;
  if (left_ > 0) return {};
  for (std::size_t lines = 0; !TRY(read_line(kMaximumChunkLine)).empty(); ++lines) {
    if (lines >= kMaximumHeaderLines) return malformed("bad trailer");
  }
  body_ = Body::Done;
  return {};
}

Result<std::string> HttpConnection::read_some() {
  if (body_ == Body::ChunkStart) TRY(start_chunk());
  if (body_ == Body::Done) return std::string();
  if (!has_buffered() && !TRY(fill())) {
    if (body_ != Body::Stream) return Error(ErrorKind::Unavailable, "unexpected EOF");
    body_ = Body::Done;
    return std::string();
  }
  if (body_ == Body::Stream) return take(buffer_.size());
  std::string bytes = take(left_);
  left_ -= bytes.size();
  if (left_ > 0) return bytes;
  if (body_ == Body::Chunk && !TRY(read_line(2)).empty()) return malformed("chunk without end");
  body_ = body_ == Body::Chunk ? Body::ChunkStart : Body::Done;
  return bytes;
}

Result<std::string> HttpConnection::read_body(std::size_t limit) {
  std::string body;
  while (true) {
    const std::string piece = TRY(read_some());
    if (piece.empty()) return body;
    if (body.size() + piece.size() > limit) return malformed("body too large");
    body += piece;
  }
}

HttpConnection::Raw HttpConnection::hijack() && {
  Raw raw{.received = take(buffer_.size())};
  raw.socket = std::move(socket_);
  return raw;
}

std::string query_escape(std::string_view text) {
  return escape(text, "-_.~", true);
}

std::string path_escape(std::string_view text) {
  return escape(text, "-_.~/:@$&+=,;", false);
}

}  // namespace wherry::client
