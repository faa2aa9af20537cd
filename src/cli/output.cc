#include "cli/output.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/strings.h"

namespace wherry::cli {

Result<> write_output(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EAGAIN) {
      pollfd entry{.fd = fd, .events = POLLOUT, .revents = 0};
      ::poll(&entry, 1, -1);
    } else if (errno != EINTR) {
      return Error::from_errno(errno, "write");
    }
  }
  return {};
}

void print(std::string_view text) {
  static_cast<void>(write_output(STDOUT_FILENO, text));
}

void print_error(std::string_view text) {
  static_cast<void>(write_output(STDERR_FILENO, text));
}

bool is_terminal(int fd) {
  return ::isatty(fd) == 1;
}

TerminalSize terminal_size(int fd) {
  winsize size{};
  if (::ioctl(fd, TIOCGWINSZ, &size) < 0) return {};
  return {.rows = size.ws_row, .columns = size.ws_col};
}

std::size_t text_width(std::string_view text) {
  const auto starts = [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; };
  return static_cast<std::size_t>(std::ranges::count_if(text, starts));
}

namespace {

// A column is a run of neighbouring lines that have a cell followed by a tab there, as in
// Go's tabwriter: a line with fewer cells ends the run.
class Aligner {
 public:
  Aligner(const std::vector<std::string>& lines, Columns columns) : columns_(columns) {
    for (const std::string& line : lines) cells_.push_back(split(line, '\t'));
  }

  std::string text() {
    format(0, cells_.size());
    return std::move(out_);
  }

 private:
  // Lines [first, last) share the widths of the columns in widths_.
  void format(std::size_t first, std::size_t last);
  void write(std::size_t line);

  Columns columns_;
  std::vector<std::vector<std::string_view>> cells_;
  std::vector<std::size_t> widths_;
  std::string out_;
};

void Aligner::write(std::size_t line) {
  const auto& cells = cells_[line];
  for (std::size_t i = 0; i < cells.size(); ++i) {
    out_ += cells[i];
    if (i + 1 < cells.size() && i < widths_.size())
      out_.append(widths_[i] - text_width(cells[i]), ' ');
  }
  out_ += '\n';
}

void Aligner::format(std::size_t first, std::size_t last) {
  const std::size_t column = widths_.size();
  std::size_t line = first;
  while (line < last) {
    if (column + 1 >= cells_[line].size()) {
      write(line++);
      continue;
    }
    std::size_t end = line;
    std::size_t width = columns_.width;
    bool empty = true;
    for (; end < last && column + 1 < cells_[end].size(); ++end) {
      const std::size_t cell = text_width(cells_[end][column]);
      width = std::max(width, cell + columns_.padding);
      empty = empty && cell == 0;
    }
    widths_.push_back(empty && columns_.width == 0 ? 0 : width);
    format(line, end);
    widths_.pop_back();
    line = end;
  }
}

}  // namespace

std::string align(const std::vector<std::string>& lines, Columns columns) {
  return Aligner(lines, columns).text();
}

}  // namespace wherry::cli
