#include "cli/session.h"

#include <fmt/format.h>

#include <cstdlib>

#include "base/strings.h"
#include "cli/autostart.h"
#include "cli/output.h"

namespace wherry::cli {
namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// DOCKER_CUSTOM_HEADERS: "name=value,name=value".
Result<> add_custom_headers(std::vector<std::pair<std::string, std::string>>& headers) {
  const std::string text = environment("DOCKER_CUSTOM_HEADERS");
  if (text.empty()) return {};
  for (const std::string_view field : split(text, ',')) {
    const auto pair = cut(field, '=');
    if (!pair || trim(pair->before).empty()) {
      return Error::invalid(fmt::format(
          "invalid custom headers: invalid field '{}': must be formatted as a key=value pair",
          field));
    }
    headers.emplace_back(trim(pair->before), pair->after);
  }
  return {};
}

bool is_header_text(std::string_view text) {
  return text.find_first_of("\r\n") == std::string_view::npos;
}

}  // namespace

Session::Session(std::string program, const Flags& globals)
    : program_(std::move(program)),
      hosts_(globals.list("host")),
      context_(globals.text("context")) {
  config_directory_ = globals.given("config") ? globals.text("config") : default_config_directory();
}

Result<ConfigFile*> Session::config() {
  if (!config_) config_ = TRY(ConfigFile::load(config_directory_));
  return &*config_;
}

Result<std::string> Session::context_name() {
  if (!hosts_.empty() && !context_.empty()) {
    return Error::invalid("conflicting options: cannot specify both --host and --context");
  }
  if (!context_.empty()) return context_;
  if (!hosts_.empty() || !environment("DOCKER_HOST").empty()) return std::string("default");
  std::string name = environment("DOCKER_CONTEXT");
  if (name.empty()) name = TRY(config())->text("currentContext");
  return name.empty() ? "default" : name;
}

Result<std::string> Session::host() {
  const std::string context = TRY(context_name());
  if (context != "default") return context_host(config_directory_, context);
  if (hosts_.size() > 1)
    return Error::invalid(
        "Failed to initialize: unable to resolve docker endpoint: Specify only one -H");
  if (!hosts_.empty())
    return hosts_[0].find("://") == std::string::npos ? "tcp://" + hosts_[0] : hosts_[0];
  return environment("DOCKER_HOST");
}

Result<std::vector<std::pair<std::string, std::string>>> Session::headers() {
  std::vector<std::pair<std::string, std::string>> headers;
  for (const auto& header : TRY(config())->object("HttpHeaders")) {
    if (header.value().is_string()) headers.emplace_back(header.key(), header.value().as_string());
  }
  TRY(add_custom_headers(headers));
  for (const auto& [name, value] : headers) {
    if (!is_header_text(name) || !is_header_text(value))
      return Error::invalid("invalid custom headers: line break");
  }
  return headers;
}

Result<client::Engine*> Session::engine() {
  if (engine_) return engine_.get();
  const std::string named = TRY(host());
  client::Settings settings;
  settings.endpoint = TRY(client::parse_endpoint(named.empty() ? kDefaultHost : named));
  const bool wants_tls =
      !environment("DOCKER_TLS_VERIFY").empty() || !environment("DOCKER_TLS").empty();
  if (wants_tls && settings.endpoint.kind == client::Endpoint::Kind::Tcp) {
    return Error(ErrorKind::NotImplemented,
                 fmt::format("{}: TLS to the engine is not available in wherry {}: unset "
                             "DOCKER_TLS_VERIFY and DOCKER_TLS, or use ssh://",
                             program_, WHERRY_VERSION));
  }
  settings.api_version = environment("DOCKER_API_VERSION");
  settings.headers = TRY(headers());
  if (named.empty() && may_start_) settings.start_engine = start_engine;
  engine_ = std::make_unique<client::Engine>(std::move(settings));
  return engine_.get();
}

int fail(const Error& error) {
  print_error(error.message() + "\n");
  return 1;
}

}  // namespace wherry::cli
