#include "cli/progress.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>

#include "base/strings.h"
#include "cli/human.h"
#include "cli/json_access.h"
#include "client/engine.h"

namespace wherry::cli {

namespace bj = boost::json;

namespace {

constexpr std::size_t kMaximumLine = 4U << 20;
constexpr std::size_t kLeastBar = 10;
constexpr std::size_t kMostBar = 50;

std::string time_left(double seconds) {
  const auto whole = static_cast<std::int64_t>(std::clamp(seconds, 0.0, 359999.0));
  if (whole >= 3600)
    return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

std::string bar(double share, std::size_t width) {
  const std::size_t inner = width - 2;
  const auto done =
      static_cast<std::size_t>(std::clamp(share, 0.0, 1.0) * static_cast<double>(inner));
  std::string text(inner, ' ');
  std::fill_n(text.begin(), done, '=');
  if (done < inner) text[done] = '>';
  return "[" + text + "]";
}

}  // namespace

std::string layer_line(const Layer& layer, std::size_t columns) {
  const std::size_t most = columns > 1 ? columns - 1 : 1;
  std::string text =
      layer.id.empty() ? layer.status : fmt::format("{}: {}", layer.id, layer.status);
  if (layer.current <= 0 && layer.total <= 0) return text.substr(0, most);
  const auto current = static_cast<double>(layer.current);
  const auto total = static_cast<double>(layer.total);
  std::string bytes = human_size(current);
  if (layer.total > 0) bytes += "/" + human_size(total);
  std::string rate;
  if (layer.bytes_per_second >= 1) rate = fmt::format("  {}/s", human_size(layer.bytes_per_second));
  if (!rate.empty() && layer.total > layer.current)
    rate += "  " + time_left((total - current) / layer.bytes_per_second);
  const std::size_t fixed = text.size() + 1 + bytes.size();
  if (fixed > most) return text.substr(0, most);
  const std::size_t with_rate = fixed + rate.size();
  const std::size_t space = with_rate < most ? most - with_rate : 0;
  text += ' ';
  if (layer.total > 0 && space > kLeastBar)
    text += bar(current / total, std::min(space - 1, kMostBar)) + " ";
  text += bytes;
  if (with_rate <= most) text += rate;
  return text;
}

ProgressPrinter::ProgressPrinter(Write write, std::function<TerminalSize()> size)
    : write_(std::move(write)), size_(std::move(size)), terminal_(size_().columns > 0) {}

void ProgressPrinter::plain(const bj::value& message) {
  const bj::value& detail = at(message, "progressDetail");
  const bool moving = number_at(detail, "current") > 0 || number_at(detail, "total") > 0;
  const std::string stream = text_at(message, "stream");
  if (!stream.empty()) {
    write_(stream);
    return;
  }
  if (moving) return;
  const std::string id = text_at(message, "id");
  write_(fmt::format("{}{}{}\n", id, id.empty() ? "" : ": ", text_at(message, "status")));
}

void ProgressPrinter::update(const bj::value& message, Clock::time_point now) {
  const std::string id = text_at(message, "id");
  auto found =
      std::ranges::find(layers_, id, [](const Tracked& tracked) { return tracked.layer.id; });
  if (found == layers_.end()) {
    layers_.push_back({.layer = {.id = id}, .since = now});
    found = layers_.end() - 1;
  }
  Layer& layer = found->layer;
  const bj::value& detail = at(message, "progressDetail");
  const std::string status = text_at(message, "status");
  const bool phase = status != layer.status;
  layer.status = status;
  layer.current = number_at(detail, "current");
  layer.total = number_at(detail, "total");
  if (phase || layer.current < found->first) {
    found->since = now;
    found->first = layer.current;
    layer.bytes_per_second = 0;
  }
  const double seconds = std::chrono::duration<double>(now - found->since).count();
  if (seconds > 0.2)
    layer.bytes_per_second = static_cast<double>(layer.current - found->first) / seconds;
  dirty_ = true;
  if (now - last_redraw_ >= kRedrawInterval) redraw(now);
}

void ProgressPrinter::redraw(Clock::time_point now) {
  const TerminalSize size = size_();
  // The cursor cannot go above the first row: only what fits below it is kept moving.
  const std::size_t room = size.rows > 2 ? size.rows - 2U : 1U;
  const std::size_t first = layers_.size() > room ? layers_.size() - room : 0;
  std::string text;
  if (drawn_lines_ > 0) text += fmt::format("\x1b[{}A", drawn_lines_);
  for (std::size_t i = first; i < layers_.size(); ++i) {
    text += fmt::format("\r\x1b[2K{}\n", layer_line(layers_[i].layer, size.columns));
  }
  drawn_lines_ = layers_.size() - first;
  write_(text);
  last_redraw_ = now;
  dirty_ = false;
}

void ProgressPrinter::flush(Clock::time_point now) {
  if (terminal_ && dirty_) redraw(now);
}

// A line that belongs to no layer ends the block above it.
void ProgressPrinter::line(std::string_view text, Clock::time_point now) {
  flush(now);
  layers_.clear();
  drawn_lines_ = 0;
  write_(text);
}

Result<> ProgressPrinter::message(const bj::value& message, Clock::time_point now) {
  const std::string detail = text_at(at(message, "errorDetail"), "message");
  const std::string error = detail.empty() ? text_at(message, "error") : detail;
  if (!error.empty()) {
    flush(now);
    return Error::internal(error);
  }
  if (!terminal_) {
    plain(message);
  } else if (const std::string stream = text_at(message, "stream"); !stream.empty()) {
    line(stream, now);
  } else if (text_at(message, "id").empty()) {
    line(text_at(message, "status") + "\n", now);
  } else {
    update(message, now);
  }
  return {};
}

namespace {

// Splits the body into lines; waits for more with a deadline, so that a pause is drawn.
class MessageReader {
 public:
  MessageReader(client::HttpConnection& connection, ProgressPrinter* printer, const OnAux& aux)
      : connection_(connection), printer_(printer), aux_(aux) {}

  Result<> run() {
    while (true) {
      wait();
      const std::string piece = TRY(connection_.read_some());
      if (piece.empty()) break;
      buffer_ += piece;
      TRY(take_lines());
      if (buffer_.size() > kMaximumLine)
        return Error::internal("message of the engine is too long");
    }
    if (!trim(buffer_).empty()) TRY(take(buffer_));
    if (printer_ != nullptr) printer_->flush(ProgressPrinter::Clock::now());
    return {};
  }

 private:
  void wait() {
    if (printer_ == nullptr || !printer_->dirty() || connection_.has_buffered()) return;
    pollfd entry{.fd = connection_.socket().get(), .events = POLLIN, .revents = 0};
    if (::poll(&entry, 1, static_cast<int>(ProgressPrinter::kRedrawInterval.count())) == 0) {
      printer_->flush(ProgressPrinter::Clock::now());
    }
  }

  Result<> take_lines() {
    std::size_t start = 0;
    std::size_t end = 0;
    while ((end = buffer_.find('\n', start)) != std::string::npos) {
      const std::string_view text = trim(std::string_view(buffer_).substr(start, end - start));
      start = end + 1;
      if (!text.empty()) TRY(take(text));
    }
    buffer_.erase(0, start);
    return {};
  }

  Result<> take(std::string_view text) {
    const bj::value message = TRY(client::parse_json(text));
    if (const bj::value& value = at(message, "aux"); !value.is_null()) {
      if (aux_) aux_(value);
      return {};
    }
    if (printer_ != nullptr) return printer_->message(message, ProgressPrinter::Clock::now());
    const std::string detail = text_at(at(message, "errorDetail"), "message");
    const std::string error = detail.empty() ? text_at(message, "error") : detail;
    return error.empty() ? Result<>{} : Result<>(Error::internal(error));
  }

  client::HttpConnection& connection_;
  ProgressPrinter* printer_;
  const OnAux& aux_;
  std::string buffer_;
};

}  // namespace

Result<> print_progress(client::HttpConnection& connection, int fd, Show show, const OnAux& aux) {
  ProgressPrinter printer(
      [fd](std::string_view text) { static_cast<void>(write_output(fd, text)); },
      [fd] { return terminal_size(fd); });
  return MessageReader(connection, show == Show::Yes ? &printer : nullptr, aux).run();
}

}  // namespace wherry::cli
