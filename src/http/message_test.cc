#include "http/message.h"

#include <gtest/gtest.h>

#include "http/query.h"

namespace wherry::http {
namespace {

TEST(Head, has_a_length_and_no_connection_header_on_keep_alive) {
  const std::string head =
      write_head({.status = 200, .content_type = "text/plain", .body = {}, .headers = {{"A", "b"}}},
                 {.framing = Framing::Length, .length = 2, .close = false});
  EXPECT_TRUE(head.starts_with("HTTP/1.1 200 OK\r\nA: b\r\nContent-Type: text/plain\r\nDate: "));
  EXPECT_TRUE(head.ends_with("\r\nContent-Length: 2\r\n\r\n"));
  EXPECT_EQ(head.find("Connection"), std::string::npos);
}

TEST(Head, leaves_the_length_out_where_http_forbids_a_body) {
  EXPECT_EQ(write_head({.status = 204}, {}).find("Content-Length"), std::string::npos);
  EXPECT_EQ(write_head({.status = 304}, {}).find("Content-Length"), std::string::npos);
}

TEST(Head, cannot_be_split_by_a_header_value) {
  const std::string head = write_head(
      {.status = 200, .content_type = {}, .body = {}, .headers = {{"X", "a\r\nEvil: 1"}}}, {});
  EXPECT_EQ(head.find("\r\nEvil"), std::string::npos);
}

TEST(Query, decodes_as_go_does) {
  const auto query = Query::parse("a=1&b=x+y%2Fz&a=2&c");
  ASSERT_TRUE(query.has_value());
  EXPECT_EQ(query->get("a"), "1");
  EXPECT_EQ(query->all("a"), (std::vector<std::string>{"1", "2"}));
  EXPECT_EQ(query->get("b"), "x y/z");
  EXPECT_TRUE(query->has("c"));
  EXPECT_FALSE(query->has("d"));
}

TEST(Query, refuses_broken_escapes_and_semicolons) {
  EXPECT_FALSE(Query::parse("a=%").has_value());
  EXPECT_FALSE(Query::parse("a=%4").has_value());
  EXPECT_FALSE(Query::parse("a=%zz").has_value());
  EXPECT_FALSE(Query::parse("a=1;b=2").has_value());
}

TEST(Path, keeps_plus_and_refuses_nul) {
  EXPECT_EQ(*decode_path("/a+b%2Fc"), "/a+b/c");
  EXPECT_FALSE(decode_path("/a%00").has_value());
}

TEST(Component, survives_a_round_trip) {
  const std::string text = "a b/c?d=é&%";
  EXPECT_EQ(*decode_component(encode_component(text)), text);
}

}  // namespace
}  // namespace wherry::http
