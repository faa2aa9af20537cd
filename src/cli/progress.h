// The progress of pull, push and load: docker's plain lines, or on a terminal a line per layer
// with bar, bytes, rate and time left, redrawn at most ten times a second.
#pragma once

#include <boost/json/value.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/output.h"
#include "client/http.h"

namespace wherry::cli {

struct Layer {
  std::string id;
  std::string status;
  std::int64_t current = 0;
  std::int64_t total = 0;
  double bytes_per_second = 0;
};

// One layer in at most `columns` - 1 columns: what does not fit is left out, the bar first.
std::string layer_line(const Layer& layer, std::size_t columns);

class ProgressPrinter {
 public:
  using Clock = std::chrono::steady_clock;
  using Write = std::function<void(std::string_view)>;

  // size: what the terminal is now; {0, 0} prints plain lines.
  ProgressPrinter(Write write, std::function<TerminalSize()> size);

  // One message of the stream. Error: the message's own.
  Result<> message(const boost::json::value& message, Clock::time_point now);
  // Draws what is not drawn yet; call it when nothing came for kRedrawInterval, and at the end.
  void flush(Clock::time_point now);
  // True if something waits to be drawn.
  [[nodiscard]] bool dirty() const { return dirty_; }

  static constexpr std::chrono::milliseconds kRedrawInterval{100};

 private:
  struct Tracked {
    Layer layer;
    Clock::time_point since;
    std::int64_t first = 0;
  };

  void plain(const boost::json::value& message);
  void update(const boost::json::value& message, Clock::time_point now);
  void line(std::string_view text, Clock::time_point now);
  void redraw(Clock::time_point now);

  Write write_;
  std::function<TerminalSize()> size_;
  bool terminal_;
  std::vector<Tracked> layers_;
  std::size_t drawn_lines_ = 0;
  Clock::time_point last_redraw_{};
  bool dirty_ = false;
};

// Reads the stream of JSON messages to its end and prints them to `fd` (Show::No: only looks
// for errors). `aux` is called with each "aux" value.
enum class Show : bool { No, Yes };
using OnAux = std::function<void(const boost::json::value&)>;
Result<> print_progress(client::HttpConnection& connection, int fd, Show show,
                        const OnAux& aux = {});

}  // namespace wherry::cli
