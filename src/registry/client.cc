#include "registry/client.h"

#include <fmt/format.h>

#include <utility>

#include "registry/failure.h"
#include "registry/session_state.h"

namespace wherry::registry {
namespace {

constexpr std::string_view kHubIndex = "index.docker.io";

// "https://index.docker.io/v1/" -> "docker.io"; "https://host:5000/x" -> "host:5000".
std::string domain_of(std::string_view server_address) {
  if (const auto scheme = server_address.find("://"); scheme != std::string_view::npos)
    server_address.remove_prefix(scheme + 3);
  const std::string_view host = server_address.substr(0, server_address.find('/'));
  if (host.empty() || host == kHubIndex || host == "registry-1.docker.io")
    return std::string(spec::kDockerHub);
  return std::string(host);
}

}  // namespace

struct Client::State {
  Settings settings;
  std::unique_ptr<Transport> transport;
  std::unique_ptr<Authority> authority;

  [[nodiscard]] Services services() const { return {settings, *transport, *authority}; }
};

Client::Client(std::unique_ptr<State> state) : state_(std::move(state)) {}
Client::~Client() = default;

Result<std::unique_ptr<Client>> Client::create(Settings settings) {
  TRY(check(settings));
  auto state = std::make_unique<State>();
  state->settings = std::move(settings);
  state->transport = TRY(Transport::create());
  state->authority = std::make_unique<Authority>(state->settings, *state->transport);
  return std::unique_ptr<Client>(new Client(std::move(state)));
}

Result<std::unique_ptr<Session>> Client::open(SessionRequest request) {
  auto endpoints =
      TRY(endpoints_for(state_->settings, request.repository.domain, request.action));
  const std::string scope =
      fmt::format("repository:{}:{}", request.repository.path,
                  request.action == Action::Push ? "pull,push" : "pull");
  auto session = std::make_unique<Session::State>();
  session->settings = &state_->settings;
  for (Endpoint& endpoint : endpoints) {
    Credentials credentials = endpoint.mirror ? Credentials{} : request.credentials;
    session->exchanges.push_back(
        std::make_unique<Exchange>(state_->services(), std::move(endpoint), std::move(credentials),
                                   std::vector<std::string>{scope}));
  }
  session->request = std::move(request);
  return std::make_unique<Session>(std::move(session));
}

Result<std::string> Client::login(const Credentials& credentials, std::stop_token stop) {
  const std::string domain = domain_of(credentials.server_address);
  auto endpoints = TRY(endpoints_for(state_->settings, domain, Action::Push));
  for (std::size_t i = 0;; ++i) {
    Exchange exchange(state_->services(), endpoints[i], credentials, {});
    exchange.ask_for_identity_token();
    const Answer answer = TRY(exchange.with_retry({.path = "/v2/", .stop = stop}));
    if (answer.ok()) return exchange.identity_token();
    if (answer.outcome.failure != TransportFailure::None && i + 1 < endpoints.size()) continue;
    return answer.error();
  }
}

}  // namespace wherry::registry
