// The keeper's end of keeper <-> pump: finds a running pump or spawns one, carries requests
// and events, and brings a new pump up when the old one dies.
#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "io/loop.h"
#include "keeperd/peer.h"
#include "keeperd/pump_protocol.h"
#include "keeperd/run_directory.h"
#include "sys/pidfd.h"

namespace wherry::keeperd {

class PumpLink {
 public:
  using Answer = std::function<void(Result<keeper::Message>)>;
  struct Handlers {
    // Drained, Detached, StdinClosed, LogLost.
    std::function<void(const keeper::Message&)> event;
    // A new pump is there and knows nothing: add every stream again.
    std::function<void()> restarted;
  };
  struct Found {
    bool was_running = false;  // it may have streams
  };

  PumpLink(io::Loop& loop, const RunDirectory& directory, Handlers handlers)
      : loop_(loop), directory_(directory), handlers_(std::move(handlers)) {}
  PumpLink(const PumpLink&) = delete;
  PumpLink& operator=(const PumpLink&) = delete;

  // Connects to the pump that is there, or to a new one.
  Result<Found> start();
  // `answer` runs once, from the loop; with Unavailable if the pump dies first.
  void request(PumpVerb verb, std::string_view body, std::vector<sys::Fd> fds, Answer answer);
  // Without an answer; lost if the pump dies, and then repeated by restarted().
  void tell(PumpVerb verb, std::string_view body, std::vector<sys::Fd> fds = {});
  [[nodiscard]] pid_t pid() const { return pid_; }
  // What the pump said of itself when it was adopted.
  void set_pid(pid_t pid) { pid_ = pid; }

  // For a handover: no request is open and no message is half sent or half read.
  [[nodiscard]] bool is_quiet() const { return peer_ && answers_.empty() && peer_->is_idle(); }
  void hand_over(Handover& handover) const;
  // The successor's side; the pump does not notice.
  Result<> inherit(const Handover& handover);
  // Another pump, of this keeper's own program, in place of one that has no stream.
  Result<> replace();

 private:
  Result<> connect();
  Result<> use(sys::Fd socket);
  Result<> spawn();
  Result<> watch_child(pid_t pid);
  void on_message(keeper::Message message);
  void on_closed();
  void restart();

  io::Loop& loop_;
  const RunDirectory& directory_;
  Handlers handlers_;
  std::unique_ptr<Peer> peer_;
  pid_t pid_ = 0;
  struct Child {
    sys::Pidfd pidfd;
    io::Watch watch;
  };
  std::map<pid_t, Child> children_;  // spawned and not yet reaped
  std::map<std::uint64_t, Answer> answers_;
  std::uint64_t next_operation_ = 1;
  io::Clock::time_point started_;
  io::Timer restart_timer_;
};

}  // namespace wherry::keeperd
