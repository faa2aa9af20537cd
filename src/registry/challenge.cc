#include "registry/challenge.h"

#include <fmt/format.h>

#include "base/strings.h"

namespace wherry::registry {
namespace {

constexpr std::size_t kMaximumHeader = 8 << 10;

bool is_token_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  [[nodiscard]] bool at_end() const { return rest_.empty(); }

  void skip_blanks_and_commas() {
    while (!rest_.empty() && (rest_[0] == ' ' || rest_[0] == '\t' || rest_[0] == ','))
      rest_.remove_prefix(1);
  }

  std::string_view token() {
    std::size_t length = 0;
    while (length < rest_.size() && is_token_char(rest_[length])) ++length;
    const std::string_view word = rest_.substr(0, length);
    rest_.remove_prefix(length);
    return word;
  }

  // "=" with optional blanks.
  bool equals_sign() {
    std::string_view look = rest_;
    while (!look.empty() && look[0] == ' ') look.remove_prefix(1);
    if (!look.starts_with('=')) return false;
    look.remove_prefix(1);
    while (!look.empty() && look[0] == ' ') look.remove_prefix(1);
    rest_ = look;
    return true;
  }

  std::optional<std::string> value() {
    if (!rest_.starts_with('"')) {
      // Some registries send URLs without quotes, which are no tokens of the RFC.
      const std::string_view word = rest_.substr(0, rest_.find_first_of(", \t"));
      rest_.remove_prefix(word.size());
      return std::string(word);
    }
    rest_.remove_prefix(1);
    std::string text;
    while (!rest_.empty()) {
      char c = rest_[0];
      rest_.remove_prefix(1);
      if (c == '"') return text;
      if (c == '\\') {
        if (rest_.empty()) return std::nullopt;
        c = rest_[0];
        rest_.remove_prefix(1);
      }
      text += c;
    }
    return std::nullopt;
  }

 private:
  std::string_view rest_;
};

void set_parameter(Challenge& challenge, std::string_view name, std::string value) {
  if (equals_ignore_case(name, "realm")) challenge.realm = std::move(value);
  else if (equals_ignore_case(name, "service")) challenge.service = std::move(value);
  else if (equals_ignore_case(name, "scope")) challenge.scope = std::move(value);
  else if (equals_ignore_case(name, "error")) challenge.error = std::move(value);
}

}  // namespace

std::vector<Challenge> parse_challenges(std::string_view header) {
  if (header.size() > kMaximumHeader) return {};
  std::vector<Challenge> challenges;
  bool known = false;  // does the current scheme count?
  Scanner scanner(header);
  while (true) {
    scanner.skip_blanks_and_commas();
    if (scanner.at_end()) return challenges;
    const std::string_view word = scanner.token();
    if (word.empty()) return {};
    if (scanner.equals_sign()) {
      auto value = scanner.value();
      if (!value) return {};
      if (known) set_parameter(challenges.back(), word, *std::move(value));
      continue;
    }
    const bool bearer = equals_ignore_case(word, "Bearer");
    known = bearer || equals_ignore_case(word, "Basic");
    if (known)
      challenges.push_back({.scheme = bearer ? Challenge::Scheme::Bearer : Challenge::Scheme::Basic});
  }
}

Result<Url> allowed_realm(const Settings& settings, const Url& registry, const Challenge& challenge,
                          WithCredentials with_credentials) {
  const auto refuse = [&](std::string_view why) {
    return Error(ErrorKind::Forbidden,
                 fmt::format("registry {} names the token realm {}, which is refused: {}",
                             registry.authority(), quote(challenge.realm), why));
  };
  auto realm = parse_url(challenge.realm);
  if (!realm) return refuse(realm.error().message());
  const bool same_host = realm->host == registry.host;
  if (realm->scheme == "http") {
    const bool both_insecure =
        is_insecure(settings, registry.host + ":" + registry.port) &&
        is_insecure(settings, realm->host + ":" + realm->port);
    if (!both_insecure) return refuse("it is not https");
  }
  const std::string_view bare = host_of(realm->host);
  const bool local = is_private_address(bare) || is_loopback_host(bare);
  const bool registry_local = is_loopback_host(host_of(registry.host));
  if (local && !same_host && !(registry_local && is_loopback_host(bare)))
    return refuse("it is an address of a private network");
  if (with_credentials == WithCredentials::Yes && !same_site(registry.host, realm->host))
    return refuse("credentials would leave the registry's own site");
  return *std::move(realm);
}

}  // namespace wherry::registry
