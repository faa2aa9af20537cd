#include "cli/output.h"

#include <gtest/gtest.h>

#include "cli/human.h"
#include "cli/inspect_text.h"
#include "cli/ports.h"
#include "client/engine.h"

namespace wherry::cli {
namespace {

using Lines = std::vector<std::string>;

TEST(Align, columns_are_as_wide_as_their_widest_cell) {
  EXPECT_EQ(align(Lines{"ID\tNAME", "a\tfirst", "long identifier\tx"}, {.width = 0, .padding = 3}),
            "ID                NAME\na                 first\nlong identifier   x\n");
}

TEST(Align, a_column_has_a_least_width) {
  EXPECT_EQ(align(Lines{"TAG\tX", "a\tb"}, {.width = 10, .padding = 3}),
            "TAG       X\na         b\n");
}

TEST(Align, the_last_cell_is_not_padded) {
  EXPECT_EQ(align(Lines{"a\tb\t", "a\tb\tc"}, {.width = 4, .padding = 1}), "a   b   \na   b   c\n");
}

TEST(Align, characters_are_counted_not_bytes) {
  EXPECT_EQ(align(Lines{"ab…\tx", "abcd\ty"}, {.width = 0, .padding = 1}), "ab…  x\nabcd y\n");
}

TEST(Align, a_line_without_that_cell_ends_the_column) {
  EXPECT_EQ(align(Lines{" A:\tx", "title", " Long name:\ty"}, {.width = 5, .padding = 1}),
            " A:  x\ntitle\n Long name: y\n");
}

TEST(HumanSize, has_three_digits_and_powers_of_1000) {
  EXPECT_EQ(human_size(0), "0B");
  EXPECT_EQ(human_size(999), "999B");
  EXPECT_EQ(human_size(1234), "1.23kB");
  EXPECT_EQ(human_size(7377152), "7.38MB");
  EXPECT_EQ(human_size(7377152, 4), "7.377MB");
  EXPECT_EQ(human_size(1234567890), "1.23GB");
  EXPECT_EQ(binary_size(25282052096.0), "23.55GiB");
}

struct Age {
  int seconds;
  const char* text;
};
class HumanDuration : public testing::TestWithParam<Age> {};
TEST_P(HumanDuration, is_dockers) {
  EXPECT_EQ(human_duration(std::chrono::seconds(GetParam().seconds)), GetParam().text);
}
INSTANTIATE_TEST_SUITE_P(Ages, HumanDuration,
                         testing::Values(Age{0, "Less than a second"}, Age{1, "1 second"},
                                         Age{59, "59 seconds"}, Age{60, "About a minute"},
                                         Age{119, "About a minute"}, Age{120, "2 minutes"},
                                         Age{3599, "59 minutes"}, Age{3600, "About an hour"},
                                         Age{7200, "2 hours"}, Age{86400, "24 hours"},
                                         Age{172800, "2 days"}, Age{1209600, "2 weeks"},
                                         Age{5184000, "2 months"}, Age{63072000, "2 years"}));

TEST(Ellipsis, cuts_by_characters) {
  EXPECT_EQ(ellipsis("short", 20), "short");
  EXPECT_EQ(ellipsis("sh -c 'sleep 1000000 and more'", 20), "sh -c 'sleep 100000…");
  EXPECT_EQ(ellipsis("äöüäöü", 3), "äö…");
}

TEST(ShortId, drops_the_algorithm) {
  EXPECT_EQ(short_id("sha256:1234567890abcdef"), "1234567890ab");
  EXPECT_EQ(short_id("abc"), "abc");
}

std::string ports(std::string_view json) {
  return displayable_ports(*client::parse_json(json));
}

TEST(DisplayablePorts, neighbours_become_ranges) {
  EXPECT_EQ(
      ports(
          R"([{"PrivatePort":80,"Type":"tcp"},{"PrivatePort":81,"Type":"tcp"},{"PrivatePort":53,"Type":"udp"}])"),
      "53/udp, 80-81/tcp");
  EXPECT_EQ(
      ports(
          R"([{"IP":"0.0.0.0","PrivatePort":1,"PublicPort":1,"Type":"tcp"},{"IP":"0.0.0.0","PrivatePort":2,"PublicPort":2,"Type":"tcp"}])"),
      "0.0.0.0:1-2->1-2/tcp");
  EXPECT_EQ(ports(R"([{"IP":"::","PrivatePort":443,"PublicPort":8443,"Type":"tcp"}])"),
            "[::]:8443->443/tcp");
  EXPECT_EQ(ports("null"), "");
}

TEST(ParseFilters, names_are_lower_case_and_values_collected) {
  const auto filters = parse_filters({"Label=a", " label = b=c ", "status=up"});
  EXPECT_EQ(filters.at("label"), (Lines{"a", "b=c"}));
  EXPECT_EQ(filters.at("status"), Lines{"up"});
}

TEST(IndentList, is_gos_json_indent) {
  EXPECT_EQ(indent_list({}), "[]\n");
  EXPECT_EQ(indent_list({R"({"a":1,"b":[],"c":{},"d":["x,{\"",2.50]})"}),
            "[\n    {\n        \"a\": 1,\n        \"b\": [],\n        \"c\": {},\n        \"d\": "
            "[\n            \"x,{\\\"\",\n"
            "            2.50\n        ]\n    }\n]\n");
}

TEST(IndentList, broken_json_is_copied_without_harm) {
  EXPECT_FALSE(indent_list({"\"open"}).empty());
  EXPECT_FALSE(indent_list({"]]]]}}\\"}).empty());
}

}  // namespace
}  // namespace wherry::cli
