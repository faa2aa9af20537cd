// The keeper role: parent of every container and exec. Clones, records, reaps; never waits
// for anything but the next event of its loop. Bytes of containers are the pump's business.
//
// Life of a process:   Starting --Ready--> Ready --Go--> Running --reaped, drained--> Exited
//   record written at             Ready          Running                              Exited
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "io/loop.h"
#include "keeper/protocol.h"
#include "keeperd/handover.h"
#include "keeperd/launcher.h"
#include "keeperd/pump_link.h"
#include "keeperd/reply.h"
#include "keeperd/run_directory.h"
#include "runtime/launch.h"
#include "runtime/plan.h"
#include "sys/fd.h"
#include "sys/pidfd.h"

namespace wherry::keeperd {

struct Process {
  keeper::Record record;
  sys::Pidfd pidfd;
  io::Watch exit_watch;
  StreamNumber stream = 0;  // 0: none, its output is discarded
  StreamFds fds;            // duplicates: a new pump gets them
  sys::Fd oom_counter;
  bool is_child = true;     // false: cloned by a keeper that is dead
  bool reaped = false;      // waits for the pump to drain
  // Between clone and the end of the handshake only.
  struct Handshake {
    runtime::Plan plan;     // names what failed
    sys::Fd channel;
    io::Watch watch;
    io::Timer deadline;
    bool go_at_once = false;
    bool went = false;
    runtime::Newborn newborn{runtime::Plan{}};
    std::uint32_t deadline_ms = 0;
    std::vector<Reply> replies;  // of Start until Ready, then of Go
  };
  std::unique_ptr<Handshake> handshake;
  io::Timer timer;          // unknown exit, or the end of the tombstone
};

class Keeper {
 public:
  struct Settings {
    sys::Fd host_root;  // O_PATH: log directories of records are below it
    sys::Fd dev_null;
    std::unique_ptr<Launcher> launcher;
    std::string build;             // of our own program
    std::function<int()> listener; // for a successor; there once begin() is ready
  };
  Keeper(io::Loop& loop, const RunDirectory& directory, Settings settings);
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;

  // Finds pump and records of a keeper before this one, or takes what it handed over; `ready` runs
  // from the loop once requests can be served.
  Result<> begin(const std::optional<Handover>& handover, std::function<void(Result<>)> ready);

  // One request of the engine.
  void handle(keeper::Message message, const Reply& reply);
  // Events go to the newest subscriber; what is not acknowledged comes first.
  void subscribe(std::weak_ptr<Peer> peer, const Reply& reply);
  // Nothing runs and nobody waits for anything.
  [[nodiscard]] bool is_idle() const;
  [[nodiscard]] keeper::KeeperInfo info() const;

 private:
  // keeper.cc: requests
  Result<> handle_target(keeper::Message& message, const Reply& reply);
  Result<> attach(keeper::Message& message, const Reply& reply);
  Result<> reserve(const keeper::Target& target, const Reply& reply);
  Result<> forget(const keeper::Target& target);
  Result<> resize(const keeper::Target& target, std::string_view rest);
  Result<> signal(const keeper::Target& target, std::string_view rest);
  Result<> close_stdin(const keeper::Target& target);
  void list(const Reply& reply) const;
  void acknowledge(std::uint64_t sequence);
  Result<Process*> find(const keeper::Target& target);
  Result<StreamNumber> stream_of(const keeper::Target& target) const;

  // start.cc: Start and Go
  Result<> start(keeper::Message& message, const Reply& reply);
  Result<> start_again(Process& process, const keeper::StartRequest& request, const Reply& reply);
  Result<> check_room(const keeper::StartRequest& request) const;
  Result<> launch(keeper::StartRequest request, std::vector<sys::Fd> fds, const Reply& reply);
  Result<> watch_process(Process& process);
  Result<> go(const keeper::Target& target, const Reply& reply);
  void say_go(Process& process);
  void on_channel(Process& process);
  bool take_report(Process& process);
  bool act_on(Process& process, runtime::Report report);
  Result<> on_birth(Process& process, const runtime::Report& report);
  Result<> on_ready(Process& process);
  void on_running(Process& process);
  void fail_start(Process& process, const Error& error);
  void reap_later(std::unique_ptr<Process> process);
  void answer_started(Process& process);
  void add_stream(Process& process);

  // exit.cc: ends, events, tombstones
  void on_exit_event(const keeper::Target& target, std::uint32_t events);
  void on_reaped(Process& process, keeper::ExitReport exit);
  void drain(Process& process);
  void on_drained(Process& process);
  void on_pump_event(const keeper::Message& message);
  void on_pump_restarted();
  void publish(const Process& process);
  void send_event(const keeper::Event& event) const;
  void bury(Process& process);
  void drop_old_tombstones();
  void save(const Process& process) const;
  void erase(const keeper::Target& target);
  void reaped_elsewhere(std::string_view body);

  // adopt.cc
  void adopt(Result<keeper::Message> streams, const std::function<void(Result<>)>& ready);
  void adopt_record(keeper::Record record, std::vector<StreamMessage>& streams);
  void adopt_running(Process& process, std::vector<StreamMessage>& streams);
  void adopt_stream(Process& process, std::vector<StreamMessage>& streams);
  void expect_unknown_exit(Process& process);

  // upgrade.cc
  Result<> upgrade(keeper::Message& message, const Reply& reply);
  void try_upgrade();
  [[nodiscard]] bool is_between_starts() const;
  [[nodiscard]] Handover hand_over() const;
  void inherit(const Handover& handover);
  void take_inheritance(Process& process);
  void replace_old_pump();

  // A successor that waits for the end of the starts under way.
  struct Upgrade {
    sys::Fd program;
    Reply reply;
    io::Clock::time_point deadline;
    io::Timer again;
  };

  // Between a handover and the adoption of its records.
  struct Inherited {
    Handover::Process process;
    sys::Fd oom_counter;
  };

  io::Loop& loop_;
  const RunDirectory& directory_;
  Settings settings_;
  PumpLink pump_;
  std::string boot_id_;
  std::uint64_t instance_;
  StreamNumber next_stream_;
  std::uint64_t next_sequence_ = 1;
  std::map<keeper::Target, std::unique_ptr<Process>> processes_;
  std::map<keeper::Target, StreamNumber> reserved_;
  std::map<std::uint64_t, keeper::Event> unacknowledged_;
  std::deque<keeper::Target> tombstones_;  // oldest first
  // Failed starts that are killed but not yet reaped, and processes that gave way to another.
  std::map<std::uint64_t, std::unique_ptr<Process>> dying_;
  std::weak_ptr<Peer> subscriber_;
  std::unique_ptr<Upgrade> upgrade_;
  std::map<keeper::Target, Inherited> inherited_;
  bool pump_is_old_ = false;  // an older build than we are
};

}  // namespace wherry::keeperd
