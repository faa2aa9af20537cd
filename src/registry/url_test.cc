#include "registry/url.h"

#include <gtest/gtest.h>

namespace wherry::registry {
namespace {

TEST(Url, has_parts_with_the_default_port) {
  const auto url = parse_url("https://Host.io/v2/x?a=b");
  ASSERT_TRUE(url) << url.error().message();
  EXPECT_EQ(url->origin(), "https://host.io:443");
  EXPECT_EQ(url->authority(), "host.io");
  EXPECT_EQ(url->path, "/v2/x");
  EXPECT_EQ(url->str(), "https://host.io/v2/x?a=b");
}

TEST(Url, keeps_an_ipv6_address_in_brackets) {
  const auto url = parse_url("http://[::1]:5000/");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->authority(), "[::1]:5000");
}

TEST(Url, refuses_credentials_other_schemes_and_nonsense) {
  for (const char* bad : {"https://user:pw@host/", "https://user@host/", "ftp://host/",
                          "file:///etc/passwd", "gopher://x", "", "host", "https://", "http://a b/"})
    EXPECT_FALSE(parse_url(bad)) << bad;
  EXPECT_FALSE(parse_url("https://h/" + std::string(17 << 10, 'a')));
}

TEST(Url, resolves_a_location) {
  const Url base = *parse_url("https://host:5000/v2/x/blobs/uploads/");
  EXPECT_EQ(resolve_location(base, "/a?b=c")->str(), "https://host:5000/a?b=c");
  EXPECT_EQ(resolve_location(base, "d")->str(), "https://host:5000/v2/x/blobs/uploads/d");
  EXPECT_EQ(resolve_location(base, "http://cdn/z")->origin(), "http://cdn:80");
  EXPECT_EQ(resolve_location(base, "//cdn/z")->origin(), "https://cdn:443");
  EXPECT_FALSE(resolve_location(base, "file:///etc/passwd"));
}

TEST(Url, gets_encoded_query_parameters) {
  EXPECT_EQ(with_query(*parse_url("http://h/p?x=1"), "digest", "sha256:a b").query,
            "x=1&digest=sha256%3Aa%20b");
}

TEST(Address, of_loopback_and_private_ranges_is_known) {
  for (const char* host : {"127.0.0.1", "127.9.9.9", "::1", "[::1]", "localhost", "x.localhost"})
    EXPECT_TRUE(is_loopback_host(host)) << host;
  for (const char* host : {"128.0.0.1", "::2", "localhost.evil.com", "::"})
    EXPECT_FALSE(is_loopback_host(host)) << host;
  for (const char* host : {"10.0.0.1", "172.31.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
                           "fe80::1", "fd00::1", "::ffff:10.0.0.1", "0.0.0.0", "::"})
    EXPECT_TRUE(is_private_address(host)) << host;
  for (const char* host : {"8.8.8.8", "172.32.0.1", "2001:db8::1", "registry.example.com"})
    EXPECT_FALSE(is_private_address(host)) << host;
}

TEST(Site, is_the_registrable_domain) {
  EXPECT_TRUE(same_site("registry-1.docker.io", "auth.docker.io"));
  EXPECT_TRUE(same_site("registry.gitlab.com", "gitlab.com"));
  EXPECT_TRUE(same_site("127.0.0.1", "127.0.0.1"));
  EXPECT_FALSE(same_site("registry-1.docker.io", "docker.io.evil.com"));
  EXPECT_FALSE(same_site("127.0.0.1", "127.0.0.2"));
  EXPECT_FALSE(same_site("a.co.uk", "b.co.uk"));
  EXPECT_TRUE(same_site("x.a.co.uk", "y.a.co.uk"));
  EXPECT_FALSE(same_site("localhost", "io"));
}

}  // namespace
}  // namespace wherry::registry
