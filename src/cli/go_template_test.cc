#include "cli/go_template.h"

#include <gtest/gtest.h>

#include "client/engine.h"

namespace wherry::cli {
namespace {

constexpr std::string_view kData = R"({
  "Name": "/box", "Count": 3, "Ratio": 1.5, "Up": true, "Down": false, "Nothing": null,
  "Args": ["-c", "x <y>"], "Empty": [], "Labels": {"b.c": "two", "a": "1"},
  "State": {"Status": "running", "Pid": 42}, "Mounts": [{"T": "/a"}, {"T": "/b"}]})";

// What the template prints, or its error.
std::string run(std::string_view text, TemplateOptions options = {}) {
  const auto parsed = GoTemplate::parse(text, std::move(options));
  if (!parsed) return parsed.error().message();
  const auto data = client::parse_json(kData);
  const auto printed = parsed->execute(*data);
  return printed ? *printed : printed.error().message();
}

struct Case {
  const char* text;
  const char* printed;
};

class Template : public testing::TestWithParam<Case> {};

TEST_P(Template, prints_what_go_prints) {
  EXPECT_EQ(run(GetParam().text), GetParam().printed);
}

INSTANTIATE_TEST_SUITE_P(
    Fields, Template,
    testing::Values(Case{"plain", "plain"}, Case{"{{.Name}}", "/box"},
                    Case{"{{ .State.Pid }}", "42"}, Case{"{{.Ratio}} {{.Up}}", "1.5 true"},
                    Case{"{{.Args}}", "[-c x <y>]"}, Case{"{{.Labels}}", "map[a:1 b.c:two]"},
                    Case{"{{.Nothing}}", "[]"}, Case{"{{(index .Mounts 0).T}}", "/a"},
                    Case{"{{$.Name}}", "/box"}, Case{"a{{/* note */}}b", "ab"}));

INSTANTIATE_TEST_SUITE_P(Trim, Template,
                         testing::Values(Case{"a  {{- .Count -}}  b", "a3b"},
                                         Case{"a {{- /* x */ -}} b", "ab"},
                                         Case{"{{- \"q\" }} ", "q "}));

INSTANTIATE_TEST_SUITE_P(Branches, Template,
                         testing::Values(Case{"{{if .Up}}y{{else}}n{{end}}", "y"},
                                         Case{"{{if .Down}}y{{else}}n{{end}}", "n"},
                                         Case{"{{if .Empty}}y{{else if .Up}}z{{else}}n{{end}}",
                                              "z"},
                                         Case{"{{with .State}}{{.Pid}}{{end}}", "42"},
                                         Case{"{{with .Nothing}}x{{else}}-{{end}}", "-"},
                                         Case{"{{with $x := .State}}{{$x.Pid}}{{end}}", "42"},
                                         Case{"{{if and .Up (not .Down)}}y{{end}}", "y"},
                                         Case{"{{if or .Down .Up}}y{{end}}", "y"}));

INSTANTIATE_TEST_SUITE_P(
    Ranges, Template,
    testing::Values(Case{"{{range .Args}}<{{.}}>{{end}}", "<-c><x <y>>"},
                    Case{"{{range $i, $a := .Args}}{{$i}}={{$a}};{{end}}", "0=-c;1=x <y>;"},
                    Case{"{{range $k, $v := .Labels}}{{$k}}={{$v}};{{end}}", "a=1;b.c=two;"},
                    Case{"{{range .Empty}}x{{else}}none{{end}}", "none"},
                    Case{"{{range .Mounts}}{{.T}} {{end}}", "/a /b "},
                    Case{"{{range .Args}}{{.}}{{break}}{{end}}", "-c"},
                    Case{"{{range .Args}}{{if eq . \"-c\"}}{{continue}}{{end}}{{.}}{{end}}",
                         "x <y>"},
                    Case{"{{$n := 1}}{{range .Args}}{{$n = 2}}{{end}}{{$n}}", "2"}));

INSTANTIATE_TEST_SUITE_P(
    Functions, Template,
    testing::Values(
        Case{"{{json .Args}}", R"(["-c","x <y>"])"}, Case{"{{join .Args \",\"}}", "-c,x <y>"},
        Case{"{{.State.Status | upper}}", "RUNNING"}, Case{"{{title .State.Status}}", "Running"},
        Case{"{{lower \"ABC\"}}", "abc"}, Case{"{{len .Args}} {{len .Name}}", "2 4"},
        Case{"{{index .Labels \"b.c\"}}", "two"}, Case{"{{index .Args 1}}", "x <y>"},
        Case{"{{slice .Name 1 3}}", "bo"},
        Case{"{{printf \"%-6s|%3d|%q\" .Name .Count \"a\"}}", "/box  |  3|\"a\""},
        Case{"{{printf \"%.2f %v %%\" .Ratio .Up}}", "1.50 true %"},
        Case{"{{println .Count}}", "3\n"}, Case{"{{print .Count .Count}}", "3 3"},
        Case{"{{range split \"a-b\" \"-\"}}{{.}};{{end}}", "a;b;"},
        Case{"{{eq .Name \"/box\"}} {{eq .Count 1 3}} {{ne .Count 3}}", "true true false"},
        Case{"{{lt .Count 4}} {{le .Count 3}} {{gt .Count 4}} {{ge .Count 3}}",
             "true true false true"},
        Case{"{{pad .Name 1 2}}|", " /box  |"}, Case{"{{truncate .Name 2}}", "/b"},
        Case{"{{.Name | printf \"%s!\"}}", "/box!"}, Case{"{{`raw \\n`}}", "raw \\n"}));

INSTANTIATE_TEST_SUITE_P(
    Errors, Template,
    testing::Values(
        Case{"{{", "template: :1: unclosed action"},
        Case{"{{.Name", "template: :1: unclosed action"},
        Case{"{{if .Up}}x", "template: :1: unexpected EOF"},
        Case{"x{{end}}", "template: :1: unexpected {{end}}"},
        Case{"{{foo}}", "template: :1: function \"foo\" not defined"},
        Case{"{{.Foo}}",
             "template: :1:2: executing \"\" at <.Foo>: map has no entry for key \"Foo\""},
        Case{"ab {{.State.Foo}}",
             "template: :1:11: executing \"\" at <.State.Foo>: map has no entry for key \"Foo\""},
        Case{"\n{{.Foo}}",
             "template: :2:2: executing \"\" at <.Foo>: map has no entry for key \"Foo\""},
        Case{"{{.Name.X}}",
             "template: :1:7: executing \"\" at <.Name.X>: can't evaluate field X in type string"},
        Case{"{{slice .Name 0 9}}",
             "template: :1:2: executing \"\" at <slice .Name 0 9>: error calling slice: index out "
             "of range: 9"},
        Case{"{{.Name \"x\"}}",
             "template: :1:2: executing \"\" at <.Name>: .Name has arguments but cannot be invoked "
             "as function"},
        Case{"{{\"open", "template: :1: unterminated quoted string"},
        Case{"{{/* open", "template: :1: unclosed comment"}));

TEST(GoTemplate, a_struct_says_its_type_and_forgives_the_case_of_keys) {
  EXPECT_EQ(run("{{.NAME}}", {.struct_type = "x.Y"}), "/box");
  EXPECT_EQ(run("{{.Foo}}", {.name = "n", .struct_type = "x.Y"}),
            "template: n:1:2: executing \"n\" at <.Foo>: can't evaluate field Foo in type x.Y");
}

TEST(GoTemplate, calls_methods_with_arguments) {
  TemplateOptions options;
  options.method = [](std::string_view name,
                      const std::vector<std::string>& arguments) -> std::optional<std::string> {
    if (name != "Label" || arguments.size() != 1) return std::nullopt;
    return "value of " + arguments[0];
  };
  EXPECT_EQ(run("{{.Label \"a\"}}", options), "value of a");
}

TEST(GoTemplate, knows_which_fields_it_prints) {
  const auto parsed =
      GoTemplate::parse("{{if .A}}{{.B}}{{end}}{{range .C}}{{with .D}}x{{end}}{{end}}", {});
  for (const char* name : {"A", "B", "C", "D"}) EXPECT_TRUE(parsed->mentions_field(name)) << name;
  EXPECT_FALSE(parsed->mentions_field("E"));
  EXPECT_TRUE(GoTemplate::parse("{{json .}}", {})->mentions_field("E"));
}

TEST(GoTemplate, nesting_is_limited) {
  std::string deep;
  for (int i = 0; i < 5000; ++i) deep += "{{if .Up}}";
  EXPECT_FALSE(GoTemplate::parse(deep, {}));
  EXPECT_FALSE(GoTemplate::parse("{{" + std::string(5000, '(') + "}}", {}));
}

TEST(GoJson, leaves_html_alone_but_not_escapes) {
  EXPECT_EQ(go_json(boost::json::value("<a>&\\u003c")), R"("<a>&\\u003c")");
}

}  // namespace
}  // namespace wherry::cli
