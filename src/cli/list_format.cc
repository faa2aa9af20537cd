#include "cli/list_format.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"
#include "cli/output.h"
#include "spec/json.h"

namespace wherry::cli {

namespace bj = boost::json;

namespace {

std::string unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::string_view pair = text.substr(i, 2);
    if (pair == "\\t" || pair == "\\n") {
      out += pair == "\\t" ? '\t' : '\n';
      ++i;
    } else {
      out += text[i];
    }
  }
  return out;
}

// The heading of a label column is the last part of its name, in words.
std::string label_heading(std::string_view label) {
  std::string heading(label.substr(label.rfind('.') + 1));
  std::ranges::replace(heading, '-', ' ');
  std::ranges::replace(heading, '_', ' ');
  return heading;
}

using LabelOf = std::function<std::optional<std::string>(const std::string& label)>;

// The template of a list, parsed once. `label_of` is that of the row which is printed next.
struct RowPrinter {
  GoTemplate parsed;
  std::shared_ptr<LabelOf> label_of;

  Result<std::string> print(const bj::object& row, LabelOf label) const {
    *label_of = std::move(label);
    auto text = parsed.execute(row);
    if (!text) return std::move(text).error().within("failed to execute template");
    return text;
  }
};

Result<RowPrinter> row_printer(const ListFormat& format, const ListStyle& style) {
  auto label_of = std::make_shared<LabelOf>();
  TemplateOptions options{.name = "", .struct_type = style.type};
  options.method = [label_of](
                       std::string_view name,
                       const std::vector<std::string>& arguments) -> std::optional<std::string> {
    if (name != "Label" || arguments.size() != 1 || !*label_of) return std::nullopt;
    return (*label_of)(arguments[0]);
  };
  auto parsed = GoTemplate::parse(format.text, options);
  if (!parsed) return std::move(parsed).error().within("template parsing error");
  return RowPrinter{std::move(*parsed), std::move(label_of)};
}

}  // namespace

ListFormat list_format(std::string_view format, const ListStyle& style) {
  if (format.empty() || format == "table") return {.text = style.default_table, .table = true};
  if (format == "json") return {.text = "json"};
  constexpr std::string_view kTable = "table ";
  if (format.starts_with(kTable))
    return {.text = unescape(trim(format.substr(kTable.size()))), .table = true};
  return {.text = unescape(format)};
}

bool format_mentions(const ListFormat& format, std::string_view field) {
  const auto parsed = GoTemplate::parse(format.text, {.name = "", .struct_type = ""});
  return parsed && parsed->mentions_field(field);
}

Result<std::string> format_rows(const ListFormat& format, const ListStyle& style,
                                const std::vector<bj::object>& rows) {
  std::vector<std::string> lines;
  const RowPrinter printer = TRY(row_printer(format, style));
  if (format.table) lines.push_back(TRY(printer.print(style.headings, label_heading)));
  for (const bj::object& row : rows) {
    // docker's JSON rows are Go's plain encoding, with its HTML escapes.
    const bool whole = format.text == "json" || format.text == "{{json .}}";
    if (whole) {
      lines.push_back(json::write_value(row));
      continue;
    }
    const LabelOf label_of = [&](const std::string& label) -> std::optional<std::string> {
      return style.label ? style.label(row, label) : std::nullopt;
    };
    lines.push_back(TRY(printer.print(row, label_of)));
  }
  if (format.table) return align(lines, {});
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

}  // namespace wherry::cli
