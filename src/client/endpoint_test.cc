#include "client/endpoint.h"

#include <gtest/gtest.h>

namespace wherry::client {
namespace {

TEST(Endpoint, unix_socket) {
  const auto endpoint = parse_endpoint("unix:///run/x.sock");
  ASSERT_TRUE(endpoint);
  EXPECT_EQ(endpoint->kind, Endpoint::Kind::Unix);
  EXPECT_EQ(endpoint->path, "/run/x.sock");
}

TEST(Endpoint, tcp_with_port_and_path) {
  const auto endpoint = parse_endpoint("tcp://10.0.0.1:99/prefix/");
  ASSERT_TRUE(endpoint);
  EXPECT_EQ(endpoint->host, "10.0.0.1");
  EXPECT_EQ(endpoint->port, "99");
  EXPECT_EQ(endpoint->base_path, "/prefix");
}

TEST(Endpoint, tcp_has_docker_port_by_default) {
  EXPECT_EQ(parse_endpoint("tcp://h")->port, "2375");
  EXPECT_EQ(parse_endpoint("http://h:1")->port, "1");
}

TEST(Endpoint, ipv6_stands_in_brackets) {
  const auto endpoint = parse_endpoint("tcp://[::1]:5");
  ASSERT_TRUE(endpoint);
  EXPECT_EQ(endpoint->host, "::1");
  EXPECT_EQ(endpoint->port, "5");
  EXPECT_EQ(parse_endpoint("tcp://[::1]")->host, "::1");
}

TEST(Endpoint, ssh_has_user_and_port) {
  const auto endpoint = parse_endpoint("ssh://me@host:22");
  ASSERT_TRUE(endpoint);
  EXPECT_EQ(endpoint->ssh_target, "me@host");
  EXPECT_EQ(endpoint->ssh_port, "22");
}

TEST(Endpoint, an_ssh_target_cannot_be_an_option) {
  EXPECT_FALSE(parse_endpoint("ssh://-oProxyCommand=x"));
  EXPECT_FALSE(parse_endpoint("ssh://h:-x"));
}

TEST(Endpoint, what_is_none_is_refused) {
  for (const char* text : {"", "x", "unix://", "fd://3", "npipe:////./pipe/x", "tcp://h:0",
                           "tcp://h:70000", "tcp://h:x"}) {
    EXPECT_FALSE(parse_endpoint(text)) << text;
  }
}

TEST(Endpoint, nobody_listening_has_docker_words) {
  const auto connected = connect(*parse_endpoint("unix:///nonexistent/x.sock"));
  ASSERT_FALSE(connected);
  EXPECT_EQ(connected.error().message(),
            "Cannot connect to the Docker daemon at unix:///nonexistent/x.sock. Is the docker "
            "daemon running?");
  EXPECT_EQ(connected.error().kind(), ErrorKind::Unavailable);
}

TEST(Endpoint, an_unknown_name_is_an_error_that_says_so) {
  const auto connected = connect(*parse_endpoint("tcp://no-such-host.invalid:1"));
  ASSERT_FALSE(connected);
  EXPECT_NE(connected.error().message().find("no-such-host.invalid"), std::string::npos);
}

}  // namespace
}  // namespace wherry::client
