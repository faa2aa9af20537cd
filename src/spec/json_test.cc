#include "spec/json.h"

#include <gtest/gtest.h>

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
}

}  // namespace
}  // namespace wherry
