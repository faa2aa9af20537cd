// JSON documents laid out again without being parsed into values, so that numbers, order and
// escapes stay as the engine wrote them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace wherry::cli {

// Go's json.Indent of [a,b,...] with four blanks, and a line end; "[]\n" for none.
std::string indent_list(const std::vector<std::string>& documents);

}  // namespace wherry::cli
