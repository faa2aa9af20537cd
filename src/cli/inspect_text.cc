#include "cli/inspect_text.h"

#include "base/strings.h"

namespace wherry::cli {
namespace {

constexpr std::size_t kIndent = 4;

class Indenter {
 public:
  std::string run(std::string_view json) {
    for (std::size_t i = 0; i < json.size(); ++i) i = step(json, i);
    return std::move(out_);
  }

 private:
  void new_line() {
    out_ += '\n';
    out_.append(depth_ * kIndent, ' ');
  }

  // Copies a string with its escapes; returns the index of its closing quote.
  std::size_t copy_string(std::string_view json, std::size_t i) {
    const std::size_t start = i++;
    while (i < json.size() && json[i] != '"') i += json[i] == '\\' ? 2 : 1;
    out_ += json.substr(start, i + 1 - start);
    return i;
  }

  std::size_t step(std::string_view json, std::size_t i) {
    const char c = json[i];
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r') return i;
    const bool closes = c == '}' || c == ']';
    if (fresh_ && !closes) new_line();
    if (closes) {
      if (depth_ > 0) --depth_;
      if (!fresh_) new_line();
      fresh_ = false;
      out_ += c;
      return i;
    }
    fresh_ = false;
    if (c == '"') return copy_string(json, i);
    out_ += c;
    if (c == '{' || c == '[') {
      ++depth_;
      fresh_ = true;
    } else if (c == ',') {
      new_line();
    } else if (c == ':') {
      out_ += ' ';
    }
    return i;
  }

  std::string out_;
  std::size_t depth_ = 0;
  bool fresh_ = false;  // right behind an opening bracket
};

}  // namespace

std::string indent_list(const std::vector<std::string>& documents) {
  return Indenter().run("[" + join(documents, ",") + "]") + "\n";
}

}  // namespace wherry::cli
