#include "registry/challenge.h"

#include <gtest/gtest.h>

namespace wherry::registry {
namespace {

TEST(Challenge, of_docker_hub_is_read) {
  const auto challenges = parse_challenges(
      R"(Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/alpine:pull,push",error="invalid_token")");
  ASSERT_EQ(challenges.size(), 1U);
  EXPECT_EQ(challenges[0].scheme, Challenge::Scheme::Bearer);
  EXPECT_EQ(challenges[0].realm, "https://auth.docker.io/token");
  EXPECT_EQ(challenges[0].service, "registry.docker.io");
  EXPECT_EQ(challenges[0].scope, "repository:library/alpine:pull,push");
  EXPECT_EQ(challenges[0].error, "invalid_token");
}

TEST(Challenge, lists_are_taken_apart_and_unknown_schemes_left_out) {
  const auto challenges = parse_challenges(
      R"(Negotiate, Digest realm="no", Basic realm="a \"b\"", bearer realm=https://t , service = "s")");
  ASSERT_EQ(challenges.size(), 2U);
  EXPECT_EQ(challenges[0].scheme, Challenge::Scheme::Basic);
  EXPECT_EQ(challenges[0].realm, "a \"b\"");
  EXPECT_EQ(challenges[1].scheme, Challenge::Scheme::Bearer);
  EXPECT_EQ(challenges[1].service, "s");
}

TEST(Challenge, that_is_broken_or_huge_is_none) {
  for (const char* bad : {"", "Bearer realm=\"open", "\"", "=x", "Bearer realm=\"a\\"})
    EXPECT_TRUE(parse_challenges(bad).empty()) << bad;
  EXPECT_TRUE(parse_challenges("Bearer realm=\"" + std::string(9 << 10, 'a') + "\"").empty());
}

Result<Url> realm_of(std::string_view registry, const std::string& realm,
                     WithCredentials with = WithCredentials::Yes) {
  return allowed_realm({.insecure_registries = {"10.0.0.5:5000"}}, *parse_url(registry),
                       {.realm = realm}, with);
}

TEST(Realm, of_the_registrys_site_gets_credentials) {
  EXPECT_TRUE(realm_of("https://registry-1.docker.io", "https://auth.docker.io/token"));
  EXPECT_TRUE(realm_of("https://ghcr.io", "https://ghcr.io/token"));
  EXPECT_TRUE(realm_of("http://127.0.0.1:5000", "http://127.0.0.1:5001/token"));
  EXPECT_TRUE(realm_of("http://10.0.0.5:5000", "http://10.0.0.5:5000/token"));
}

TEST(Realm, of_another_site_gets_no_credentials) {
  const auto realm = realm_of("https://registry-1.docker.io", "https://evil.com/token");
  ASSERT_FALSE(realm);
  EXPECT_EQ(realm.error().kind(), ErrorKind::Forbidden);
  EXPECT_NE(realm.error().message().find("credentials would leave"), std::string::npos);
  EXPECT_FALSE(realm_of("http://127.0.0.1:5000", "http://127.0.0.2:5000/token"));
  EXPECT_TRUE(realm_of("https://a.example", "https://b.other/token", WithCredentials::No));
}

TEST(Realm, over_plain_http_is_refused_unless_both_are_insecure_registries) {
  EXPECT_FALSE(realm_of("https://ghcr.io", "http://ghcr.io/token"));
  EXPECT_FALSE(realm_of("https://ghcr.io", "http://ghcr.io/token", WithCredentials::No));
  EXPECT_FALSE(realm_of("https://ghcr.io", "http://127.0.0.1/token", WithCredentials::No));
}

TEST(Realm, in_a_private_network_is_refused_for_a_public_registry) {
  for (const char* realm : {"https://169.254.169.254/latest", "https://10.0.0.1/", "https://[::1]/",
                            "https://localhost/x"})
    EXPECT_FALSE(realm_of("https://ghcr.io", realm, WithCredentials::No)) << realm;
}

TEST(Realm, that_is_no_url_is_refused) {
  for (const char* realm : {"", "token", "file:///etc/passwd", "https://u:p@ghcr.io/"})
    EXPECT_FALSE(realm_of("https://ghcr.io", realm)) << realm;
}

}  // namespace
}  // namespace wherry::registry
