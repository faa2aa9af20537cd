#include "spec/json.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

namespace wherry {
namespace {

struct Inner {
  std::int64_t count = 0;
};
struct Outer {
  std::string name;
  std::optional<bool> flag;
  std::optional<std::vector<std::string>> list;
  std::vector<Inner> inners;
  std::map<std::string, std::string> labels;
  std::uint8_t small = 0;
};

}  // namespace

template <>
struct json::Describe<Inner> {
  static constexpr auto fields = std::tuple{field("Count", &Inner::count)};
};
template <>
struct json::Describe<Outer> {
  static constexpr auto fields =
      std::tuple{field("Name", &Outer::name),       omit_empty("Flag", &Outer::flag),
                 field("List", &Outer::list),       omit_empty("Inners", &Outer::inners),
                 omit_empty("Labels", &Outer::labels), omit_empty("Small", &Outer::small)};
};

namespace {

TEST(Json, writes_null_for_an_unset_slice_and_omits_empty_fields) {
  EXPECT_EQ(json::write(Outer{}), R"({"Name":"","List":null})");
}

TEST(Json, keeps_a_set_pointer_to_false) {
  Outer outer;
  outer.flag = false;
  EXPECT_EQ(json::write(outer), R"({"Name":"","Flag":false,"List":null})");
}

TEST(Json, matches_keys_without_regard_to_case_and_ignores_unknown_ones) {
  const auto outer = json::parse<Outer>(R"({"NAME":"x","other":[1,{}],"labels":{"a":"b"}})");
  ASSERT_TRUE(outer);
  EXPECT_EQ(outer->name, "x");
  EXPECT_EQ(outer->labels.at("a"), "b");
}

TEST(Json, null_is_the_zero_value) {
  const auto outer = json::parse<Outer>(R"({"Name":null,"Inners":null,"List":null})");
  ASSERT_TRUE(outer);
  EXPECT_FALSE(outer->list);
}

TEST(Json, names_the_path_of_a_wrong_member) {
  const auto outer = json::parse<Outer>(R"({"Inners":[{"Count":1},{"Count":"x"}]})");
  ASSERT_FALSE(outer);
  EXPECT_EQ(outer.error().message(), ".Inners[1].Count: expected number, got string");
}

TEST(Json, refuses_a_number_that_does_not_fit) {
  EXPECT_FALSE(json::parse<Outer>(R"({"Small":256})"));
  EXPECT_FALSE(json::parse<Outer>(R"({"Small":-1})"));
  EXPECT_FALSE(json::parse<Outer>(R"({"Small":1.5})"));
}

TEST(Json, refuses_trailing_data_and_deep_nesting) {
  EXPECT_EQ(json::parse_value("{} {}").error().message(), "unexpected content after JSON");
  EXPECT_FALSE(json::parse_value(std::string(200, '[') + std::string(200, ']')));
  EXPECT_FALSE(json::parse_value(""));
  EXPECT_FALSE(json::parse_value("{"));
}

TEST(Json, escapes_as_go_does) {
  EXPECT_EQ(json::write(std::string("<a&b>\n\x01\xff\u2028é")),
            R"("\u003ca\u0026b\u003e\n\u0001\ufffd\u2028é")");
}

TEST(Json, indents_as_go_does) {
  const auto value = json::parse_value(R"({"a":[],"b":[1,{}],"c":{"d":null}})");
  ASSERT_TRUE(value);
  EXPECT_EQ(json::write_indented(*value, "  "),
            "{\n  \"a\": [],\n  \"b\": [\n    1,\n    {}\n  ],\n  \"c\": {\n    \"d\": null\n  }\n}");
}

TEST(Json, writes_doubles_in_go_s_shortest_form) {
  EXPECT_EQ(json::write(1.5), "1.5");
  EXPECT_EQ(json::write(3.0), "3");
  EXPECT_EQ(json::write(0.1), "0.1");
  EXPECT_EQ(json::write(1e21), "1e+21");
  EXPECT_EQ(json::write(1e-7), "1e-7");
  EXPECT_EQ(json::write(0.00001), "0.00001");
  EXPECT_EQ(json::write(1e16), "10000000000000000");
  EXPECT_EQ(json::write(-1.5e20), "-150000000000000000000");
  EXPECT_EQ(json::write(12345678901234567168.0), "12345678901234567000");
}

TEST(Json, reads_the_nearest_double) {
  for (const std::string text : {"0.30000000000000004", "9007199254740993.5", "-0.000001234567",
                                 "2.2250738585072011e-308", "1.7976931348623157e+308", "-0"})
    EXPECT_EQ(json::parse_value(text)->to_number<double>(), std::strtod(text.c_str(), nullptr)) << text;
  EXPECT_EQ(json::parse_value("1e-999")->get_double(), 0);
  EXPECT_TRUE(std::signbit(json::parse_value("-0.0")->get_double()));
  EXPECT_EQ(json::write_value(*json::parse_value("-0")), "-0");
}

TEST(Json, keeps_whole_numbers_of_64_bits) {
  for (const std::string text : {"18446744073709551615", "-9223372036854775808", "9007199254740993"})
    EXPECT_EQ(json::write_value(*json::parse_value(text)), text);
}

// As infinity, it could not be written again.
TEST(Json, refuses_a_number_beyond_a_double) {
  EXPECT_FALSE(json::parse_value("1e309"));
  EXPECT_FALSE(json::parse_value(R"({"a":[-1e999]})"));
  EXPECT_FALSE(json::parse_value("1e99999999999999"));
}

TEST(Json, takes_the_last_of_two_members_with_one_name) {
  const auto value = json::parse_value(R"({"a":1,"b":2,"a":3})");
  ASSERT_TRUE(value);
  EXPECT_EQ(value->at("a").as_int64(), 3);
}

}  // namespace
}  // namespace wherry
