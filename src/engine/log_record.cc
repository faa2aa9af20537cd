#include "engine/log_record.h"

#include <fmt/format.h>

#include "spec/json.h"

namespace wherry::engine {
namespace {

struct Line {
  std::string log;
  std::string stream;
  std::map<std::string, std::string> attrs;
  std::string time;
};

// Go's url.QueryEscape, which docker uses so that '=' and ',' stay separators.
std::string query_escape(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.' || c == '~';
    if (plain) escaped += c;
    else if (c == ' ') escaped += '+';
    else escaped += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return escaped;
}

std::string details_of(const std::map<std::string, std::string>& attributes) {
  std::string text;
  for (const auto& [key, value] : attributes) {
    if (!text.empty()) text += ',';
    text += query_escape(key) + "=" + query_escape(value);
  }
  return text;
}

}  // namespace
}  // namespace wherry::engine

template <>
struct wherry::json::Describe<wherry::engine::Line> {
  using Line = wherry::engine::Line;
  static constexpr auto fields =
      std::tuple{field("log", &Line::log), field("stream", &Line::stream),
                 omit_empty("attrs", &Line::attrs), field("time", &Line::time)};
};

namespace wherry::engine {

Result<LogRecord> parse_log_line(std::string_view line) {
  Line parsed = TRY(json::parse<Line>(line));
  const auto time = parse_rfc3339(parsed.time);
  if (!time) return Error::invalid(fmt::format("log line: bad time {}", quote(parsed.time)));
  return LogRecord{.stream = parsed.stream == "stderr" ? LogStream::Stderr : LogStream::Stdout,
                   .time = *time,
                   .text = std::move(parsed.log),
                   .attributes = std::move(parsed.attrs)};
}

bool is_wanted(const LogRecord& record, const LogsOptions& options) {
  const bool stream_wanted =
      record.stream == LogStream::Stdout ? options.stdout_ : options.stderr_;
  return stream_wanted && (!options.since || record.time >= *options.since);
}

std::string format_record(const LogRecord& record, const LogsOptions& options) {
  std::string bytes;
  if (options.timestamps) bytes += format_rfc3339_fixed(record.time) + " ";
  if (options.details) bytes += details_of(record.attributes) + " ";
  bytes += record.text;
  return bytes;
}

}  // namespace wherry::engine
