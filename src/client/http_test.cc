// HttpConnection against a peer that says whatever the test wants.
#include "client/http.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <memory>
#include <string>
#include <thread>

#include "sys/fd.h"
#include "sys/socket.h"

namespace wherry::client {
namespace {

// A connection whose peer has already said `bytes` and closed.
struct Peer {
  explicit Peer(const std::string& bytes, bool close = true) {
    auto pair = sys::make_socket_pair(SOCK_STREAM);
    connection = std::make_unique<HttpConnection>(std::move(pair->first));
    other = std::move(pair->second);
    EXPECT_TRUE(sys::write_all(other, bytes));
    if (close) ::shutdown(other.get(), SHUT_WR);
  }
  std::string received() const {
    std::string bytes(65536, '\0');
    const ssize_t got = ::recv(other.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return bytes;
  }
  std::unique_ptr<HttpConnection> connection;
  sys::Fd other;
};

Request get() {
  return {.method = "GET", .target = "/x", .host = "h"};
}

TEST(HttpConnection, sends_a_request_in_docker_form) {
  Peer peer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  Request request{.method = "POST", .target = "/v1.50/a?b=1", .host = "api.moby.localhost"};
  request.headers = {{"User-Agent", "u"}};
  request.body = "{}";
  ASSERT_TRUE(peer.connection->exchange(request));
  EXPECT_EQ(peer.received(),
            "POST /v1.50/a?b=1 HTTP/1.1\r\nHost: api.moby.localhost\r\nUser-Agent: "
            "u\r\nContent-Length: 2\r\n\r\n{}");
}

TEST(HttpConnection, a_post_without_a_body_has_length_zero) {
  Peer peer("HTTP/1.1 204 No Content\r\n\r\n");
  ASSERT_TRUE(peer.connection->exchange({.method = "POST", .target = "/", .host = "h"}));
  EXPECT_NE(peer.received().find("Content-Length: 0\r\n"), std::string::npos);
}

TEST(HttpConnection, reads_a_body_by_its_length_and_may_be_used_again) {
  Peer peer(
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 404 Not Found\r\nContent-Length: "
      "2\r\n\r\nno");
  ASSERT_EQ(peer.connection->exchange(get())->status, 200);
  EXPECT_EQ(*peer.connection->read_body(100), "hello");
  EXPECT_TRUE(peer.connection->reusable());
  ASSERT_EQ(peer.connection->exchange(get())->status, 404);
  EXPECT_EQ(*peer.connection->read_body(100), "no");
}

TEST(HttpConnection, reads_chunks_with_extensions_and_trailers) {
  Peer peer(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: "
      "chunked\r\n\r\n3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nT: v\r\n\r\n");
  ASSERT_TRUE(peer.connection->exchange(get()));
  EXPECT_EQ(*peer.connection->read_body(100), "abc0123456789");
  EXPECT_TRUE(peer.connection->reusable());
}

TEST(HttpConnection, a_body_without_a_length_ends_with_the_stream) {
  Peer peer("HTTP/1.1 200 OK\r\n\r\nall of it");
  ASSERT_TRUE(peer.connection->exchange(get()));
  EXPECT_EQ(*peer.connection->read_body(100), "all of it");
  EXPECT_FALSE(peer.connection->reusable());
}

TEST(HttpConnection, connection_close_is_not_used_again) {
  Peer peer("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  ASSERT_TRUE(peer.connection->exchange(get()));
  EXPECT_FALSE(peer.connection->reusable());
}

TEST(HttpConnection, head_has_no_body_whatever_its_length) {
  Peer peer("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n");
  ASSERT_TRUE(peer.connection->exchange({.method = "HEAD", .target = "/", .host = "h"}));
  EXPECT_EQ(*peer.connection->read_body(100), "");
}

TEST(HttpConnection, skips_100_continue) {
  Peer peer("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(peer.connection->exchange(get())->status, 201);
}

TEST(HttpConnection, header_names_have_no_case) {
  Peer peer("HTTP/1.1 200 OK\r\nAPI-version:  1.51 \r\ncontent-length: 0\r\n\r\n");
  EXPECT_EQ(peer.connection->exchange(get())->header("api-version"), "1.51");
}

TEST(HttpConnection, hijack_hands_over_what_came_behind_the_head) {
  Peer peer("HTTP/1.1 101 UPGRADED\r\nUpgrade: tcp\r\n\r\nraw bytes", false);
  ASSERT_EQ(peer.connection->exchange(get())->status, 101);
  auto raw = std::move(*peer.connection).hijack();
  EXPECT_EQ(raw.received, "raw bytes");
  ASSERT_TRUE(sys::write_all(raw.socket, "back"));
  EXPECT_NE(peer.received().find("back"), std::string::npos);
}

TEST(HttpConnection, sends_chunks_from_a_source) {
  Peer peer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  Request request{.method = "POST", .target = "/load", .host = "h"};
  int calls = 0;
  request.body_source = [&calls]() -> Result<std::string> {
    return std::string(calls++ == 0 ? "tar" : "");
  };
  ASSERT_TRUE(peer.connection->exchange(request));
  EXPECT_NE(peer.received().find("Transfer-Encoding: chunked\r\n\r\n3\r\ntar\r\n0\r\n\r\n"),
            std::string::npos);
}

TEST(HttpConnection, a_failing_source_is_the_error) {
  Peer peer("");
  Request request{.method = "POST", .target = "/", .host = "h"};
  request.body_source = []() -> Result<std::string> { return Error::internal("disk"); };
  EXPECT_EQ(peer.connection->exchange(request).error().message(), "disk");
}

class BadAnswer : public testing::TestWithParam<const char*> {};

TEST_P(BadAnswer, is_an_error) {
  Peer peer(GetParam());
  auto head = peer.connection->exchange(get());
  const bool refused = !head || !peer.connection->read_body(1000);
  EXPECT_TRUE(refused);
}

INSTANTIATE_TEST_SUITE_P(
    HttpConnection, BadAnswer,
    testing::Values("", "garbage\r\n\r\n", "HTTP/2 200 OK\r\n\r\n", "HTTP/1.1 2x0 OK\r\n\r\n",
                    "HTTP/1.1 2000 OK\r\n\r\n", "HTTP/1.1 099 OK\r\n\r\n",
                    "HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "HTTP/1.1 200 OK\r\n: empty\r\n\r\n",
                    "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
                    "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
                    "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
                    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
                    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
                    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcXX\r\n0\r\n\r\n",
                    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab"));

TEST(HttpConnection, a_head_without_end_is_refused_at_its_limit) {
  auto pair = sys::make_socket_pair(SOCK_STREAM);
  auto connection = std::make_unique<HttpConnection>(std::move(pair->first));
  std::thread flood([socket = std::move(pair->second)] {
    static_cast<void>(sys::write_all(socket, "HTTP/1.1 200 OK\r\nX: "));
    const std::string block(4096, 'x');
    for (int i = 0; i < 64; ++i) {
      if (::send(socket.get(), block.data(), block.size(), MSG_NOSIGNAL) < 0) return;
    }
  });
  EXPECT_FALSE(connection->exchange(get()));
  connection.reset();  // lets the peer fail where it waits
  flood.join();
}

TEST(HttpConnection, too_many_header_lines_are_refused) {
  std::string answer = "HTTP/1.1 200 OK\r\n";
  for (int i = 0; i < 500; ++i) answer += "a: b\r\n";
  Peer peer(answer + "\r\n");
  EXPECT_FALSE(peer.connection->exchange(get()));
}

TEST(HttpConnection, a_body_past_its_limit_is_refused) {
  Peer peer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
  ASSERT_TRUE(peer.connection->exchange(get()));
  EXPECT_FALSE(peer.connection->read_body(4));
}

TEST(Escape, query_is_as_go_writes_it) {
  EXPECT_EQ(query_escape("docker.io/library/a b~_-+"), "docker.io%2Flibrary%2Fa+b~_-%2B");
}

TEST(Escape, a_path_cannot_become_a_query_or_another_line) {
  EXPECT_EQ(path_escape("/images/localhost:5000/a/json"), "/images/localhost:5000/a/json");
  EXPECT_EQ(path_escape("/a?b#c\r\n d%"), "/a%3Fb%23c%0D%0A%20d%25");
}

}  // namespace
}  // namespace wherry::client
