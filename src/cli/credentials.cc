#include "cli/credentials.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/strings.h"
#include "cli/json_access.h"
#include "client/engine.h"
#include "spec/json.h"
#include "sys/fd.h"

namespace wherry::cli {

namespace bj = boost::json;

namespace {

constexpr std::string_view kLetters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
constexpr std::size_t kMaximumHelperOutput = 1U << 20;
constexpr std::string_view kTokenUser = "<token>";
constexpr std::string_view kCredentialsNotFound = "credentials not found";

// The helper for a registry: credHelpers first, then credsStore; "" is the file itself.
std::string helper_for(const ConfigFile& config, const std::string& key) {
  const bj::object helpers = config.object("credHelpers");
  if (const bj::value* own = helpers.if_contains(key); own != nullptr && own->is_string())
    return std::string(own->as_string());
  return config.text("credsStore");
}

struct HelperAnswer {
  bool ok;
  std::string output;
};

// Runs `docker-credential-<helper> <verb>` with `input` on its standard input.
Result<HelperAnswer> run_helper(const std::string& helper, const char* verb,
                                const std::string& input) {
  if (helper.find('/') != std::string::npos)
    return Error::invalid(
        fmt::format("credential helper {} has a slash in its name", quote(helper)));
  sys::Pipe to_helper = TRY(sys::make_pipe());
  sys::Pipe from_helper = TRY(sys::make_pipe());
  std::string program = "docker-credential-" + helper;
  std::string argument = verb;
  std::array<char*, 3> argv = {program.data(), argument.data(), nullptr};
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, to_helper.read_end.get(), STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, from_helper.write_end.get(), STDOUT_FILENO);
  pid_t pid = 0;
  const int failed = ::posix_spawnp(&pid, program.c_str(), &actions, nullptr, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) {
    return Error::internal(fmt::format("error getting credentials - err: exec: {}: {}",
                                       quote(program), std::strerror(failed)));
  }
  to_helper.read_end.reset();
  from_helper.write_end.reset();
  static_cast<void>(sys::write_all(to_helper.write_end, input));
  to_helper.write_end.reset();
  auto output = sys::read_all(from_helper.read_end, kMaximumHelperOutput);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (!output) return std::unexpected(std::move(output).error());
  return HelperAnswer{.ok = WIFEXITED(status) && WEXITSTATUS(status) == 0,
                      .output = std::string(trim(*output))};
}

Result<Credentials> ask_helper(const std::string& helper, const std::string& key) {
  Credentials credentials{.server = key};
  const HelperAnswer answer = TRY(run_helper(helper, "get", key));
  if (!answer.ok && answer.output.find(kCredentialsNotFound) != std::string::npos) return credentials;
  if (!answer.ok)
    return Error::internal(
        fmt::format("error getting credentials - err: exit status 1, out: `{}`", answer.output));
  const bj::value login = TRY(client::parse_json(answer.output));
  credentials.username = text_at(login, "Username");
  credentials.password = text_at(login, "Secret");
  if (credentials.username == kTokenUser) {
    credentials.username.clear();
    credentials.identity_token = std::exchange(credentials.password, "");
  }
  return credentials;
}

// config.json's keys are hosts or URLs of old: "https://host/v1/" stands for "host".
std::string host_of(std::string_view key) {
  for (const std::string_view scheme : {"https://", "http://"}) {
    if (key.starts_with(scheme)) key.remove_prefix(scheme.size());
  }
  return std::string(key.substr(0, key.find('/')));
}

Credentials from_file(const ConfigFile& config, const std::string& key) {
  Credentials credentials{.server = key};
  const bj::object auths = config.object("auths");
  const bj::value* entry = auths.if_contains(key);
  for (const auto& pair : auths) {
    if (entry == nullptr && host_of(pair.key()) == host_of(key)) entry = &pair.value();
  }
  if (entry == nullptr) return credentials;
  credentials.identity_token = text_at(*entry, "identitytoken");
  const auto decoded = from_base64(text_at(*entry, "auth"));
  const auto login = decoded ? cut(*decoded, ':') : std::nullopt;
  if (!login) return credentials;
  credentials.username = login->before;
  credentials.password = login->after;
  while (credentials.password.ends_with('\0')) credentials.password.pop_back();
  return credentials;
}

}  // namespace

std::string base64(std::string_view bytes, std::string_view alphabet_end) {
  std::string alphabet(kLetters);
  alphabet += alphabet_end;
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      group = group << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    }
    for (std::size_t k = 0; k < 4; ++k) {
      const bool padding = i + k > bytes.size();
      text += padding ? '=' : alphabet[group >> (18 - 6 * k) & 63];
    }
  }
  return text;
}

std::optional<std::string> from_base64(std::string_view text) {
  while (text.ends_with('=')) text.remove_suffix(1);
  std::string bytes;
  std::uint32_t group = 0;
  int bits = 0;
  for (char c : text) {
    if (c == '\n' || c == '\r') continue;
    std::size_t value = kLetters.find(c);
    if (c == '+' || c == '-') value = 62;
    if (c == '/' || c == '_') value = 63;
    if (value == std::string_view::npos) return std::nullopt;
    group = (group << 6 | static_cast<std::uint32_t>(value)) & 0xffffff;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes += static_cast<char>(group >> bits & 0xff);
  }
  return bytes;
}

std::string registry_key(std::string_view domain) {
  const bool hub =
      domain == "docker.io" || domain == "index.docker.io" || domain == "registry-1.docker.io";
  return hub ? std::string(kHubKey) : std::string(domain);
}

Result<Credentials> load_credentials(const ConfigFile& config, const std::string& key) {
  const std::string helper = helper_for(config, key);
  return helper.empty() ? Result<Credentials>(from_file(config, key)) : ask_helper(helper, key);
}

Result<bool> save_credentials(ConfigFile& config, const Credentials& credentials) {
  const std::string helper = helper_for(config, credentials.server);
  bj::object auths = config.object("auths");
  const bool token = !credentials.identity_token.empty();
  if (!helper.empty()) {
    bj::object login = {{"ServerURL", credentials.server},
                        {"Username", token ? std::string(kTokenUser) : credentials.username},
                        {"Secret", token ? credentials.identity_token : credentials.password}};
    const HelperAnswer answer = TRY(run_helper(helper, "store", json::write_value(login)));
    if (!answer.ok)
      return Error::internal(
          fmt::format("error storing credentials - err: exit status 1, out: `{}`", answer.output));
    auths[credentials.server] = bj::object();
  } else {
    bj::object entry = {
        {"auth", base64(fmt::format("{}:{}", credentials.username, credentials.password))}};
    if (token) entry["identitytoken"] = credentials.identity_token;
    auths[credentials.server] = entry;
  }
  config.set("auths", auths);
  TRY(config.save());
  return helper.empty();
}

Result<> erase_credentials(ConfigFile& config, const std::string& key) {
  const std::string helper = helper_for(config, key);
  if (!helper.empty()) {
    const HelperAnswer answer = TRY(run_helper(helper, "erase", key));
    if (!answer.ok && answer.output.find(kCredentialsNotFound) == std::string::npos) {
      return Error::internal(
          fmt::format("error erasing credentials - err: exit status 1, out: `{}`", answer.output));
    }
  }
  bj::object auths = config.object("auths");
  if (auths.erase(key) == 0) return {};
  config.set("auths", auths);
  return config.save();
}

std::string auth_header(const Credentials& credentials) {
  bj::object login;
  if (!credentials.username.empty()) login["username"] = credentials.username;
  if (!credentials.password.empty()) login["password"] = credentials.password;
  if (!login.empty() || !credentials.identity_token.empty())
    login["serveraddress"] = credentials.server;
  if (!credentials.identity_token.empty()) login["identitytoken"] = credentials.identity_token;
  return base64(json::write_value(login), "-_");
}

}  // namespace wherry::cli
