#include "cli/go_template.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/strings.h"
#include "cli/go_template_nodes.h"

namespace wherry::cli {

namespace bj = boost::json;

namespace {

using detail::Command;
using detail::Operand;
using detail::Pipeline;
using detail::TemplateNode;

// {{range}} over endless text cannot happen; this bounds nested ranges over large data.
constexpr std::size_t kMaximumOutput = 256U << 20;

enum class Flow : unsigned char { Next, Break, Continue };

// What Go prints for a null that stands for a nil map, pointer or slice of that name.
std::string_view nil_text(std::string_view field) {
  static constexpr std::array<std::string_view, 12> kMaps = {
      "Labels", "Volumes", "ExposedPorts", "Ports",       "PortBindings", "Networks",
      "Tmpfs",  "Sysctls", "Options",      "Annotations", "StorageOpt",   "DriverOpts"};
  static constexpr std::array<std::string_view, 7> kPointers = {
      "OomKillDisable", "PidsLimit", "Init",       "MemorySwappiness",
      "StopTimeout",    "Health",    "Healthcheck"};
  if (std::ranges::find(kMaps, field) != kMaps.end()) return "map[]";
  return std::ranges::find(kPointers, field) != kPointers.end() ? "<nil>" : "[]";
}

class Machine {
 public:
  Machine(const bj::value& data, const std::string& text, const TemplateOptions& options)
      : data_(data), text_(text), options_(options) {
    variables_.emplace_back("$", data);
  }

  Result<Flow> run(const std::vector<TemplateNode>& nodes, const bj::value& dot);
  std::string take_output() { return std::move(output_); }

 private:
  Result<Flow> run_node(const TemplateNode& node, const bj::value& dot);
  Result<Flow> run_branch(const TemplateNode& node, const bj::value& dot);
  Result<Flow> run_range(const TemplateNode& node, const bj::value& dot);
  Result<Flow> run_element(const TemplateNode& node, const bj::value& key,
                           const bj::value& element);
  Result<bj::value> evaluate(const Pipeline& pipeline, const bj::value& dot);
  Result<bj::value> evaluate(const Command& command, const bj::value& dot, const bj::value* last);
  Result<bj::value> evaluate(const Operand& operand, const bj::value& dot);
  Result<bj::value> field_of(const bj::value& value, const std::string& name,
                             const Operand& operand) const;
  std::optional<bj::value> call_method(const Command& command, const bj::value& dot,
                                       std::optional<Error>& failed);
  void store(const Pipeline& pipeline, const bj::value& value);
  [[nodiscard]] Error error(std::size_t position, std::string_view source,
                            std::string_view what) const;

  const bj::value& data_;
  const std::string& text_;
  const TemplateOptions& options_;
  std::vector<std::pair<std::string, bj::value>> variables_;
  std::string output_;
};

Error Machine::error(std::size_t position, std::string_view source, std::string_view what) const {
  const std::string_view before = std::string_view(text_).substr(0, position);
  const auto line = 1 + std::ranges::count(before, '\n');
  const std::size_t start =
      before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
  // Go cuts what it quotes after 20 bytes.
  const std::string shown =
      source.size() > 20 ? fmt::format("{}...", source.substr(0, 20)) : std::string(source);
  return Error::invalid(fmt::format("template: {}:{}:{}: executing {} at <{}>: {}", options_.name,
                                    line, position - start, quote(options_.name), shown, what));
}

Result<bj::value> Machine::field_of(const bj::value& value, const std::string& name,
                                    const Operand& operand) const {
  if (value.is_null())
    return error(operand.position, operand.source,
                 fmt::format("nil pointer evaluating interface {{}}.{}", name));
  if (!value.is_object()) {
    const std::string_view type =
        value.is_string() ? "string" : (value.is_array() ? "[]interface {}" : "interface {}");
    return error(operand.position, operand.source,
                 fmt::format("can't evaluate field {} in type {}", name, type));
  }
  const bj::object& object = value.as_object();
  if (const bj::value* found = object.if_contains(name)) return *found;
  if (!options_.struct_type) {
    return error(operand.position, operand.source,
                 fmt::format("map has no entry for key {}", quote(name)));
  }
  // A Go field and its JSON key differ at most in case (APIVersion, "ApiVersion").
  for (const auto& pair : object) {
    if (equals_ignore_case(pair.key(), name)) return pair.value();
  }
  return error(operand.position, operand.source,
               fmt::format("can't evaluate field {} in type {}", name, *options_.struct_type));
}

Result<bj::value> Machine::evaluate(const Operand& operand, const bj::value& dot) {
  bj::value value = dot;
  switch (operand.kind) {
    case Operand::Kind::Dot: break;
    case Operand::Kind::Literal: value = operand.literal; break;
    case Operand::Kind::Parenthesis: value = TRY(evaluate(*operand.inner, dot)); break;
    case Operand::Kind::Function: {
      const auto called = detail::call_function(operand.name, {});
      if (!called.value)
        return error(operand.position, operand.source, called.value.error().message());
      value = *called.value;
      break;
    }
    case Operand::Kind::Variable: {
      const auto found = std::ranges::find(variables_.rbegin(), variables_.rend(), operand.name,
                                           &std::pair<std::string, bj::value>::first);
      if (found == variables_.rend())
        return Error::invalid(fmt::format("template: {}:1: undefined variable {}", options_.name,
                                          quote(operand.name)));
      value = found->second;
      break;
    }
  }
  for (const std::string& name : operand.fields) value = TRY(field_of(value, name, operand));
  return value;
}

// {{.Label "x"}}
std::optional<bj::value> Machine::call_method(const Command& command, const bj::value& dot,
                                              std::optional<Error>& failed) {
  const Operand& first = command.operands[0];
  if (!options_.method || first.kind != Operand::Kind::Dot || first.fields.size() != 1)
    return std::nullopt;
  std::vector<std::string> arguments;
  for (std::size_t i = 1; i < command.operands.size(); ++i) {
    auto value = evaluate(command.operands[i], dot);
    if (!value) {
      failed = std::move(value).error();
      return std::nullopt;
    }
    arguments.push_back(go_print(*value));
  }
  auto answer = options_.method(first.fields[0], arguments);
  if (!answer) return std::nullopt;
  return bj::value(*answer);
}

Result<bj::value> Machine::evaluate(const Command& command, const bj::value& dot,
                                    const bj::value* last) {
  const Operand& first = command.operands[0];
  if (first.kind != Operand::Kind::Function) {
    std::optional<Error> failed;
    if (auto answer = call_method(command, dot, failed)) return *answer;
    if (failed) return std::move(*failed);
    if (command.operands.size() > 1) {
      return error(first.position, first.source,
                   fmt::format("{} has arguments but cannot be invoked as function", first.source));
    }
    return evaluate(first, dot);
  }
  std::vector<bj::value> arguments;
  for (std::size_t i = 1; i < command.operands.size(); ++i)
    arguments.push_back(TRY(evaluate(command.operands[i], dot)));
  if (last != nullptr) arguments.push_back(*last);
  auto called = detail::call_function(first.name, arguments);
  if (!called.value) return error(first.position, command.source, called.value.error().message());
  return std::move(*called.value);
}

Result<bj::value> Machine::evaluate(const Pipeline& pipeline, const bj::value& dot) {
  bj::value value;
  bool first = true;
  for (const Command& command : pipeline.commands) {
    value = TRY(evaluate(command, dot, first ? nullptr : &value));
    first = false;
  }
  return value;
}

void Machine::store(const Pipeline& pipeline, const bj::value& value) {
  if (pipeline.variables.empty()) return;
  if (pipeline.assigns) {
    const auto found =
        std::ranges::find(variables_.rbegin(), variables_.rend(), pipeline.variables[0],
                          &std::pair<std::string, bj::value>::first);
    if (found != variables_.rend()) found->second = value;
    return;
  }
  variables_.emplace_back(pipeline.variables[0], value);
}

Result<Flow> Machine::run_element(const TemplateNode& node, const bj::value& key,
                                  const bj::value& element) {
  const std::size_t depth = variables_.size();
  const auto& names = node.pipeline.variables;
  if (names.size() == 2) variables_.emplace_back(names[0], key);
  if (!names.empty()) variables_.emplace_back(names.back(), element);
  const Flow flow = TRY(run(node.body, element));
  variables_.resize(depth);
  return flow;
}

Result<Flow> Machine::run_range(const TemplateNode& node, const bj::value& dot) {
  const bj::value value = TRY(evaluate(node.pipeline, dot));
  std::vector<std::pair<bj::value, bj::value>> elements;
  if (value.is_array()) {
    for (const bj::value& element : value.as_array())
      elements.emplace_back(elements.size(), element);
  } else if (value.is_object()) {
    for (const auto& pair : value.as_object()) elements.emplace_back(pair.key(), pair.value());
    std::ranges::sort(elements, [](const auto& a, const auto& b) {
      return a.first.as_string() < b.first.as_string();
    });
  } else if (!value.is_null()) {
    const Command& command = node.pipeline.commands.back();
    return error(command.position, command.source,
                 fmt::format("range can't iterate over {}", go_print(value)));
  }
  if (elements.empty()) return run(node.otherwise, dot);
  for (const auto& [key, element] : elements) {
    if (TRY(run_element(node, key, element)) == Flow::Break) break;
  }
  return Flow::Next;
}

Result<Flow> Machine::run_branch(const TemplateNode& node, const bj::value& dot) {
  const std::size_t depth = variables_.size();
  const bj::value value = TRY(evaluate(node.pipeline, dot));
  store(node.pipeline, value);
  const bool with = node.kind == TemplateNode::Kind::With;
  const Flow flow = detail::is_true(value) ? TRY(run(node.body, with ? value : dot))
                                           : TRY(run(node.otherwise, dot));
  variables_.resize(depth);
  return flow;
}

Result<Flow> Machine::run_node(const TemplateNode& node, const bj::value& dot) {
  switch (node.kind) {
    case TemplateNode::Kind::Text: output_ += node.text; return Flow::Next;
    case TemplateNode::Kind::If:
    case TemplateNode::Kind::With: return run_branch(node, dot);
    case TemplateNode::Kind::Range: return run_range(node, dot);
    case TemplateNode::Kind::Break: return Flow::Break;
    case TemplateNode::Kind::Continue: return Flow::Continue;
    case TemplateNode::Kind::List: return run(node.body, dot);
    case TemplateNode::Kind::Action: break;
  }
  const bj::value value = TRY(evaluate(node.pipeline, dot));
  if (node.pipeline.variables.empty()) {
    const Operand& last = node.pipeline.commands.back().operands.back();
    output_ +=
        value.is_null() && !last.fields.empty() ? nil_text(last.fields.back()) : go_print(value);
  } else {
    store(node.pipeline, value);
  }
  return Flow::Next;
}

Result<Flow> Machine::run(const std::vector<TemplateNode>& nodes, const bj::value& dot) {
  for (const TemplateNode& node : nodes) {
    const Flow flow = TRY(run_node(node, dot));
    if (flow != Flow::Next) return flow;
    if (output_.size() > kMaximumOutput) return Error::invalid("template: output too large");
  }
  return Flow::Next;
}

bool mentions(const Pipeline& pipeline, std::string_view name) {
  for (const Command& command : pipeline.commands) {
    for (const Operand& operand : command.operands) {
      if (std::ranges::find(operand.fields, name) != operand.fields.end()) return true;
      // {{json .}} prints every field.
      if (operand.kind == Operand::Kind::Dot && operand.fields.empty()) return true;
      if (operand.inner && mentions(*operand.inner, name)) return true;
    }
  }
  return false;
}

bool mentions(const TemplateNode& node, std::string_view name) {
  const auto in = [&](const TemplateNode& child) { return mentions(child, name); };
  return mentions(node.pipeline, name) || std::ranges::any_of(node.body, in) ||
         std::ranges::any_of(node.otherwise, in);
}

}  // namespace

Result<GoTemplate> GoTemplate::parse(std::string_view text, TemplateOptions options) {
  GoTemplate parsed;
  parsed.text_ = std::make_shared<const std::string>(text);
  parsed.root_ = std::make_shared<const TemplateNode>(
      TRY(detail::parse_template(*parsed.text_, options.name)));
  parsed.options_ = std::move(options);
  return parsed;
}

Result<std::string> GoTemplate::execute(const bj::value& data) const {
  Machine machine(data, *text_, options_);
  TRY(machine.run(root_->body, data));
  return machine.take_output();
}

bool GoTemplate::mentions_field(std::string_view name) const {
  return mentions(*root_, name);
}

}  // namespace wherry::cli
