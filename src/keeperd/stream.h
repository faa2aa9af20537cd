// One run of a container, or one exec, in the pump: its pipes or terminal, its log and its
// clients. Made by Reserve (clients may come before the process) or by Add.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/loop.h"
#include "keeperd/json_log.h"
#include "keeperd/pump_protocol.h"
#include "keeperd/stream_client.h"

namespace wherry::keeperd {

class StreamListener {
 public:
  virtual ~StreamListener() = default;
  virtual void on_drained(StreamNumber number) = 0;
  virtual void on_detached(StreamNumber number) = 0;
  virtual void on_stdin_closed(StreamNumber number) = 0;
  virtual void on_log_lost(StreamNumber number, std::uint64_t lines, const std::string& why) = 0;
  // The stream was removed and its last client has gone: it may be destroyed now.
  virtual void on_finished(StreamNumber number) = 0;
};

// What all streams of a pump share. One read at a time, so one buffer is enough.
struct PumpShared {
  static constexpr std::size_t kReadChunk = 64 * 1024;
  io::Loop& loop;
  StreamListener& listener;
  LogWriter* log_writer;
  LineBuffer lines;
  std::array<char, kReadChunk> chunk;
};

class Stream final : public ClientOwner {
 public:
  Stream(PumpShared& shared, StreamInfo info);
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  [[nodiscard]] const StreamInfo& info() const { return info_; }
  [[nodiscard]] Result<StreamFds> duplicate_fds() const;
  // Somebody may still write: a pipe with a writer, or a terminal that a process has open.
  [[nodiscard]] bool is_open() const;

  // The process exists. A log that cannot be opened is reported as lost, not refused: output
  // still reaches the clients.
  Result<> go_live(StreamMessage message);
  Result<keeper::Attached> attach(sys::Fd connection, keeper::AttachRequest request);
  Result<> release(std::uint64_t client);
  void close_stdin();
  // The process has been reaped: what it left is read to the end, or for three seconds.
  void end();
  // Clients get what they have not had yet, then on_finished() follows.
  void remove();

  [[nodiscard]] bool can_take_input() const override;
  void on_input(std::string_view bytes) override;
  void on_input_end(StreamClient& client) override;
  void on_detach(StreamClient& client) override;
  void on_room() override;
  void on_gone() override;

 private:
  struct Source {
    sys::Fd fd;
    io::Watch watch;
    io::Stream stream = io::Stream::Stdout;
    bool held_back = false;  // a client is full, or the log's disk is slow
    bool hung = false;       // tty: nobody has the other side open now
    std::size_t overrun = 0; // bytes read in spite of full clients, after the end
  };
  Result<> open_source(Source& source);
  void on_source(Source& source, std::uint32_t events);
  void read_source(Source& source);
  void deliver(io::Stream stream, std::string_view bytes);
  void at_end_of(Source& source, int errno_value);
  void update_source(Source& source);
  [[nodiscard]] bool must_hold_back(const Source& source) const;
  void check_drained();
  void set_drained();
  void tell_drained();
  void on_log_written();
  const sys::Fd& input_fd() const { return info_.stdio.tty ? out_.fd : in_; }
  void write_stdin();
  void drop_stdin();
  void watch_stdin();
  void log_later();
  void report_lost();
  void sweep();

  PumpShared& shared_;
  StreamInfo info_;
  sys::Fd in_;
  io::Watch in_watch_;
  bool stdin_open_ = false;
  bool stdin_ends_ = false;  // close it once stdin_pending_ is written
  std::string stdin_pending_;
  Source out_;
  Source err_;
  std::optional<JsonLog> log_;
  std::uint64_t reported_lost_ = 0;
  std::vector<std::unique_ptr<StreamClient>> clients_;
  bool removed_ = false;
  bool draining_ = false;  // nothing is read any more; the log may still be written
  io::Timer drain_timer_;
  io::Timer log_timer_;
  io::Timer sweep_timer_;
};

}  // namespace wherry::keeperd
