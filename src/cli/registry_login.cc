// login, logout.
#include <fmt/format.h>
#include <termios.h>
#include <unistd.h>

#include <array>

#include "base/strings.h"
#include "cli/credentials.h"
#include "cli/handlers.h"
#include "cli/json_access.h"
#include "cli/output.h"
#include "spec/json.h"
#include "sys/fd.h"

namespace wherry::cli {
namespace {

constexpr std::size_t kMaximumPassword = 64 << 10;
constexpr std::string_view kNoTerminal =
    "Error: Cannot perform an interactive login from a non TTY device";

// "https://host/v2/" is "host"; docker.io is the Hub.
std::string server_of(const Invocation& invocation) {
  if (invocation.arguments.empty()) return std::string(kHubKey);
  std::string_view server = invocation.arguments[0];
  for (const std::string_view scheme : {"https://", "http://"}) {
    if (server.starts_with(scheme)) server.remove_prefix(scheme.size());
  }
  return registry_key(server.substr(0, server.find('/')));
}

enum class Echo : bool { Off, On };

// One line from the terminal, without echo for a password.
Result<std::string> ask(std::string_view prompt, Echo echo) {
  print(prompt);
  termios before{};
  const bool changed = echo == Echo::Off && ::tcgetattr(STDIN_FILENO, &before) == 0;
  if (changed) {
    termios silent = before;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(STDIN_FILENO, TCSANOW, &silent);
  }
  std::string line;
  char c = 0;
  ssize_t got = 0;
  while ((got = ::read(STDIN_FILENO, &c, 1)) == 1 && c != '\n' && line.size() < kMaximumPassword)
    line += c;
  if (changed) {
    ::tcsetattr(STDIN_FILENO, TCSANOW, &before);
    print("\n");
  }
  if (got < 0) return Error::from_errno(errno, "read");
  return std::string(trim(line));
}

Result<> ask_for_missing(Credentials& credentials) {
  if (!is_terminal(STDIN_FILENO)) return Error::invalid(std::string(kNoTerminal));
  if (credentials.username.empty()) credentials.username = TRY(ask("Username: ", Echo::On));
  if (credentials.username.empty()) return Error::invalid("Error: Non-null Username Required");
  if (credentials.password.empty()) credentials.password = TRY(ask("Password: ", Echo::Off));
  if (credentials.password.empty()) return Error::invalid("Error: Password Required");
  return {};
}

Result<> check_flags(const Flags& flags) {
  const bool given = flags.given("password");
  if (given && flags.on("password-stdin")) {
    return Error::invalid(
        "conflicting options: cannot specify both --password and --password-stdin");
  }
  if (given)
    print_error("WARNING! Using --password via the CLI is insecure. Use --password-stdin.\n");
  if (flags.on("password-stdin") && flags.text("username").empty()) {
    return Error::invalid("the --password-stdin option requires --username to be set");
  }
  return {};
}

// What the flags, the stored login and the terminal give, in this order.
Result<Credentials> gather(const Invocation& invocation, const ConfigFile& config) {
  const Flags& flags = invocation.flags;
  TRY(check_flags(flags));
  Credentials credentials{.username = flags.text("username"),
                          .password = flags.text("password"),
                          .server = server_of(invocation)};
  if (flags.on("password-stdin")) {
    credentials.password = TRY(sys::read_all(sys::Fd(::dup(STDIN_FILENO)), kMaximumPassword));
    while (credentials.password.ends_with('\n') || credentials.password.ends_with('\r'))
      credentials.password.pop_back();
  }
  if (credentials.username.empty() && credentials.password.empty()) {
    Credentials stored = TRY(load_credentials(config, credentials.server));
    if (!stored.username.empty() && !stored.password.empty()) {
      print_error(fmt::format("Authenticating with existing credentials... [Username: {}]\n",
                              stored.username));
      return stored;
    }
    credentials.username = stored.username;
  }
  if (credentials.username.empty() || credentials.password.empty())
    TRY(ask_for_missing(credentials));
  return credentials;
}

Result<> do_login(const Invocation& invocation) {
  ConfigFile* config = TRY(invocation.session.config());
  Credentials credentials = TRY(gather(invocation, *config));
  const boost::json::object body = {{"username", credentials.username},
                                    {"password", credentials.password},
                                    {"serveraddress", credentials.server}};
  client::Engine* engine = TRY(invocation.session.engine());
  const auto answer = TRY(engine->call_json({.method = "POST",
                                             .path = "/auth",
                                             .body = json::write_value(body) + "\n",
                                             .content_type = "application/json"}));
  if (std::string token = text_at(answer, "IdentityToken"); !token.empty()) {
    credentials.identity_token = std::move(token);
    credentials.password.clear();
  }
  if (TRY(save_credentials(*config, credentials))) {
    print_error(
        fmt::format("\nWARNING! Your credentials are stored unencrypted in '{}'.\nConfigure a "
                    "credential helper to remove this "
                    "warning. See\nhttps://docs.docker.com/go/credential-store/\n\n",
                    config->path()));
  }
  if (const std::string status = text_at(answer, "Status"); !status.empty()) print(status + "\n");
  return {};
}

}  // namespace

int login(const Invocation& invocation) {
  const auto done = do_login(invocation);
  return done ? 0 : fail(done.error());
}

int logout(const Invocation& invocation) {
  auto config = invocation.session.config();
  if (!config) return fail(config.error());
  const std::string server = server_of(invocation);
  print(fmt::format("Removing login credentials for {}\n", server));
  if (auto erased = erase_credentials(**config, server); !erased) {
    print_error(fmt::format("WARNING: could not erase credentials:\n{}: {}\n", server,
                            erased.error().message()));
    return 1;
  }
  return 0;
}

}  // namespace wherry::cli
