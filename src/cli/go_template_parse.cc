#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/strings.h"
#include "cli/go_template_nodes.h"

namespace wherry::cli::detail {
namespace {

constexpr std::size_t kMaximumNesting = 50;
constexpr std::string_view kBlanks = " \t\r\n";

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

class Parser {
 public:
  Parser(std::string_view text, const std::string& name) : text_(text), name_(name) {}

  Result<TemplateNode> parse() {
    TemplateNode root;
    const std::string end = TRY(parse_list(root.body, 0));
    if (!end.empty()) return error(fmt::format("unexpected {{{{{}}}}}", end));
    return root;
  }

 private:
  [[nodiscard]] Error error(std::string_view what) const {
    const auto line =
        1 + std::count(text_.begin(),
                       text_.begin() + static_cast<std::ptrdiff_t>(std::min(at_, text_.size())),
                       '\n');
    return Error::invalid(fmt::format("template: {}:{}: {}", name_, line, what));
  }
  [[nodiscard]] bool done() const { return at_ >= text_.size(); }
  [[nodiscard]] bool looking_at(std::string_view token) const {
    return text_.substr(std::min(at_, text_.size())).starts_with(token);
  }
  void skip_blanks() { at_ = std::min(text_.find_first_not_of(kBlanks, at_), text_.size()); }
  [[nodiscard]] bool at_action_end() const { return looking_at("}}") || looking_at("-}}"); }

  // Reads nodes up to {{end}} or {{else ...}}: returns which, "" at the end of the text.
  Result<std::string> parse_list(std::vector<TemplateNode>& nodes, std::size_t depth);
  Result<std::string> parse_action(std::vector<TemplateNode>& nodes, std::size_t depth);
  Result<> parse_block(TemplateNode& node, std::size_t depth);
  Result<> parse_else(TemplateNode& node, std::size_t depth);
  void add_text(std::vector<TemplateNode>& nodes, std::size_t end);
  Result<> skip_comment();
  Result<> finish_action();
  Result<Pipeline> parse_pipeline(std::size_t depth);
  void parse_declaration(Pipeline& pipeline);
  Result<Command> parse_command(std::size_t depth);
  Result<Operand> parse_operand(std::size_t depth);
  Result<Operand> parse_start(std::size_t depth);
  Result<boost::json::value> parse_string();
  Result<boost::json::value> parse_number();
  std::string take_word() {
    const std::size_t start = at_;
    while (!done() && is_word(text_[at_])) ++at_;
    return std::string(text_.substr(start, at_ - start));
  }

  std::string_view text_;
  const std::string& name_;
  std::size_t at_ = 0;
  bool trim_next_ = false;
};

void Parser::add_text(std::vector<TemplateNode>& nodes, std::size_t end) {
  std::string_view piece = text_.substr(at_, end - at_);
  if (trim_next_) piece.remove_prefix(std::min(piece.find_first_not_of(kBlanks), piece.size()));
  trim_next_ = false;
  const std::string_view action = text_.substr(std::min(end, text_.size()));
  const bool trims = action.size() > 3 && action.starts_with("{{-") &&
                     kBlanks.find(action[3]) != std::string_view::npos;
  if (trims) piece = piece.substr(0, piece.find_last_not_of(kBlanks) + 1);
  at_ = std::min(end + (trims ? 3 : 2), text_.size());
  if (piece.empty()) return;
  TemplateNode node;
  node.kind = TemplateNode::Kind::Text;
  node.text = piece;
  nodes.push_back(std::move(node));
}

Result<std::string> Parser::parse_list(std::vector<TemplateNode>& nodes, std::size_t depth) {
  if (depth > kMaximumNesting) return error("exceeded maximum nesting");
  while (true) {
    const std::size_t open = text_.find("{{", at_);
    add_text(nodes, std::min(open, text_.size()));
    if (open == std::string_view::npos) return std::string();
    skip_blanks();
    if (looking_at("/*")) {
      TRY(skip_comment());
      continue;
    }
    std::string end = TRY(parse_action(nodes, depth));
    if (!end.empty()) return end;
  }
}

Result<> Parser::skip_comment() {
  const std::size_t end = text_.find("*/", at_);
  if (end == std::string_view::npos) return error("unclosed comment");
  at_ = end + 2;
  return finish_action();
}

Result<> Parser::finish_action() {
  skip_blanks();
  if (done()) return error("unclosed action");
  const bool blank = kBlanks.find(text_[at_ - 1]) != std::string_view::npos;
  if (blank && looking_at("-}}")) {
    at_ += 3;
    trim_next_ = true;
    return {};
  }
  if (!looking_at("}}"))
    return error(fmt::format("unexpected {} in command", quote(text_.substr(at_, 1))));
  at_ += 2;
  return {};
}

Result<std::string> Parser::parse_action(std::vector<TemplateNode>& nodes, std::size_t depth) {
  const std::size_t start = at_;
  const std::string word = take_word();
  TemplateNode node;
  if (word == "end" || word == "else") {
    if (word == "end") TRY(finish_action());
    return word;
  }
  if (word == "break" || word == "continue") {
    node.kind = word == "break" ? TemplateNode::Kind::Break : TemplateNode::Kind::Continue;
    TRY(finish_action());
  } else if (word == "if" || word == "with" || word == "range") {
    node.kind = word == "if"
                    ? TemplateNode::Kind::If
                    : (word == "with" ? TemplateNode::Kind::With : TemplateNode::Kind::Range);
    TRY(parse_block(node, depth));
  } else {
    at_ = start;
    node.kind = TemplateNode::Kind::Action;
    node.pipeline = TRY(parse_pipeline(depth));
    TRY(finish_action());
  }
  nodes.push_back(std::move(node));
  return std::string();
}

Result<> Parser::parse_block(TemplateNode& node, std::size_t depth) {
  node.pipeline = TRY(parse_pipeline(depth));
  TRY(finish_action());
  const std::string end = TRY(parse_list(node.body, depth + 1));
  if (end.empty()) return error("unexpected EOF");
  return end == "else" ? parse_else(node, depth) : Result<>{};
}

// {{else}} or {{else if ...}}: the latter is a block of its own inside.
Result<> Parser::parse_else(TemplateNode& node, std::size_t depth) {
  if (depth > kMaximumNesting) return error("exceeded maximum nesting");
  skip_blanks();
  if (is_word(done() ? ' ' : text_[at_])) {
    const std::string word = take_word();
    if (word != "if" && word != "with")
      return error(fmt::format("unexpected <{}> in else clause", word));
    TemplateNode nested;
    nested.kind = word == "if" ? TemplateNode::Kind::If : TemplateNode::Kind::With;
    TRY(parse_block(nested, depth + 1));
    node.otherwise.push_back(std::move(nested));
    return {};
  }
  TRY(finish_action());
  const std::string end = TRY(parse_list(node.otherwise, depth + 1));
  if (end != "end") return error(end.empty() ? "unexpected EOF" : "unexpected {{else}}");
  return {};
}

void Parser::parse_declaration(Pipeline& pipeline) {
  const std::size_t start = at_;
  while (looking_at("$")) {
    ++at_;
    pipeline.variables.push_back("$" + take_word());
    skip_blanks();
    if (!looking_at(",")) break;
    ++at_;
    skip_blanks();
  }
  const bool declares = looking_at(":=");
  pipeline.assigns = !declares && looking_at("=");
  if (!pipeline.variables.empty() && (declares || pipeline.assigns)) {
    at_ += declares ? 2 : 1;
    return;
  }
  pipeline.variables.clear();
  at_ = start;
}

Result<Pipeline> Parser::parse_pipeline(std::size_t depth) {
  if (depth > kMaximumNesting) return error("exceeded maximum nesting");
  Pipeline pipeline;
  skip_blanks();
  parse_declaration(pipeline);
  while (true) {
    pipeline.commands.push_back(TRY(parse_command(depth)));
    skip_blanks();
    if (!looking_at("|")) return pipeline;
    ++at_;
  }
}

Result<Command> Parser::parse_command(std::size_t depth) {
  Command command;
  skip_blanks();
  command.position = at_;
  std::size_t end = at_;
  while (!done() && !at_action_end() && !looking_at("|") && !looking_at(")")) {
    command.operands.push_back(TRY(parse_operand(depth)));
    end = at_;
    skip_blanks();
  }
  if (done()) return error("unclosed action");
  if (command.operands.empty()) return error("missing value for command");
  command.source = text_.substr(command.position, end - command.position);
  return command;
}

Result<Operand> Parser::parse_start(std::size_t depth) {
  Operand operand;
  const char c = text_[at_];
  if (c == '.') {
    const bool number = at_ + 1 < text_.size() && text_[at_ + 1] >= '0' && text_[at_ + 1] <= '9';
    if (number) return error("bad number syntax: \".\"");
  } else if (c == '$') {
    operand.kind = Operand::Kind::Variable;
    ++at_;
    operand.name = "$" + take_word();
  } else if (c == '(') {
    operand.kind = Operand::Kind::Parenthesis;
    ++at_;
    operand.inner = std::make_shared<const Pipeline>(TRY(parse_pipeline(depth + 1)));
    skip_blanks();
    if (!looking_at(")")) return error("unclosed left paren");
    ++at_;
  } else if (c == '"' || c == '`') {
    operand.kind = Operand::Kind::Literal;
    operand.literal = TRY(parse_string());
  } else if ((c >= '0' && c <= '9') || c == '-' || c == '+') {
    operand.kind = Operand::Kind::Literal;
    operand.literal = TRY(parse_number());
  } else if (is_word(c)) {
    operand.name = take_word();
    operand.kind = Operand::Kind::Function;
    if (operand.name == "true" || operand.name == "false" || operand.name == "nil") {
      operand.kind = Operand::Kind::Literal;
      if (operand.name != "nil") operand.literal = operand.name == "true";
    } else if (!is_function(operand.name)) {
      return error(fmt::format("function {} not defined", quote(operand.name)));
    }
  } else {
    return error(fmt::format("unexpected {} in command", quote(std::string_view(&c, 1))));
  }
  return operand;
}

Result<Operand> Parser::parse_operand(std::size_t depth) {
  const std::size_t start = at_;
  Operand operand = TRY(parse_start(depth));
  operand.position = start;
  while (looking_at(".")) {
    const std::size_t dot = at_++;
    std::string field = take_word();
    if (field.empty()) {
      if (dot != start) return error("unexpected <.> in operand");
      break;
    }
    operand.fields.push_back(std::move(field));
    // Go reports a chain at its second field.
    if (operand.fields.size() == 2 || (operand.fields.size() == 1 && dot != start))
      operand.position = dot;
  }
  operand.source = text_.substr(start, at_ - start);
  return operand;
}

Result<boost::json::value> Parser::parse_string() {
  const char mark = text_[at_++];
  std::string value;
  for (; !done() && text_[at_] != mark; ++at_) {
    char c = text_[at_];
    if (mark == '"' && c == '\n') return error("unterminated quoted string");
    if (mark == '"' && c == '\\' && at_ + 1 < text_.size()) {
      c = text_[++at_];
      constexpr std::string_view kFrom = "ntr";
      const std::size_t known = kFrom.find(c);
      if (known != std::string_view::npos) c = "\n\t\r"[known];
    }
    value += c;
  }
  if (done())
    return error(mark == '"' ? "unterminated quoted string" : "unterminated raw quoted string");
  ++at_;
  return boost::json::value(value);
}

Result<boost::json::value> Parser::parse_number() {
  const std::size_t start = at_;
  while (!done() &&
         (is_word(text_[at_]) || text_[at_] == '.' || text_[at_] == '-' || text_[at_] == '+'))
    ++at_;
  const std::string_view digits = text_.substr(start, at_ - start);
  if (const auto integer = parse_i64(digits)) return boost::json::value(*integer);
  double number = 0;
  const char* const end = digits.data() + digits.size();
  const auto parsed = std::from_chars(digits.data(), end, number);
  if (parsed.ec != std::errc{} || parsed.ptr != end)
    return error(fmt::format("bad number syntax: {}", quote(digits)));
  return boost::json::value(number);
}

}  // namespace

Result<TemplateNode> parse_template(std::string_view text, const std::string& name) {
  return Parser(text, name).parse();
}

}  // namespace wherry::cli::detail
