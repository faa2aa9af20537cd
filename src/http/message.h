// HTTP messages as plain data: what a request said, and how an answer's head is written.
// No Boost here: every layer above may include this.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace wherry::http {

struct Header {
  std::string name;
  std::string value;
};

// Where a connection came in: what a TCP peer may do is decided by more than file modes.
enum class Transport : std::uint8_t { Unix, Tcp };

struct Request {
  std::string method;
  std::string target;  // as sent
  std::string path;    // percent-decoded, before '?'
  std::string query;   // raw, after '?'
  std::vector<Header> headers;
  std::string body;       // complete, unless the route streams it
  bool has_body = false;  // a Content-Length other than 0, or chunked
  bool http_1_0 = false;
  Transport transport = Transport::Unix;

  // The first value of `name` (any case); "" if absent.
  [[nodiscard]] std::string_view header(std::string_view name) const;
  [[nodiscard]] bool has_header(std::string_view name) const;
};

struct Response {
  int status = 200;
  std::string content_type;  // "": none is written
  std::string body;
  std::vector<Header> headers;
  bool close = false;  // the connection ends behind this answer
};

// "OK", "Not Found", ...; "" for numbers that we never send.
std::string_view reason_phrase(int status);

enum class Framing : std::uint8_t { Length, Chunked, UntilClose };
struct HeadOptions {
  Framing framing = Framing::Length;
  std::size_t length = 0;  // with Framing::Length
  bool close = false;      // says Connection: close
};
// Status line and headers, with Date, up to and including the empty line. Header values must
// not hold CR or LF: such a byte becomes a blank.
std::string write_head(const Response& response, const HeadOptions& options);

}  // namespace wherry::http
