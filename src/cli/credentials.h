// Logins to registries: in ~/.docker/config.json, or in the credential helper that it names
// (docker-credential-*). Passwords never stand on a command line.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/config_file.h"

namespace wherry::cli {

inline constexpr std::string_view kHubKey = "https://index.docker.io/v1/";

struct Credentials {
  std::string username;
  std::string password;
  std::string identity_token;
  std::string server;
};

// The key under which a registry's login is kept: the host, or kHubKey for docker.io.
std::string registry_key(std::string_view domain);

// The stored login; one without a user where there is none.
Result<Credentials> load_credentials(const ConfigFile& config, const std::string& key);
// Stores a login; true if it is kept unencrypted in the file.
Result<bool> save_credentials(ConfigFile& config, const Credentials& credentials);
Result<> erase_credentials(ConfigFile& config, const std::string& key);

// The X-Registry-Auth header: base64url of {"username":...}; "e30=" without a login.
std::string auth_header(const Credentials& credentials);

std::string base64(std::string_view bytes, std::string_view alphabet_end = "+/");
// nullopt: not base64. Both alphabets, with or without padding.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace wherry::cli
