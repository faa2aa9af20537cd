// Prints the rows of ps and images by --format: docker's default table, "table TEMPLATE",
// "json", or a template per row.
#pragma once

#include <boost/json/object.hpp>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/go_template.h"

namespace wherry::cli {

struct ListStyle {
  std::string default_table;     // the template of the plain table
  std::string type;              // Go type, for messages
  boost::json::object headings;  // field -> heading
  // {{.Label "x"}} of a row.
  std::function<std::optional<std::string>(const boost::json::object& row,
                                           const std::string& label)>
      label;
};

// "" and "table" are the default table; "json" is {{json .}}; \t and \n are unescaped.
struct ListFormat {
  std::string text;  // the template
  bool table = false;
};
ListFormat list_format(std::string_view format, const ListStyle& style);

// True if the format prints that field of a row, so that costly fields are asked for only then.
bool format_mentions(const ListFormat& format, std::string_view field);

Result<std::string> format_rows(const ListFormat& format, const ListStyle& style,
                                const std::vector<boost::json::object>& rows);

}  // namespace wherry::cli
