// The parsed form of a Go template; only go_template*.cc include this.
#pragma once

#include <boost/json/value.hpp>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/go_template.h"

namespace wherry::cli::detail {

struct Pipeline;

// One operand: a literal, a function's name, or a start (".", "$x", "(...)") and fields of it.
struct Operand {
  enum class Kind : unsigned char { Dot, Variable, Parenthesis, Function, Literal };
  Kind kind = Kind::Dot;
  std::string name;  // Variable ("$x"), Function
  boost::json::value literal;
  std::shared_ptr<const Pipeline> inner;
  std::vector<std::string> fields;
  std::size_t position = 0;
  std::string source;  // as it stands in the template, for messages
};

struct Command {
  std::vector<Operand> operands;
  std::string source;
  std::size_t position = 0;
};

struct Pipeline {
  std::vector<std::string> variables;  // "$k", "$v" before ":="
  bool assigns = false;                // "=" in place of ":="
  std::vector<Command> commands;
};

struct TemplateNode {
  enum class Kind : unsigned char { List, Text, Action, If, With, Range, Break, Continue };
  Kind kind = Kind::List;
  std::string text;
  Pipeline pipeline;
  std::vector<TemplateNode> body;
  std::vector<TemplateNode> otherwise;
};

// Go's parser for `text`; messages begin with "template: <name>:<line>: ".
Result<TemplateNode> parse_template(std::string_view text, const std::string& name);

// Calls a function by name. `defined` is false where there is none of that name.
struct FunctionResult {
  bool defined = true;
  Result<boost::json::value> value;
};
FunctionResult call_function(std::string_view name,
                             const std::vector<boost::json::value>& arguments);
bool is_function(std::string_view name);

// Go's notion of truth: not the zero value, not empty.
bool is_true(const boost::json::value& value);

}  // namespace wherry::cli::detail
