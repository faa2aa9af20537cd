#include "http/message.h"

#include <fmt/format.h>

#include <array>
#include <ctime>

#include "base/strings.h"

namespace wherry::http {
namespace {

// An HTTP date per second and thread: formatting one costs more than the rest of a head.
std::string_view date_now() {
  thread_local std::time_t cached = 0;
  thread_local std::array<char, 40> text{};
  thread_local std::size_t length = 0;
  const std::time_t now = std::time(nullptr);
  if (now != cached) {
    cached = now;
    std::tm parts{};
    ::gmtime_r(&now, &parts);
    length = std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  }
  return {text.data(), length};
}

void append_header(std::string& out, std::string_view name, std::string_view value) {
  out += name;
  out += ": ";
  for (const char c : value) out += c == '\r' || c == '\n' ? ' ' : c;
  out += "\r\n";
}

// Answers that never have a body, and so no length either.
bool is_bodiless(int status) {
  return status < 200 || status == 204 || status == 304;
}

}  // namespace

std::string_view Request::header(std::string_view name) const {
  for (const Header& entry : headers)
    if (equals_ignore_case(entry.name, name)) return entry.value;
  return {};
}

bool Request::has_header(std::string_view name) const {
  for (const Header& entry : headers)
    if (equals_ignore_case(entry.name, name)) return true;
  return false;
}

std::string_view reason_phrase(int status) {
  switch (status) {
    case 100: return "Continue";
    case 101: return "UPGRADED";  // docker's word for its hijacked connections
    case 200: return "OK";
    case 201: return "Created";
    case 204: return "No Content";
    case 304: return "Not Modified";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 413: return "Request Entity Too Large";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 503: return "Service Unavailable";
    default: return "";
  }
}

std::string write_head(const Response& response, const HeadOptions& options) {
  std::string out;
  out.reserve(320);
  fmt::format_to(std::back_inserter(out), "HTTP/1.1 {} {}\r\n", response.status,
                 reason_phrase(response.status));
  for (const Header& entry : response.headers) append_header(out, entry.name, entry.value);
  if (!response.content_type.empty()) append_header(out, "Content-Type", response.content_type);
  append_header(out, "Date", date_now());
  if (options.close) append_header(out, "Connection", "close");
  if (options.framing == Framing::Chunked) {
    append_header(out, "Transfer-Encoding", "chunked");
  } else if (options.framing == Framing::Length && !is_bodiless(response.status)) {
    append_header(out, "Content-Length", fmt::format_int(options.length).c_str());
  }
  out += "\r\n";
  return out;
}

}  // namespace wherry::http
