// Where an engine listens: "unix:///run/wherry/wherry.sock", "tcp://host:port",
// "ssh://user@host". Thread rule: plain data.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "sys/fd.h"

namespace wherry::client {

struct Endpoint {
  enum class Kind : unsigned char { Unix, Tcp, Ssh };
  Kind kind = Kind::Unix;
  std::string text;        // as the user gave it, for messages
  std::string path;        // Unix
  std::string host;        // Tcp
  std::string port;        // Tcp
  std::string base_path;   // Tcp: what precedes every request's path
  std::string ssh_target;  // Ssh: user@host
  std::string ssh_port;    // Ssh
};

// Errors in docker's words: `unable to parse docker host "x"`.
Result<Endpoint> parse_endpoint(std::string_view text);

// A connected stream socket. Errors: "Cannot connect to the Docker daemon at <text>. Is the
// docker daemon running?" (kind Unavailable), or that the socket may not be opened (Forbidden).
Result<sys::Fd> connect(const Endpoint& endpoint);

}  // namespace wherry::client
