// A Go text/template for --format: fields, variables, pipelines, if/else, with, range, and
// docker's functions (json, join, split, lower, upper, title, pad, truncate) beside Go's own.
// Errors have the words of Go's library. Depth and output are bounded by the template's size
// and the data. Thread rule: a parsed template is immutable.
#pragma once

#include <boost/json/value.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace wherry::cli {

// What docker's info and version exit with when a template fails.
inline constexpr int kTemplateErrorCode = 64;

struct TemplateOptions {
  std::string name;  // in messages: `template: <name>:1:2: executing "<name>" at ...`
  // What a field that is not there is called: Go's maps and structs differ.
  // nullopt: `map has no entry for key "X"`, else `can't evaluate field X in type <type>`.
  std::optional<std::string> struct_type;
  // {{.Label "x"}}: a method of the top value. nullopt: there is none of that name.
  std::function<std::optional<std::string>(std::string_view name,
                                           const std::vector<std::string>& arguments)>
      method;
};

namespace detail {
struct TemplateNode;
}

class GoTemplate {
 public:
  // Error: `template: :1: unclosed action` and the like.
  static Result<GoTemplate> parse(std::string_view text, TemplateOptions options);

  [[nodiscard]] Result<std::string> execute(const boost::json::value& data) const;
  // Every field name that stands in the template, for headings: {{.ID}} has "ID".
  [[nodiscard]] bool mentions_field(std::string_view name) const;

 private:
  std::shared_ptr<const detail::TemplateNode> root_;
  std::shared_ptr<const std::string> text_;
  TemplateOptions options_;
};

// Go's %v of a JSON value.
std::string go_print(const boost::json::value& value);
// The `json` function: Go's encoding without the HTML escapes.
std::string go_json(const boost::json::value& value);

}  // namespace wherry::cli
