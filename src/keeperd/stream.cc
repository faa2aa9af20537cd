#include "keeperd/stream.h"

#include <fmt/format.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/log.h"

namespace wherry::keeperd {
namespace {

constexpr std::chrono::milliseconds kDrainTime{3000};
constexpr std::chrono::seconds kLogTime{30};
constexpr std::size_t kBytesPerTurn = 256 * 1024;
constexpr std::size_t kStdinPending = 64 * 1024;
constexpr std::size_t kMostClients = 256;
// More than a pipe holds (64 KiB, 1 MiB if the process enlarged it).
constexpr std::size_t kMostOverrun = 1 << 20;
constexpr std::chrono::milliseconds kLogRetry{20};

}  // namespace

Stream::Stream(PumpShared& shared, StreamInfo info) : shared_(shared), info_(std::move(info)) {
  err_.stream = io::Stream::Stderr;
}

Result<StreamFds> Stream::duplicate_fds() const {
  StreamFds fds;
  if (in_) fds.in = TRY(in_.duplicate());
  if (out_.fd) fds.out = TRY(out_.fd.duplicate());
  if (err_.fd) fds.err = TRY(err_.fd.duplicate());
  if (log_) fds.log_directory = TRY(log_->directory().duplicate());
  return fds;
}

bool Stream::is_open() const {
  return (out_.fd && !out_.hung) || static_cast<bool>(err_.fd);
}

Result<> Stream::go_live(StreamMessage message) {
  if (info_.live) return {};
  info_ = std::move(message.info);
  info_.live = true;
  info_.ended = info_.drained = draining_ = false;
  in_ = std::move(message.fds.in);
  out_.fd = std::move(message.fds.out);
  err_.fd = std::move(message.fds.err);
  stdin_open_ = static_cast<bool>(input_fd());
  if (info_.log.driver == keeper::LogDriver::JsonFile && message.fds.log_directory) {
    auto file = LogFile::open(std::move(message.fds.log_directory), info_.log);
    if (file) {
      log_.emplace(std::move(*file), info_.log, shared_.lines, shared_.log_writer);
      log_->when_written([this] { on_log_written(); });
    } else {
      shared_.listener.on_log_lost(info_.number, 0, file.error().message());
    }
  }
  TRY(open_source(out_));
  TRY(open_source(err_));
  for (auto& client : clients_) client->resume_input();
  return {};
}

Result<> Stream::open_source(Source& source) {
  if (!source.fd) return {};
  source.watch = TRY(shared_.loop.watch(
      source.fd, EPOLLIN, [this, &source](std::uint32_t events) { on_source(source, events); }));
  return {};
}

// ---- output -------------------------------------------------------------------------------

bool Stream::must_hold_back(const Source& source) const {
  if (info_.ended && source.overrun < kMostOverrun) return false;
  return (log_ && log_->must_hold_back()) ||
         std::ranges::any_of(clients_, [](const auto& client) { return client->is_full(); });
}

void Stream::update_source(Source& source) {
  if (!source.watch) return;
  const bool writes = info_.stdio.tty && &source == &out_ && !stdin_pending_.empty();
  std::uint32_t events = source.held_back ? 0U : EPOLLIN;
  // Edge-triggered while hung, so that EPOLLHUP does not come again and again: the next
  // opening and write of the terminal does.
  if (source.hung) events |= EPOLLET;
  source.watch.set_events(events | (writes ? EPOLLOUT : 0U));
}

void Stream::on_source(Source& source, std::uint32_t events) {
  if ((events & EPOLLOUT) != 0) write_stdin();
  // A pipe whose writers have gone reports EPOLLHUP even while it is held back.
  if (source.held_back && must_hold_back(source)) return source.watch.suspend();
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) read_source(source);
}

void Stream::read_source(Source& source) {
  for (std::size_t taken = 0; taken < kBytesPerTurn && source.fd;) {
    source.held_back = must_hold_back(source);
    if (source.held_back) break;
    const ssize_t count = ::read(source.fd.get(), shared_.chunk.data(), shared_.chunk.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) break;
    if (count <= 0) return at_end_of(source, count < 0 ? errno : 0);
    const auto size = static_cast<std::size_t>(count);
    source.hung = false;
    if (info_.ended) source.overrun += size;
    deliver(source.stream, {shared_.chunk.data(), size});
    taken += size;
    // Less than there was room for: the pipe is empty, and its next byte will wake us.
    if (size < PumpShared::kReadChunk && !info_.ended) break;
  }
  update_source(source);
}

void Stream::deliver(io::Stream stream, std::string_view bytes) {
  for (auto& client : clients_)
    if (client->wants(stream)) client->send(stream, bytes);
  if (!log_) return;
  log_->write(stream, bytes, now());
  if (log_->has_waiting() && !log_->is_busy()) log_later();
  report_lost();
}

// Pipes end for good. A terminal reports EIO whenever no process has it open, which may be
// in the middle of a container's life.
void Stream::at_end_of(Source& source, int errno_value) {
  if (errno_value == EIO && info_.stdio.tty && !info_.ended) {
    source.hung = true;
    return update_source(source);
  }
  source.watch.reset();
  // The terminal's master is also its input, and closing it would hang up a new session.
  if (!info_.stdio.tty || info_.ended) source.fd.reset();
  if (info_.stdio.tty) drop_stdin();
  check_drained();
}

void Stream::log_later() {
  if (log_timer_) return;
  log_timer_ = shared_.loop.after(std::chrono::milliseconds(0), [this] {
    log_timer_.reset();
    log_->flush_waiting(now());
    report_lost();
    if (!log_->has_waiting() || log_->is_busy()) return;
    log_timer_ = shared_.loop.after(kLogRetry, [this] {
      log_timer_.reset();
      log_later();
    });
  });
}

void Stream::report_lost() {
  if (log_->lost_lines() == reported_lost_) return;
  // Once per doubling: a full disk must not become a flood of events.
  const bool report = reported_lost_ == 0 || log_->lost_lines() >= 2 * reported_lost_;
  if (!report) return;
  reported_lost_ = log_->lost_lines();
  shared_.listener.on_log_lost(info_.number, reported_lost_, log_->last_error());
}

// ---- the end ------------------------------------------------------------------------------

void Stream::end() {
  if (std::exchange(info_.ended, true)) return;
  drain_timer_ = shared_.loop.after(kDrainTime, [this] { set_drained(); });
  for (Source* source : {&out_, &err_}) {
    if (!source->watch) continue;
    source->held_back = false;
    source->hung = false;
    update_source(*source);
    read_source(*source);
  }
  check_drained();
}

void Stream::check_drained() {
  if (info_.ended && !out_.fd && !err_.fd) set_drained();
}

void Stream::on_log_written() {
  report_lost();
  if (draining_) return tell_drained();
  if (log_->has_waiting()) log_later();
  on_room();
}

void Stream::set_drained() {
  if (std::exchange(draining_, true)) return;
  drain_timer_.reset();
  log_timer_.reset();
  for (Source* source : {&out_, &err_}) {
    source->watch.reset();
    source->fd.reset();
  }
  drop_stdin();
  if (log_) log_->finish(now());
  if (!log_ || !log_->is_busy()) return tell_drained();
  // A disk that has stopped for good shall not keep the exit from being known.
  drain_timer_ = shared_.loop.after(kLogTime, [this] {
    shared_.listener.on_log_lost(info_.number, log_->lost_lines(), "the log's disk does not answer");
    tell_drained();
  });
}

void Stream::tell_drained() {
  drain_timer_.reset();
  info_.drained = true;
  if (log_) {
    report_lost();
    log_.reset();
  }
  for (auto& client : clients_) client->finish();
  shared_.listener.on_drained(info_.number);
  if (removed_) on_gone();
}

void Stream::remove() {
  removed_ = true;
  if (!draining_) {
    info_.ended = true;
    set_drained();
  }
  sweep();
}

void Stream::on_gone() {
  // Not at once: the caller is still inside of the client.
  if (!sweep_timer_)
    sweep_timer_ = shared_.loop.after(std::chrono::milliseconds(0), [this] { sweep(); });
}

void Stream::sweep() {
  sweep_timer_.reset();
  std::erase_if(clients_, [](const auto& client) { return client->is_gone(); });
  on_room();
  if (removed_ && info_.drained && clients_.empty()) shared_.listener.on_finished(info_.number);
}

// ---- clients ------------------------------------------------------------------------------

Result<keeper::Attached> Stream::attach(sys::Fd connection, keeper::AttachRequest request) {
  if (draining_) return Error::not_found("the process has ended");
  if (clients_.size() >= kMostClients)
    return Error(ErrorKind::Unavailable, fmt::format("more than {} clients are attached", kMostClients));
  const bool hold = request.hold;
  auto client =
      TRY(StreamClient::create(shared_.loop, *this, std::move(connection), std::move(request)));
  keeper::Attached attached;
  attached.client = client->id();
  if (log_) {
    log_->settle(now());
    attached.position = log_->position();
  }
  if (hold && log_) {
    // Seen by earlier clients, but in no log file yet: the replay cannot have it.
    for (const io::Stream stream : {io::Stream::Stdout, io::Stream::Stderr})
      if (client->wants(stream)) client->send(stream, log_->unfinished(stream));
  }
  clients_.push_back(std::move(client));
  clients_.back()->resume_input();
  return attached;
}

Result<> Stream::release(std::uint64_t client) {
  const auto found = std::ranges::find(clients_, client, [](const auto& one) { return one->id(); });
  if (found == clients_.end()) return Error::not_found("no such client");
  (*found)->release();
  return {};
}

void Stream::on_room() {
  for (Source* source : {&out_, &err_}) {
    if (!source->watch || !source->held_back || must_hold_back(*source)) continue;
    source->held_back = false;
    update_source(*source);
  }
}

void Stream::on_detach(StreamClient& client) {
  shared_.listener.on_detached(info_.number);
  client.finish();
}

void Stream::on_input_end(StreamClient& client) {
  // Docker's rule (container/stream/attach.go): stdin_once passes the end on, otherwise the
  // end of a client's input ends this client alone.
  if (info_.stdio.stdin_once && !info_.stdio.tty) {
    close_stdin();
  } else {
    client.finish();
  }
}

// ---- stdin --------------------------------------------------------------------------------

bool Stream::can_take_input() const {
  return info_.live && stdin_pending_.size() < kStdinPending;
}

void Stream::on_input(std::string_view bytes) {
  if (!stdin_open_ || stdin_ends_) return;  // as to a closed pipe: nobody will read it
  stdin_pending_.append(bytes);
  write_stdin();
}

void Stream::write_stdin() {
  if (!stdin_open_) return;
  while (!stdin_pending_.empty()) {
    const ssize_t count =
        ::write(input_fd().get(), stdin_pending_.data(), stdin_pending_.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) break;
    if (count < 0) return drop_stdin();
    stdin_pending_.erase(0, static_cast<std::size_t>(count));
  }
  if (stdin_pending_.empty() && stdin_ends_) return drop_stdin();
  watch_stdin();
  if (can_take_input())
    for (auto& client : clients_) client->resume_input();
}

void Stream::watch_stdin() {
  if (info_.stdio.tty) return update_source(out_);
  if (stdin_pending_.empty()) return in_watch_.reset();
  if (in_watch_) return;
  auto watch = shared_.loop.watch(in_, EPOLLOUT, [this](std::uint32_t) { write_stdin(); });
  if (!watch) {
    log::error("watch stdin: {}", watch.error().message());
    return drop_stdin();
  }
  in_watch_ = std::move(*watch);
}

void Stream::close_stdin() {
  if (info_.stdio.tty || !info_.live) {
    stdin_ends_ = stdin_ends_ || !info_.stdio.tty;
    return;
  }
  stdin_ends_ = true;
  if (stdin_pending_.empty()) drop_stdin();
}

// Nothing can be written any more, or nothing more will come.
void Stream::drop_stdin() {
  std::string().swap(stdin_pending_);
  in_watch_.reset();
  if (!std::exchange(stdin_open_, false)) return;
  in_.reset();
  shared_.listener.on_stdin_closed(info_.number);
  for (auto& client : clients_) client->resume_input();
}

}  // namespace wherry::keeperd
