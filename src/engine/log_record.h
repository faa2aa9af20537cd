// One line of a json-file log: {"log":"...","stream":"stdout","attrs":{...},"time":"..."}.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "engine/requests.h"

namespace wherry::engine {

struct LogRecord {
  LogStream stream = LogStream::Stdout;
  Instant time;
  std::string text;  // with its line end, unless the line was split at 16 KiB
  std::map<std::string, std::string> attributes;
};

// `line` without its newline. A torn or foreign line is InvalidArgument.
Result<LogRecord> parse_log_line(std::string_view line);

// True if `options` let the record through: its stream is wanted and `since` has come.
bool is_wanted(const LogRecord& record, const LogsOptions& options);

// What docker sends for the record: "<time> <details> text", either prefix if asked for.
std::string format_record(const LogRecord& record, const LogsOptions& options);

}  // namespace wherry::engine
