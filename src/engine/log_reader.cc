#include "engine/log_reader.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <limits>

#include "engine/log_files.h"
#include "engine/log_record.h"

namespace wherry::engine {
namespace {

constexpr std::int64_t kNoEnd = std::numeric_limits<std::int64_t>::max();

enum class Reached : bool { EndOfFile, Until };

// Gives every wanted record of `lines`. A line that is no record (torn by a power cut, or
// written by somebody else) is passed over, as docker does.
Result<Reached> replay(LineReader& lines, const LogsOptions& options, const LogSink& sink) {
  for (;;) {
    const auto line = TRY(lines.next());
    if (!line) return Reached::EndOfFile;
    const auto record = parse_log_line(*line);
    if (!record) continue;
    if (options.until && record->time > *options.until) return Reached::Until;
    if (is_wanted(*record, options)) TRY(sink(record->stream, format_record(*record, options)));
  }
}

// Wakes a follower: the directory changed, the container ended, or the reader is to stop.
class Waker {
 public:
  static Result<Waker> create(const std::string& path, int ended_fd) {
    Waker waker;
    waker.ended_ = ended_fd;
    waker.inotify_ = sys::Fd(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    if (!waker.inotify_) return Error::from_errno(errno, "inotify_init");
    const std::string directory = path.substr(0, path.rfind('/'));
    if (::inotify_add_watch(waker.inotify_.get(), directory.c_str(),
                            IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0)
      return Error::from_errno(errno, "watch " + directory);
    waker.stop_ = sys::Fd(::eventfd(0, EFD_CLOEXEC));
    if (!waker.stop_) return Error::from_errno(errno, "eventfd");
    return waker;
  }

  void stop() const { static_cast<void>(::eventfd_write(stop_.get(), 1)); }

  // True once the container has ended.
  Result<bool> wait(const std::optional<Instant>& until) const {
    std::array<pollfd, 3> polled = {{{inotify_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0},
                                     {ended_, POLLIN, 0}}};
    int timeout_ms = -1;
    if (until) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(*until - now()).count();
      timeout_ms = static_cast<int>(std::clamp<std::int64_t>(left, 0, 3'600'000));
    }
    if (::poll(polled.data(), polled.size(), timeout_ms) < 0 && errno != EINTR)
      return Error::from_errno(errno, "poll log");
    if (polled[1].revents != 0) return Error(ErrorKind::Cancelled, "logs: stopped");
    std::array<char, 4096> ignored{};
    while (::read(inotify_.get(), ignored.data(), ignored.size()) > 0) {}
    return polled[2].revents != 0;
  }

 private:
  Waker() = default;
  sys::Fd inotify_;
  sys::Fd stop_;
  int ended_ = -1;
};

// The files that are newer than `current`; all of them if it has been deleted meanwhile.
Result<std::vector<LogFile>> newer_files(const std::string& path, const LogFile* current) {
  std::vector<LogFile> files = TRY(open_log_files(path));
  if (current == nullptr) return files;
  const auto found = std::ranges::find_if(files, [&](const auto& f) { return f.same_as(*current); });
  if (found != files.end()) files.erase(files.begin(), found + 1);
  return files;
}

class Follower {
 public:
  Follower(const LogSource& source, const LogsOptions& options, const LogSink& sink)
      : source_(source), options_(options), sink_(sink) {}

  Result<> run(std::vector<LogFile> files, LogPosition position, std::stop_token stop) {
    const Waker waker = TRY(Waker::create(source_.path, source_.ended.get()));
    const std::stop_callback on_stop(stop, [&] { waker.stop(); });
    if (TRY(drain(std::move(files), position)) == Reached::Until) return {};
    for (bool ended = false;;) {
      if (TRY(catch_up()) == Reached::Until || ended) return {};
      if (options_.until && now() >= *options_.until) return {};
      ended = TRY(waker.wait(options_.until));
    }
  }

 private:
  Result<Reached> drain(std::vector<LogFile> files, LogPosition position) {
    for (std::size_t index = position.file; index < files.size(); ++index) {
      current_ = std::move(files[index]);
      lines_.emplace(current_->fd, index == position.file ? position.offset : 0);
      if (TRY(replay(*lines_, options_, sink_)) == Reached::Until) return Reached::Until;
    }
    return Reached::EndOfFile;
  }

  // Reads on in the current file, then in those that rotations have put behind it. The look
  // for newer files comes first: what the old one holds then is all it will ever hold.
  Result<Reached> catch_up() {
    for (;;) {
      std::vector<LogFile> newer = TRY(newer_files(source_.path, current_ ? &*current_ : nullptr));
      if (lines_ && TRY(replay(*lines_, options_, sink_)) == Reached::Until) return Reached::Until;
      if (newer.empty()) return Reached::EndOfFile;
      if (TRY(drain(std::move(newer), {})) == Reached::Until) return Reached::Until;
    }
  }

  const LogSource& source_;
  const LogsOptions& options_;
  const LogSink& sink_;
  std::optional<LogFile> current_;
  std::optional<LineReader> lines_;
};

}  // namespace

Result<> read_logs(const LogSource& source, const LogsOptions& options, const LogSink& sink,
                   std::stop_token stop) {
  std::vector<LogFile> files = TRY(open_log_files(source.path));
  const LogPosition position =
      options.tail ? TRY(find_tail(files, std::max<std::int64_t>(*options.tail, 0))) : LogPosition{};
  if (options.follow)
    return Follower(source, options, sink).run(std::move(files), position, std::move(stop));
  for (std::size_t index = position.file; index < files.size(); ++index) {
    if (stop.stop_requested()) return Error(ErrorKind::Cancelled, "logs: stopped");
    const bool newest = index + 1 == files.size();
    LineReader lines(files[index].fd, index == position.file ? position.offset : 0,
                     newest && source.newest_end ? *source.newest_end : kNoEnd);
    if (TRY(replay(lines, options, sink)) == Reached::Until) break;
  }
  return {};
}

}  // namespace wherry::engine
