// The pump role: every byte between containers, logs and attached clients. One thread, and a few for
// logs on slow disks; no capabilities, a short list of system calls. It listens for its keeper, so
// that a new keeper finds it and everything in it again; it ends when keeper and streams are gone.
#pragma once

#include <map>
#include <memory>

#include "io/loop.h"
#include "keeperd/peer.h"
#include "keeperd/pump_protocol.h"
#include "keeperd/stream.h"

namespace wherry::keeperd {

class Pump final : public StreamListener {
 public:
  // `listener`: a listening SOCK_SEQPACKET socket that only the keeper can reach.
  static Result<std::unique_ptr<Pump>> create(io::Loop& loop, sys::Fd listener);

  void on_drained(StreamNumber number) override;
  void on_detached(StreamNumber number) override;
  void on_stdin_closed(StreamNumber number) override;
  void on_log_lost(StreamNumber number, std::uint64_t lines, const std::string& why) override;
  void on_finished(StreamNumber number) override;

 private:
  struct Reply {
    std::string body;
    std::vector<sys::Fd> fds;
  };
  Pump(io::Loop& loop, sys::Fd listener)
      : loop_(loop), listener_(std::move(listener)), shared_{loop, *this, {}, {}, {}} {}
  void accept_keeper();
  void lose_keeper();
  void on_message(keeper::Message message);
  Result<Reply> handle(keeper::Message& message);
  Result<Reply> handle_numbered(const keeper::Message& message);
  Result<Reply> adopt();
  Result<Reply> reserve(keeper::Message& message);
  Result<Reply> add(keeper::Message& message);
  Result<Reply> attach(keeper::Message& message);
  Result<Reply> release(const keeper::Message& message);
  Result<Stream*> find(StreamNumber number);
  void tell(PumpVerb verb, StreamNumber number, std::string_view rest = {});
  void end_if_unused();

  io::Loop& loop_;
  sys::Fd listener_;
  io::Watch watch_;
  std::unique_ptr<LogWriter> log_writer_;
  PumpShared shared_;
  std::map<StreamNumber, std::unique_ptr<Stream>> streams_;
  std::unique_ptr<Peer> keeper_;
  io::Timer unused_timer_;
};

// Drops every capability and installs the filter of system calls. Nothing can be executed or
// cloned afterwards.
Result<> confine_pump();

// main() of `wherry-keeper --pump`.
int pump_main(sys::Fd listener);

}  // namespace wherry::keeperd
