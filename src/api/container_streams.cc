// Routes of containers whose answer is a stream: attach, wait, logs.
#include <fmt/format.h>

#include "api/routes.h"
#include "api/streams.h"
#include "base/strings.h"
#include "spec/docker_container.h"
#include "spec/json.h"

namespace wherry::api {
namespace {

using engine::WaitCondition;

// docker answers a failed attach in plain text on the connection, and ends it.
void refuse_attach(const Call& call, const Error& error) {
  http::Response response = error_response(error);
  response.content_type = std::string(kRawStream);
  response.body = error.message() + "\r\n";
  response.close = true;
  call.exchange->respond(std::move(response));
}

Result<> attach(Call& call) {
  engine::AttachOptions options;
  options.logs = call.flag("logs");
  options.stream = call.flag("stream");
  options.stdin_ = call.flag("stdin");
  options.stdout_ = call.flag("stdout");
  options.stderr_ = call.flag("stderr");
  if (!call.query.get("detachKeys").empty()) options.detach_keys = call.query.get("detachKeys");
  auto done = call.engine.attach_container(call.variable("id"), options, hijack_unanswered(call));
  if (done || call.exchange->answered()) return done;
  refuse_attach(call, done.error());
  return {};
}

Result<WaitCondition> wait_condition(const Call& call) {
  const std::string& text = call.query.get("condition");
  if (call.version < ApiVersion{1, 30} || text.empty() || text == "not-running")
    return WaitCondition::NotRunning;
  if (text == "next-exit") return WaitCondition::NextExit;
  if (text == "removed") return WaitCondition::Removed;
  return Error::invalid(fmt::format("invalid condition: {}", quote(text)));
}

// Registered before the head is written: clients start the container when they have seen it.
Result<> wait(Call& call) {
  const WaitCondition condition = TRY(wait_condition(call));
  const auto stream = call.exchange->detach();
  auto subscription = call.engine.wait_container(call.variable("id"), condition,
                                                 [stream](const engine::WaitResult& result) {
                                                   spec::docker::ContainerWaitResponse response;
                                                   response.status_code = result.status_code;
                                                   if (result.error)
                                                     response.error.emplace(*result.error);
                                                   stream->push(json::write(response) + "\n");
                                                   stream->finish();
                                                 });
  if (!subscription) {
    stream->respond(error_response(subscription.error()));
    return {};
  }
  stream->keep(std::shared_ptr<engine::Subscription>(std::move(*subscription)));
  stream->begin(stream_head("application/json"));
  return {};
}

Result<engine::LogsOptions> logs_options(const Call& call) {
  engine::LogsOptions options;
  options.follow = call.flag("follow");
  options.stdout_ = call.flag("stdout");
  options.stderr_ = call.flag("stderr");
  options.timestamps = call.flag("timestamps");
  options.details = call.flag("details");
  if (!options.stdout_ && !options.stderr_)
    return Error::invalid("Bad parameters: you must choose at least one stream");
  options.since = TRY(timestamp(call.query, "since"));
  options.until = TRY(timestamp(call.query, "until"));
  // As docker: "all", a negative number and nonsense all mean every line.
  if (const auto count = parse_i64(call.query.get("tail"))) options.tail = *count;
  return options;
}

Result<> logs(Call& call) {
  const auto options = TRY(logs_options(call));
  bool framed = true;
  const auto ready = [&](engine::LogsStart start) -> Result<> {
    framed = !start.tty;
    const bool told = framed && call.version >= ApiVersion{1, 42};
    return call.exchange->begin(stream_head(told ? kMultiplexedStream : kRawStream));
  };
  const auto sink = [&](engine::LogStream stream, std::string_view bytes) -> Result<> {
    if (!framed) return call.exchange->write(bytes);
    return call.exchange->write(frame(static_cast<std::uint8_t>(stream), bytes));
  };
  auto done = call.engine.container_logs(call.variable("id"), options, ready, sink, call.stop());
  if (!call.exchange->answered()) return done;
  // Too late for a status: docker's in-band error.
  if (!done && done.error().kind() != ErrorKind::Cancelled)
    static_cast<void>(sink(engine::LogStream::SystemError,
                           "Error grabbing logs: " + done.error().message() + "\n"));
  call.exchange->finish();
  return done;
}

// The log goes to the client before the connection goes to the pump.
constexpr RouteOptions kHijacks{.where = http::Plan::Where::Quick, .hijacks = true, .long_with = "logs"};
constexpr RouteOptions kStreams{.where = http::Plan::Where::Long};

constexpr std::array kRoutes = {
    Route{"POST", "/containers/{id}/attach", attach, kHijacks},
    Route{"POST", "/containers/{id}/wait", wait},
    Route{"GET", "/containers/{id}/logs", logs, kStreams},
};

}  // namespace

http::Response stream_head(std::string_view content_type) {
  return {.status = 200,
          .content_type = std::string(content_type),
          .body = {},
          .headers = docker_headers()};
}

std::string hijack_head(const Call& call, bool tty) {
  const bool upgrade = call.exchange->request().has_header("Upgrade");
  const bool multiplexed = upgrade && !tty && call.version >= ApiVersion{1, 42};
  std::string head =
      fmt::format("HTTP/1.1 {}\r\nContent-Type: {}\r\n", upgrade ? "101 UPGRADED" : "200 OK",
                  multiplexed ? kMultiplexedStream : kRawStream);
  if (upgrade) head += "Connection: Upgrade\r\nUpgrade: tcp\r\n";
  for (const http::Header& header : docker_headers())
    head += fmt::format("{}: {}\r\n", header.name, header.value);
  return head + "\r\n";
}

engine::Hijack hijack_of(const Call& call) {
  return [&call](bool tty) -> Result<engine::HijackedConnection> {
    http::Hijacked hijacked = TRY(call.exchange->hijack(hijack_head(call, tty)));
    return engine::HijackedConnection{.fd = std::move(hijacked.fd),
                                      .already_read = std::move(hijacked.already_read)};
  };
}

engine::Hijack hijack_unanswered(const Call& call) {
  return [&call](bool tty) -> Result<engine::HijackedConnection> {
    std::string head = hijack_head(call, tty);
    http::Hijacked hijacked = TRY(call.exchange->hijack(""));
    return engine::HijackedConnection{.fd = std::move(hijacked.fd),
                                      .already_read = std::move(hijacked.already_read),
                                      .head = std::move(head),
                                      .stop = std::move(hijacked.stop)};
  };
}

std::string frame(std::uint8_t stream, std::string_view bytes) {
  const auto length = static_cast<std::uint32_t>(bytes.size());
  std::string out;
  out.reserve(bytes.size() + 8);
  out += static_cast<char>(stream);
  out.append(3, '\0');
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(length >> shift & 0xff);
  out += bytes;
  return out;
}

std::span<const Route> stream_routes() {
  return kRoutes;
}

}  // namespace wherry::api
