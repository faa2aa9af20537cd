#include "http/parser.h"

#include <gtest/gtest.h>

#include <array>

namespace wherry::http {
namespace {

constexpr std::size_t kHeadLimit = 4096;

Parsed<bool> head_of(std::string_view text) {
  RequestParser parser(kHeadLimit);
  auto done = parser.read_head(text);
  if (!done || !*done) return done;
  if (auto request = parser.request(); !request) return std::unexpected(request.error());
  return true;
}

int status_of(std::string_view text) {
  const auto done = head_of(text);
  return done ? 200 : done.error().status;
}

TEST(RequestParser, takes_a_request_byte_by_byte) {
  const std::string text =
      "POST /v1.24/a%20b?x=1 HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc";
  RequestParser parser(kHeadLimit);
  std::string pending;
  std::string body;
  bool head = false;
  for (const char c : text) {
    pending += c;
    std::string_view bytes = pending;
    if (!head) head = *parser.read_head(bytes);
    std::array<char, 8> out{};
    if (head) body.append(out.data(), *parser.read_body(bytes, out));
    pending.erase(0, pending.size() - bytes.size());
  }
  ASSERT_TRUE(head);
  const auto request = parser.request();
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(request->path, "/v1.24/a b");
  EXPECT_EQ(request->query, "x=1");
  EXPECT_EQ(request->header("content-LENGTH"), "3");
  EXPECT_TRUE(request->has_body);
  EXPECT_EQ(body, "abc");
  EXPECT_TRUE(parser.body_done());
}

TEST(RequestParser, joins_chunks_and_leaves_the_next_request_alone) {
  std::string_view bytes =
      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\nGET";
  RequestParser parser(kHeadLimit);
  ASSERT_TRUE(*parser.read_head(bytes));
  std::string body;
  std::array<char, 2> out{};
  while (!parser.body_done()) {
    const auto got = parser.read_body(bytes, out);
    ASSERT_TRUE(got.has_value()) << got.error().text;
    body.append(out.data(), *got);
  }
  EXPECT_EQ(body, "abcde");
  EXPECT_EQ(bytes, "GET");
}

TEST(RequestParser, takes_chunks_in_pieces_of_any_size) {
  const std::string text =
      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
      "1\r\na\r\n3;x=y\r\nbcd\r\n0;last\r\nTrailer: 1\r\n\r\n";
  for (const std::string& body_text : {text, text.substr(0, text.find("1\r\na")) + "0\r\n\r\n"})
    for (std::size_t piece = 1; piece < 9; ++piece) {
      RequestParser parser(kHeadLimit);
      std::string pending;
      std::string body;
      bool head = false;
      for (std::size_t at = 0; at < body_text.size(); at += piece) {
        pending += body_text.substr(at, piece);
        std::string_view bytes = pending;
        if (!head) head = *parser.read_head(bytes);
        std::array<char, 8> out{};
        if (head) body.append(out.data(), *parser.read_body(bytes, out));
        pending.erase(0, pending.size() - bytes.size());
      }
      EXPECT_TRUE(parser.body_done()) << piece;
      EXPECT_EQ(body, body_text == text ? "abcd" : "") << piece;
    }
}

TEST(RequestParser, gives_what_came_of_a_chunk_before_the_rest_comes) {
  std::string_view bytes = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nxy";
  RequestParser parser(kHeadLimit);
  ASSERT_TRUE(*parser.read_head(bytes));
  std::array<char, 8> out{};
  EXPECT_EQ(*parser.read_body(bytes, out), 2U);
}

TEST(RequestParser, refuses_length_beside_chunks) {
  EXPECT_EQ(status_of("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: "
                      "chunked\r\n\r\n"),
            400);
  EXPECT_EQ(
      status_of("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n"),
      400);
}

TEST(RequestParser, refuses_what_is_no_http) {
  EXPECT_EQ(status_of("\x16\x03\x01\x02 hello\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost : h\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nA: b\r\n\r\n"), 400);  // no Host
  EXPECT_EQ(status_of("GET http://h/ HTTP/1.1\r\nHost: h\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET /%0 HTTP/1.1\r\nHost: h\r\n\r\n"), 400);
}

TEST(RequestParser, refuses_a_head_above_its_limit) {
  const std::string line = "A: " + std::string(100, 'x') + "\r\n";
  std::string text = "GET / HTTP/1.1\r\nHost: h\r\n";
  while (text.size() < 2 * kHeadLimit) text += line;
  EXPECT_EQ(status_of(text + "\r\n"), 431);
}

TEST(RequestParser, refuses_an_announced_body_above_the_limit) {
  std::string_view bytes = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n";
  RequestParser parser(kHeadLimit);
  ASSERT_TRUE(*parser.read_head(bytes));
  const auto fits = parser.limit_body(10);
  ASSERT_FALSE(fits.has_value());
  EXPECT_EQ(fits.error().status, 413);
}

TEST(RequestParser, refuses_chunks_above_the_limit) {
  std::string_view bytes =
      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: "
      "chunked\r\n\r\nb\r\n01234567890\r\n0\r\n\r\n";
  RequestParser parser(kHeadLimit);
  ASSERT_TRUE(*parser.read_head(bytes));
  ASSERT_TRUE(parser.limit_body(10).has_value());
  std::array<char, 64> out{};
  const auto got = parser.read_body(bytes, out);
  ASSERT_FALSE(got.has_value());
  EXPECT_EQ(got.error().status, 413);
}

}  // namespace
}  // namespace wherry::http
