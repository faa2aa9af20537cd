// Routes of images whose answer is a progress stream: pull, push, load.
#include <fmt/format.h>

#include <atomic>
#include <mutex>
#include <thread>

#include "api/progress.h"
#include "api/routes.h"
#include "api/streams.h"
#include "base/strings.h"
#include "image/images.h"
#include "spec/progress.h"

namespace wherry::api {
namespace {

registry::Credentials credentials_of(const Call& call) {
  auto auth = registry_auth(call.exchange->request().header("X-Registry-Auth"));
  return {.username = std::move(auth.username),
          .password = std::move(auth.password),
          .identity_token = std::move(auth.identity_token),
          .registry_token = std::move(auth.registry_token),
          .server_address = std::move(auth.server_address)};
}

// fromImage with the `tag` of the query, which is a tag or a digest.
Result<spec::Reference> reference_of(std::string name, const std::string& tag) {
  const bool is_digest = tag.find(':') != std::string::npos;
  if (!tag.empty()) name += (is_digest ? "@" : ":") + tag;
  return spec::parse_reference(name);
}

Result<> pull(Call& call) {
  if (call.query.get("fromImage").empty())
    return Error(ErrorKind::NotImplemented,
                 "wherry: 'docker image import' is not available in wherry " WHERRY_VERSION);
  image::PullRequest request;
  request.reference =
      TRY(reference_of(call.query.get("fromImage"), call.query.get("tag"))).with_default_tag();
  if (const std::string& platform = call.query.get("platform"); !platform.empty())
    request.platform = TRY(spec::parse_platform(platform));
  request.credentials = credentials_of(call);
  // Taken before detach(): the exchange is over then.
  const std::stop_token stop = call.stop();
  PushedProgress progress(call.exchange->detach());
  const auto done = call.engine.images().pull(request, progress, stop);
  progress.end(done ? nullptr : &done.error());
  return {};
}

Result<> push(Call& call) {
  if (call.query.has("platform"))
    return Error(ErrorKind::NotImplemented,
                 "wherry: flag '--platform' is not available in wherry " WHERRY_VERSION);
  image::PushRequest request;
  request.reference = TRY(reference_of(call.variable("name"), call.query.get("tag")));
  request.all_tags = request.reference.tag.empty();
  request.credentials = credentials_of(call);
  const std::stop_token stop = call.stop();
  PushedProgress progress(call.exchange->detach());
  const auto done = call.engine.images().push(request, progress, stop);
  progress.end(done ? nullptr : &done.error());
  return {};
}

// Feeds the body of a request into a pipe, on a thread of its own; a body that breaks off
// asks `broken` to stop before the reader can take the end of the pipe for the end of the body.
class BodyPipe {
 public:
  static Result<sys::Fd> start(const http::ExchangePtr& exchange, std::stop_source broken,
                               std::jthread& thread) {
    sys::Pipe pipe = TRY(sys::make_pipe());
    thread = std::jthread([exchange, broken, out = std::move(pipe.write_end)]() mutable {
      if (!feed(*exchange, out)) broken.request_stop();
      out.reset();
    });
    return std::move(pipe.read_end);
  }

 private:
  static bool feed(http::Exchange& exchange, const sys::Fd& out) {
    std::vector<char> buffer(256U << 10);
    while (true) {
      const auto got = exchange.read_body(buffer);
      if (!got) return false;
      if (*got == 0) return true;
      // The reader may have seen enough; the rest is drained by the end of the connection.
      if (!sys::write_all(out, {buffer.data(), *got})) return true;
    }
  }
};

Result<> load(Call& call) {
  if (call.query.has("platform"))
    return Error(ErrorKind::NotImplemented,
                 "wherry: flag '--platform' is not available in wherry " WHERRY_VERSION);
  std::stop_source stop;
  const std::stop_callback forward(call.stop(), [&stop] { stop.request_stop(); });
  std::jthread feeder;
  sys::Fd input = TRY(BodyPipe::start(call.exchange, stop, feeder));
  WrittenProgress progress(call.exchange);
  // Quiet is the default of old clients: what has no `quiet` wants progress.
  const auto done =
      call.engine.images().load(input, call.flag("quiet"), progress, stop.get_token());
  input.reset();
  // The feeder ends when the body does or its client goes; without an answer it may wait for
  // a client that waits for us.
  progress.end(done ? nullptr : &done.error());
  return {};
}

constexpr RouteOptions kWaits{.where = http::Plan::Where::Long};
constexpr RouteOptions kUploads{.where = http::Plan::Where::Long,
                                .body = http::Plan::Body::Streamed};

constexpr std::array kRoutes = {
    Route{"POST", "/images/create", pull, kWaits},
    Route{"POST", "/images/load", load, kUploads},
    Route{"POST", "/images/{name...}/push", push, kWaits},
};

}  // namespace

std::span<const Route> transfer_routes() {
  return kRoutes;
}

}  // namespace wherry::api
