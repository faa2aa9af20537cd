// Standard output and standard error, written at once and whole: no stream library, so that
// nothing has to be set up when the program starts.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace wherry::cli {

// Fails with the errno of write(2), as EPIPE. A descriptor that is non-blocking is waited for.
Result<> write_output(int fd, std::string_view bytes);

// Lines for people; an output that is gone is not reported.
void print(std::string_view text);        // standard output
void print_error(std::string_view text);  // standard error

bool is_terminal(int fd);

struct TerminalSize {
  unsigned short rows = 0;
  unsigned short columns = 0;
};
// {0, 0} where `fd` is no terminal.
TerminalSize terminal_size(int fd);

// Columns padded to their widest cell, at least `width` and then `padding` blanks between
// them; the last column is not padded. Cells are separated by tabs, as Go's tabwriter has them.
struct Columns {
  std::size_t width = 10;
  std::size_t padding = 3;
};
std::string align(const std::vector<std::string>& lines, Columns columns);

// Terminal columns that UTF-8 text takes, counted in characters.
std::size_t text_width(std::string_view text);

}  // namespace wherry::cli
