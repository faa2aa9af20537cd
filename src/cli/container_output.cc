// logs, top.
#include <fmt/format.h>
#include <unistd.h>

#include "base/strings.h"
#include "base/time.h"
#include "cli/handlers.h"
#include "cli/json_access.h"
#include "cli/output.h"
#include "cli/values.h"
#include "client/frames.h"

namespace wherry::cli {
namespace {

Result<> add_time(const Flags& flags, const std::string& name, client::Query& query) {
  const std::string text = flags.text(name);
  if (text.empty()) return {};
  auto time = parse_timestamp(text, now());
  if (!time)
    return Error::invalid(
        fmt::format("invalid value for \"{}\": failed to parse value as time or duration: {}", name,
                    quote(text)));
  query[name] = *time;
  return {};
}

Result<client::Query> logs_query(const Flags& flags) {
  client::Query query = {{"stdout", "1"}, {"stderr", "1"}, {"tail", flags.text("tail")}};
  TRY(add_time(flags, "since", query));
  TRY(add_time(flags, "until", query));
  if (flags.on("timestamps")) query["timestamps"] = "1";
  if (flags.on("details")) query["details"] = "1";
  if (flags.on("follow")) query["follow"] = "1";
  return query;
}

Result<> copy_logs(client::HttpConnection& connection, bool tty) {
  client::FrameReader frames;
  while (true) {
    const std::string bytes = TRY(connection.read_some());
    if (bytes.empty()) return {};
    if (tty) {
      TRY(write_output(STDOUT_FILENO, bytes));
      continue;
    }
    TRY(frames.feed(bytes, [](client::StreamKind kind, std::string_view payload) {
      return write_output(kind == client::StreamKind::Stderr ? STDERR_FILENO : STDOUT_FILENO,
                          payload);
    }));
  }
}

Result<> logs(const Invocation& invocation) {
  client::Engine* engine = TRY(invocation.session.engine());
  const auto inspected =
      TRY(engine->call_json({.path = fmt::format("/containers/{}/json", invocation.arguments[0])}));
  client::Call call{.path = fmt::format("/containers/{}/logs", text_at(inspected, "Id"))};
  call.query = TRY(logs_query(invocation.flags));
  const auto connection = TRY(engine->stream(call));
  return copy_logs(*connection, bool_at(at(inspected, "Config"), "Tty"));
}

Result<> top(const Invocation& invocation) {
  client::Engine* engine = TRY(invocation.session.engine());
  client::Call call{.path = fmt::format("/containers/{}/top", invocation.arguments[0])};
  const std::vector<std::string> options(invocation.arguments.begin() + 1,
                                         invocation.arguments.end());
  if (!options.empty()) call.query["ps_args"] = join(options, " ");
  const auto answer = TRY(engine->call_json(call));
  std::vector<std::string> lines;
  const auto add = [&lines](const boost::json::value& cells) {
    std::vector<std::string> texts;
    for (const auto& cell : elements(cells)) texts.push_back(string_of(cell));
    lines.push_back(join(texts, "\t"));
  };
  add(at(answer, "Titles"));
  for (const auto& process : elements(at(answer, "Processes"))) add(process);
  print(align(lines, {.width = 20, .padding = 3}));
  return {};
}

}  // namespace

int print_logs(const Invocation& invocation) {
  const auto done = logs(invocation);
  return done ? 0 : fail(done.error());
}

int print_top(const Invocation& invocation) {
  const auto done = top(invocation);
  return done ? 0 : fail(done.error());
}

}  // namespace wherry::cli
