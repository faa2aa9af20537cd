#include "registry/failure.h"

#include <gtest/gtest.h>

namespace wherry::registry {
namespace {

const Instant kNow = *parse_rfc3339("2026-11-23T21:00:00Z");

HttpRequest request_to(std::string_view url) { return {.url = *parse_url(url)}; }

std::string pulled(std::string_view name, long status, std::string body) {
  return pull_error(*spec::parse_reference(name), request_to("https://r.io/v2/x/manifests/latest"),
                    {.status = status, .body = std::move(body)}, kNow)
      .message();
}

TEST(PullError, has_dockers_words) {
  EXPECT_EQ(pulled("alpine:x", 404,
                   R"({"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]})"),
            "manifest for alpine:x not found: manifest unknown: manifest unknown");
  EXPECT_EQ(pulled("r.io/x:1", 404, "<html>"),
            "manifest for r.io/x:1 not found: manifest unknown: manifest unknown");
  EXPECT_EQ(pulled("nosuch:latest", 401, R"({"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]})"),
            "pull access denied for nosuch, repository does not exist or may require 'docker "
            "login': denied: requested access to the resource is denied");
  EXPECT_EQ(pulled("r.io/x:1", 404, R"({"errors":[{"code":"NAME_UNKNOWN","message":"repository name not known to registry"}]})"),
            "repository r.io/x not found: name unknown: repository name not known to registry");
}

TEST(StatusError, of_429_tells_the_reset_time_and_the_next_step) {
  const Error error = status_error(
      request_to("https://registry-1.docker.io/v2/"),
      {.status = 429,
       .headers = {{"retry-after", "90"}},
       .body = R"({"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your pull rate limit."}]})"},
      kNow);
  EXPECT_EQ(error.kind(), ErrorKind::Unavailable);
  EXPECT_EQ(error.message(),
            "toomanyrequests: You have reached your pull rate limit.: registry-1.docker.io refuses "
            "further requests for 90 s, until 2026-11-23T21:01:30Z (log in with 'docker login' for "
            "a higher limit, or configure \"registry-mirrors\")");
}

TEST(StatusError, of_401_names_the_login) {
  const Error error = status_error(request_to("https://r.io/v2/"), {.status = 401}, kNow);
  EXPECT_EQ(error.kind(), ErrorKind::Unauthorized);
  EXPECT_EQ(error.message(), "Get \"https://r.io/v2/\": unauthorized: authentication required (log "
                             "in with 'docker login r.io')");
}

TEST(StatusError, keeps_a_hostile_body_short_and_on_one_line) {
  const Error error = status_error(
      request_to("https://r.io/v2/"),
      {.status = 500,
       .body = R"({"errors":[{"code":"X\n\u001b[31m","message":")" + std::string(100'000, 'm') + "\"}]}"},
      kNow);
  EXPECT_LT(error.message().size(), 2000U);
  EXPECT_EQ(error.message().find('\n'), std::string::npos);
  EXPECT_EQ(error.message().find('\x1b'), std::string::npos);
}

std::string transport(TransportFailure failure) {
  HttpOutcome outcome{.failure = failure, .error = Error(ErrorKind::Unavailable, "detail")};
  return transport_error(request_to("https://r.io:5000/v2/"), outcome).message();
}

TEST(TransportError, names_host_cause_and_next_step) {
  EXPECT_EQ(transport(TransportFailure::Dns),
            "Get \"https://r.io:5000/v2/\": dial tcp: lookup r.io: no such host (check the name of "
            "the registry and this machine's DNS)");
  EXPECT_NE(transport(TransportFailure::Refused).find("dial tcp r.io:5000: connect: connection refused ("),
            std::string::npos);
  EXPECT_NE(transport(TransportFailure::ConnectTimeout).find("i/o timeout (no answer within 8 s"),
            std::string::npos);
  EXPECT_NE(transport(TransportFailure::Tls).find("/etc/wherry/certs.d/r.io:5000/ca.crt"),
            std::string::npos);
  EXPECT_NE(transport(TransportFailure::Unreachable).find("no route to host"), std::string::npos);
  EXPECT_NE(transport(TransportFailure::Stalled).find("sent nothing for 60 s"), std::string::npos);
}

}  // namespace
}  // namespace wherry::registry
