// Routes of exec.
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include "api/routes.h"
#include "api/shims.h"
#include "api/streams.h"
#include "spec/docker_exec.h"

namespace wherry::api {
namespace {

Result<> create(Call& call) {
  auto request = TRY(call.body<spec::docker::ExecCreateRequest>());
  if (request.cmd.list().empty()) return Error::invalid("No exec command specified");
  shim_exec_create(request, call.version);
  const std::string id = TRY(call.engine.create_exec(call.variable("id"), request));
  call.json(201, spec::docker::IdResponse{id});
  return {};
}

// What docker checks before it takes the connection over: these keep their HTTP status.
bool has_status(const Error& error) {
  switch (error.kind()) {
    case ErrorKind::Conflict:
    case ErrorKind::NotImplemented:
    case ErrorKind::Unavailable: return true;
    case ErrorKind::NotFound: return error.message().starts_with("No such");
    default: return false;
  }
}

// docker has switched to the stream by the time a command cannot start: the text goes there,
// and the exit code (126, 127) is read from inspect.
Result<> write_into_stream(const Call& call, const Error& error, bool tty) {
  const std::string text = error.message() + "\r\n";
  const http::Hijacked hijacked =
      TRY(call.exchange->hijack(hijack_head(call, tty) + (tty ? text : frame(1, text))));
  ::shutdown(hijacked.fd.get(), SHUT_WR);
  // Until the client has read it: closing with unread input would cut the text off.
  pollfd entry{.fd = hijacked.fd.get(), .events = POLLRDHUP, .revents = 0};
  ::poll(&entry, 1, 1000);
  return {};
}

Result<> start(Call& call) {
  const auto request = TRY(call.body<spec::docker::ExecStartRequest>());
  engine::ExecStartOptions options{
      .detach = request.detach, .tty = request.tty, .console_size = {}};
  if (request.console_size && request.tty && call.version >= ApiVersion{1, 42})
    options.console_size =
        engine::WindowSize{request.console_size->height, request.console_size->width};
  auto done = call.engine.start_exec(call.variable("id"), options, hijack_of(call));
  if (!done && !call.exchange->answered() && !options.detach && !has_status(done.error()))
    return write_into_stream(call, done.error(), options.tty);
  if (done && options.detach) call.empty(200);
  return done;
}

Result<> resize(Call& call) {
  const engine::WindowSize size = TRY(window_size(call));
  TRY(call.engine.resize_exec(call.variable("id"), size));
  call.empty(200);
  return {};
}

Result<> inspect(Call& call) {
  call.json(200, TRY(call.engine.inspect_exec(call.variable("id"))));
  return {};
}

constexpr RouteOptions kHijacks{.where = http::Plan::Where::Quick, .hijacks = true};

constexpr std::array kRoutes = {
    Route{"POST", "/containers/{id}/exec", create},
    Route{"POST", "/exec/{id}/start", start, kHijacks},
    Route{"POST", "/exec/{id}/resize", resize},
    Route{"GET", "/exec/{id}/json", inspect},
};

}  // namespace

std::span<const Route> exec_routes() {
  return kRoutes;
}

}  // namespace wherry::api
