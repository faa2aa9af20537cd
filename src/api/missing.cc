// What docker's API has and wherry has not yet: every such route answers 501 with the sentence
// that the CLI prints, or as a docker outside of a swarm does.
#include <fmt/format.h>

#include "api/routes.h"

namespace wherry::api {
namespace {

// A handler per sentence, made by the compiler: routes hold plain function pointers.
template <std::size_t N>
struct Words {
  char text[N];
  constexpr Words(const char (&source)[N]) { std::copy_n(source, N, text); }  // NOLINT
};

template <Words what>
Result<> missing(Call& /*call*/) {
  return Error(ErrorKind::NotImplemented,
               fmt::format("wherry: '{}' is not available in wherry " WHERRY_VERSION, what.text));
}

// Objects of kinds that cannot be made yet: none exists, and `docker inspect NAME`, which asks
// for one kind after the other, goes on only after a 404.
Result<> no_such_plugin(Call& call) {
  return Error::not_found(fmt::format("plugin \"{}\" not found", call.variable("name")));
}

Result<> no_swarm(Call& /*call*/) {
  return Error(ErrorKind::Unavailable,
               "This node is not a swarm manager. Use \"docker swarm init\" or \"docker swarm "
               "join\" to connect this node to swarm and try again.");
}

constexpr RouteOptions kInline{.where = http::Plan::Where::Inline};
// The body is not read: the answer ends the connection.
constexpr RouteOptions kUnread{.where = http::Plan::Where::Inline,
                               .body = http::Plan::Body::Streamed};

constexpr std::array kRoutes = {
    Route{"GET", "/containers/{id}/attach/ws", missing<"attach/ws">, kInline},
    Route{"GET", "/containers/{id}/changes", missing<"docker container diff">, kInline},
    Route{"GET", "/containers/{id}/export", missing<"docker container export">, kInline},
    Route{"GET", "/containers/{id}/stats", missing<"docker container stats">, kInline},
    Route{"POST", "/containers/{id}/update", missing<"docker container update">, kInline},
    Route{"HEAD", "/containers/{id}/archive", missing<"docker container cp">, kInline},
    Route{"GET", "/containers/{id}/archive", missing<"docker container cp">, kInline},
    Route{"PUT", "/containers/{id}/archive", missing<"docker container cp">, kUnread},
    Route{"POST", "/containers/prune", missing<"docker container prune">, kInline},
    Route{"GET", "/containers/{id}/checkpoints", missing<"docker checkpoint ls">, kInline},
    Route{"POST", "/containers/{id}/checkpoints", missing<"docker checkpoint create">, kInline},
    Route{"DELETE", "/containers/{id}/checkpoints/{checkpoint}", missing<"docker checkpoint rm">,
          kInline},
    Route{"GET", "/images/search", missing<"docker search">, kInline},
    Route{"GET", "/images/get", missing<"docker image save">, kInline},
    Route{"GET", "/images/{name...}/get", missing<"docker image save">, kInline},
    Route{"GET", "/images/{name...}/history", missing<"docker image history">, kInline},
    Route{"GET", "/images/{name...}/attestations", missing<"image attestations">, kInline},
    Route{"POST", "/images/prune", missing<"docker image prune">, kInline},
    Route{"GET", "/distribution/{name...}/json", missing<"docker manifest inspect">, kInline},
    Route{"POST", "/commit", missing<"docker container commit">, kInline},
    Route{"POST", "/build", missing<"docker image build">, kUnread},
    Route{"POST", "/build/prune", missing<"docker builder prune">, kInline},
    Route{"POST", "/build/cancel", missing<"docker image build">, kInline},
    Route{"POST", "/session", missing<"docker buildx build">, kInline},
    Route{"POST", "/grpc", missing<"docker buildx build">, kInline},
    Route{"PUT", "/volumes/{name}", missing<"docker volume update">, kInline},
    Route{"GET", "/plugins/privileges", missing<"docker plugin install">, kInline},
    Route{"POST", "/plugins/pull", missing<"docker plugin install">, kInline},
    Route{"POST", "/plugins/create", missing<"docker plugin create">, kUnread},
    Route{"GET", "/plugins/{name...}/json", no_such_plugin, kInline},
    Route{"POST", "/plugins/{name...}/enable", missing<"docker plugin enable">, kInline},
    Route{"POST", "/plugins/{name...}/disable", missing<"docker plugin disable">, kInline},
    Route{"POST", "/plugins/{name...}/upgrade", missing<"docker plugin upgrade">, kInline},
    Route{"POST", "/plugins/{name...}/push", missing<"docker plugin push">, kInline},
    Route{"POST", "/plugins/{name...}/set", missing<"docker plugin set">, kInline},
    Route{"DELETE", "/plugins/{name...}", missing<"docker plugin rm">, kInline},
    Route{"GET", "/swarm", no_swarm, kInline},
    Route{"POST", "/swarm/init", missing<"docker swarm init">, kInline},
    Route{"POST", "/swarm/join", missing<"docker swarm join">, kInline},
    Route{"POST", "/swarm/leave", no_swarm, kInline},
    Route{"POST", "/swarm/update", no_swarm, kInline},
    Route{"GET", "/swarm/unlockkey", no_swarm, kInline},
    Route{"POST", "/swarm/unlock", no_swarm, kInline},
    Route{"GET", "/nodes", no_swarm, kInline},
    Route{"GET", "/nodes/{id}", no_swarm, kInline},
    Route{"DELETE", "/nodes/{id}", no_swarm, kInline},
    Route{"POST", "/nodes/{id}/update", no_swarm, kInline},
    Route{"GET", "/services", no_swarm, kInline},
    Route{"POST", "/services/create", no_swarm, kInline},
    Route{"GET", "/services/{id}", no_swarm, kInline},
    Route{"DELETE", "/services/{id}", no_swarm, kInline},
    Route{"POST", "/services/{id}/update", no_swarm, kInline},
    Route{"GET", "/services/{id}/logs", no_swarm, kInline},
    Route{"GET", "/tasks", no_swarm, kInline},
    Route{"GET", "/tasks/{id}", no_swarm, kInline},
    Route{"GET", "/tasks/{id}/logs", no_swarm, kInline},
    Route{"GET", "/secrets", no_swarm, kInline},
    Route{"POST", "/secrets/create", no_swarm, kInline},
    Route{"GET", "/secrets/{id}", no_swarm, kInline},
    Route{"DELETE", "/secrets/{id}", no_swarm, kInline},
    Route{"POST", "/secrets/{id}/update", no_swarm, kInline},
    Route{"GET", "/configs", no_swarm, kInline},
    Route{"POST", "/configs/create", no_swarm, kInline},
    Route{"GET", "/configs/{id}", no_swarm, kInline},
    Route{"DELETE", "/configs/{id}", no_swarm, kInline},
    Route{"POST", "/configs/{id}/update", no_swarm, kInline},
};

}  // namespace

std::span<const Route> missing_routes() {
  return kRoutes;
}

}  // namespace wherry::api
