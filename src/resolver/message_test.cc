#include "resolver/message.h"

#include <gtest/gtest.h>

#include "resolver/testing.h"

namespace wherry::resolver {
namespace {

using testing::make_query;

TEST(ParseQuery, reads_the_question_in_lower_case) {
  const std::string packet = make_query({.name = "Web.Example", .type = 28, .id = 0x1234});
  const auto query = parse_query(packet);
  ASSERT_TRUE(query);
  EXPECT_EQ(query->id, 0x1234);
  EXPECT_EQ(query->name, "web.example");
  EXPECT_EQ(query->type, 28);
  EXPECT_EQ(query->question_class, kClassIn);
  EXPECT_EQ(query->question_end, packet.size());
  EXPECT_EQ(query->udp_bytes, 512U);
}

TEST(ParseQuery, takes_the_size_of_edns_within_bounds) {
  EXPECT_EQ(parse_query(make_query({.name = "a", .edns_bytes = 1232}))->udp_bytes, 1232U);
  EXPECT_EQ(parse_query(make_query({.name = "a", .edns_bytes = 100}))->udp_bytes, 512U);
  EXPECT_EQ(parse_query(make_query({.name = "a", .edns_bytes = 65535}))->udp_bytes, 4096U);
}

TEST(ParseQuery, the_root_has_an_empty_name) {
  EXPECT_EQ(parse_query(make_query({.name = ""}))->name, "");
}

TEST(ParseQuery, a_dot_inside_a_label_is_no_separator) {
  std::string packet = make_query({.name = "aXb"});
  packet[kHeaderBytes + 2] = '.';
  EXPECT_EQ(parse_query(packet)->name, std::string("a\0b", 3));
}

TEST(ParseQuery, every_cut_of_a_packet_is_refused) {
  const std::string packet = make_query({.name = "web.example", .edns_bytes = 1232});
  for (std::size_t size = 0; size < packet.size(); ++size)
    EXPECT_FALSE(parse_query(packet.substr(0, size))) << size;
  EXPECT_TRUE(parse_query(packet));
}

TEST(ParseQuery, refuses_what_is_not_one_plain_question) {
  const std::string good = make_query({.name = "web"});
  std::string response = good;
  response[2] = static_cast<char>(0x81);
  EXPECT_FALSE(parse_query(response));
  EXPECT_FALSE(id_to_answer(response));
  std::string two = good;
  write_u16(two, 4, 2);
  EXPECT_FALSE(parse_query(two));
  std::string compressed = good;
  compressed[kHeaderBytes] = static_cast<char>(0xc0);
  EXPECT_FALSE(parse_query(compressed));
  std::string notify = good;
  notify[2] = 0x20;
  EXPECT_EQ(parse_query(notify).error().kind(), ErrorKind::NotImplemented);
}

TEST(ParseQuery, a_name_has_at_most_255_bytes) {
  const std::string label(62, 'x');
  const std::string longest = label + "." + label + "." + label + "." + label;
  EXPECT_TRUE(parse_query(make_query({.name = longest})));
  EXPECT_FALSE(parse_query(make_query({.name = longest + ".abcd"})));
}

TEST(MakeAnswer, repeats_id_and_question_and_points_to_it) {
  const std::string packet = make_query({.name = "web", .id = 7});
  const auto query = parse_query(packet);
  const std::string answer =
      make_answer(packet, *query, {.ipv4 = {{172, 18, 0, 2}}, .ttl_s = 600}, 512);
  const auto read = testing::read_answer(answer);
  EXPECT_EQ(read.id, 7);
  EXPECT_EQ(read.rcode, Rcode::NoError);
  EXPECT_EQ(read.ipv4, std::vector<std::string>{"172.18.0.2"});
  EXPECT_EQ(read.ttl_s, 600U);
  EXPECT_EQ(answer.substr(kHeaderBytes, query->question_end - kHeaderBytes),
            packet.substr(kHeaderBytes));
  // QR, RD as asked, RA.
  EXPECT_EQ(read_u16(answer, 2), 0x8180);
}

TEST(MakeAnswer, answers_edns_with_edns) {
  const std::string packet = make_query({.name = "web", .edns_bytes = 1232});
  const std::string answer = make_answer(packet, *parse_query(packet), {}, 1232);
  EXPECT_EQ(read_u16(answer, 10), 1);
  EXPECT_EQ(answer.size(), packet.size());
}

TEST(MakeAnswer, says_when_not_all_fits) {
  const std::string packet = make_query({.name = "web"});
  Answers answers;
  answers.ipv4.resize(100);
  const std::string cut = make_answer(packet, *parse_query(packet), answers, 512);
  EXPECT_LE(cut.size(), 512U);
  EXPECT_TRUE(testing::read_answer(cut).truncated);
  const std::string whole = make_answer(packet, *parse_query(packet), answers, kLargestMessage);
  EXPECT_FALSE(testing::read_answer(whole).truncated);
  EXPECT_EQ(testing::read_answer(whole).ipv4.size(), 100U);
}

TEST(ReverseAddress, reads_both_families) {
  EXPECT_EQ(reverse_address("2.0.18.172.in-addr.arpa"), parse_address("172.18.0.2"));
  EXPECT_EQ(reverse_address("1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2."
                            "ip6.arpa"),
            parse_address("2001:db8::1"));
  for (const char* wrong : {"2.0.18.in-addr.arpa", "2.0.18.300.in-addr.arpa", "x.0.18.172.in-addr.arpa",
                            "1.2.ip6.arpa", "172.18.0.2", ".in-addr.arpa"})
    EXPECT_FALSE(reverse_address(wrong)) << wrong;
}

TEST(ParseResponse, finds_every_ttl_and_the_least) {
  const std::string packet = make_query({.name = "web"});
  const auto query = parse_query(packet);
  std::string answer = make_answer(packet, *query, {.ipv4 = {{1, 1, 1, 1}, {1, 1, 1, 2}}, .ttl_s = 60}, 512);
  const auto response = parse_response(answer, packet, *query);
  ASSERT_TRUE(response);
  ASSERT_EQ(response->ttl_places.size(), 2U);
  write_u32(answer, response->ttl_places[1], 5);
  EXPECT_EQ(parse_response(answer, packet, *query)->ttl_s, 5U);
}

TEST(ParseResponse, every_cut_is_refused) {
  const std::string packet = make_query({.name = "web", .edns_bytes = 1232});
  const auto query = parse_query(packet);
  const std::string answer = make_answer(packet, *query, {.ipv4 = {{1, 1, 1, 1}}, .ttl_s = 60}, 512);
  for (std::size_t size = 0; size < answer.size(); ++size)
    EXPECT_FALSE(parse_response(answer.substr(0, size), packet, *query)) << size;
}

TEST(ParseResponse, another_question_is_refused_but_its_case_may_differ) {
  const std::string packet = make_query({.name = "Web"});
  const auto query = parse_query(packet);
  const auto answer_to = [](const char* name) {
    const std::string other = make_query({.name = name});
    return make_answer(other, *parse_query(other), {.ipv4 = {{1, 1, 1, 1}}, .ttl_s = 1}, 512);
  };
  EXPECT_TRUE(parse_response(answer_to("web"), packet, *query));
  EXPECT_FALSE(parse_response(answer_to("wep"), packet, *query));
  EXPECT_FALSE(parse_response(packet, packet, *query));
}

TEST(ParseResponse, a_negative_answer_is_kept_as_its_soa_says) {
  const std::string packet = make_query({.name = "web"});
  const auto query = parse_query(packet);
  EXPECT_EQ(parse_response(testing::negative_answer(packet, *query, {.ttl_s = 300, .minimum_s = 30}), packet, *query)->ttl_s, 30U);
  EXPECT_EQ(parse_response(testing::negative_answer(packet, *query, {.ttl_s = 20, .minimum_s = 30}), packet, *query)->ttl_s, 20U);
  const std::string bare = make_answer(packet, *query, {.rcode = Rcode::NxDomain}, 512);
  EXPECT_FALSE(parse_response(bare, packet, *query)->ttl_s);
}

TEST(ParseResponse, failures_are_not_kept) {
  const std::string packet = make_query({.name = "web"});
  const auto query = parse_query(packet);
  const std::string answer = make_answer(
      packet, *query, {.rcode = Rcode::ServFail, .ipv4 = {{1, 1, 1, 1}}, .ttl_s = 60}, 512);
  EXPECT_FALSE(parse_response(answer, packet, *query)->ttl_s);
}

}  // namespace
}  // namespace wherry::resolver
