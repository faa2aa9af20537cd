#include "api/params.h"

#include <gtest/gtest.h>

#include <limits>

#include "api/origin.h"
#include "api/streams.h"

namespace wherry::api {
namespace {

using Filters = std::map<std::string, std::vector<std::string>>;

TEST(Boolean, has_five_words_for_no) {
  for (const char* no : {"", "0", "no", "false", "none", "FALSE", " No "})
    EXPECT_FALSE(boolean(no)) << no;
  for (const char* yes : {"1", "true", "yes", "x", "2", "False0"}) EXPECT_TRUE(boolean(yes)) << yes;
}

TEST(Integer, is_gos_atoi) {
  const auto parse = [](const std::string& text) { return integer(*http::Query::parse("n=" + text), "n"); };
  EXPECT_EQ(**parse("5"), 5);
  EXPECT_EQ(**parse("-5"), -5);
  EXPECT_EQ(**parse("%2B5"), 5);
  EXPECT_EQ(**parse("-9223372036854775808"), std::numeric_limits<std::int64_t>::min());
  EXPECT_FALSE(*parse(""));
  for (const char* bad : {"--5", "%2B-5", "--9223372036854775808", "9223372036854775808", "5x", "0x5", "-", " 5"})
    EXPECT_FALSE(parse(bad).has_value()) << bad;
}

TEST(Timestamp, beyond_what_an_instant_holds_is_its_end) {
  const auto parse = [](const std::string& text) { return timestamp(*http::Query::parse("t=" + text), "t"); };
  EXPECT_FALSE(*parse(""));
  EXPECT_FALSE(*parse("0"));
  EXPECT_EQ(**parse("1.5"), Instant(std::chrono::milliseconds(1500)));
  // What docker's client makes of --until 9999-01-01 and of Go's zero time.
  EXPECT_EQ(**parse("253370764800.000000000"), Instant(std::chrono::seconds(9'000'000'000)));
  EXPECT_EQ(**parse("-62135596800.000000000"), Instant(std::chrono::seconds(-9'000'000'000)));
  EXPECT_FALSE(parse("soon").has_value());
}

TEST(Filters, come_in_two_encodings) {
  const Filters expected = {{"label", {"a=b", "c"}}, {"status", {"exited"}}};
  EXPECT_EQ(*filters(R"({"label":{"a=b":true,"c":true},"status":{"exited":true}})"), expected);
  EXPECT_EQ(*filters(R"({"label":["a=b","c"],"status":["exited"]})"), expected);
}

TEST(Filters, that_are_empty_are_none) {
  EXPECT_TRUE(filters("")->empty());
  EXPECT_TRUE(filters("{}")->empty());
  EXPECT_TRUE(filters("null")->empty());
  EXPECT_TRUE(filters(R"({"label":{"a":false}})")->empty());
}

TEST(Filters, that_cannot_be_read_are_refused) {
  for (const char* bad :
       {"[]", "x", R"({"a":1})", R"({"a":["b",2]})", R"({"a":{"b":"c"}})", R"({"a":)"}) {
    const auto got = filters(bad);
    ASSERT_FALSE(got.has_value()) << bad;
    EXPECT_EQ(got.error().kind(), ErrorKind::InvalidArgument);
  }
}

TEST(Base64, takes_both_alphabets_with_and_without_padding) {
  EXPECT_EQ(*decode_base64("e30="), "{}");
  EXPECT_EQ(*decode_base64("e30"), "{}");
  EXPECT_EQ(*decode_base64("-_8="), "\xfb\xff");
  EXPECT_EQ(*decode_base64("+/8="), "\xfb\xff");
  EXPECT_FALSE(decode_base64("e3*").has_value());
  EXPECT_FALSE(decode_base64("abcde").has_value());
}

TEST(RegistryAuth, is_empty_when_it_cannot_be_read) {
  EXPECT_TRUE(registry_auth("").username.empty());
  EXPECT_TRUE(registry_auth("e30=").username.empty());
  EXPECT_TRUE(registry_auth("!!!").username.empty());
  EXPECT_TRUE(registry_auth("bm90IGpzb24").username.empty());
}

TEST(RegistryAuth, reads_names_and_the_old_auth_member) {
  // {"username":"u","password":"p","serveraddress":"localhost:5000"}
  const auto config = registry_auth(
      "eyJ1c2VybmFtZSI6InUiLCJwYXNzd29yZCI6InAiLCJzZXJ2ZXJhZGRyZXNzIjoibG9jYWxob3N0OjUwMDAifQ==");
  EXPECT_EQ(config.username, "u");
  EXPECT_EQ(config.password, "p");
  EXPECT_EQ(config.server_address, "localhost:5000");
  // {"auth":"dTpwOnE="}, that is u:p:q
  const auto old = registry_auth("eyJhdXRoIjoiZFRwd09uRT0ifQ");
  EXPECT_EQ(old.username, "u");
  EXPECT_EQ(old.password, "p:q");
}

TEST(Integer, is_absent_negative_or_refused) {
  const auto query = *http::Query::parse("t=-1&u=7&v=x&w=");
  EXPECT_EQ(*integer(query, "t"), -1);
  EXPECT_EQ(*integer(query, "u"), 7);
  EXPECT_EQ(*integer(query, "w"), std::nullopt);
  EXPECT_EQ(*integer(query, "z"), std::nullopt);
  EXPECT_FALSE(integer(query, "v").has_value());
}

TEST(Timestamp, is_unix_seconds_with_a_fraction) {
  const auto query = *http::Query::parse("a=1700000000.000000001&b=0&c=yesterday");
  EXPECT_EQ(to_unix_nanos(**timestamp(query, "a")), 1700000000000000001);
  EXPECT_EQ(*timestamp(query, "b"), std::nullopt);
  EXPECT_FALSE(timestamp(query, "c").has_value());
}

TEST(Frame, has_eight_bytes_in_front) {
  EXPECT_EQ(frame(2, "abc"), std::string("\x02\0\0\0\0\0\0\x03"
                                         "abc",
                                         11));
  const std::string large = frame(1, std::string(0x10203, 'x'));
  EXPECT_EQ(large.substr(0, 8), std::string("\x01\0\0\0\0\x01\x02\x03", 8));
}

http::Request over(http::Transport transport, std::vector<http::Header> headers) {
  http::Request request;
  request.transport = transport;
  request.headers = std::move(headers);
  return request;
}

TEST(Origin, web_pages_cannot_reach_an_engine_over_tcp) {
  EXPECT_FALSE(check_origin(over(http::Transport::Tcp, {{"Host", "evil.example:2375"}})));
  EXPECT_FALSE(
      check_origin(over(http::Transport::Tcp, {{"Host", "127.0.0.1"}, {"Origin", "null"}})));
  EXPECT_TRUE(check_origin(over(http::Transport::Tcp, {{"Host", "127.0.0.1:2375"}})));
  EXPECT_TRUE(check_origin(over(http::Transport::Tcp, {{"Host", "[::1]:2375"}})));
  EXPECT_TRUE(check_origin(over(http::Transport::Tcp, {{"Host", "localhost:2375"}})));
  EXPECT_TRUE(
      check_origin(over(http::Transport::Unix, {{"Host", "evil.example"}, {"Origin", "x"}})));
}

}  // namespace
}  // namespace wherry::api
