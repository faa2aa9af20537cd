// Ends of processes: reaping, draining, the exit event, tombstones.
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/log.h"
#include "base/strings.h"
#include "base/time.h"
#include "keeperd/failpoint.h"
#include "keeperd/keeper.h"

namespace wherry::keeperd {
namespace {

constexpr std::chrono::minutes kTombstoneLife{10};
constexpr std::size_t kMostTombstones = 4096;
constexpr std::int32_t kUnknownCode = 255;

// "oom_kill N" stands in memory.events of cgroup v2 and in memory.oom_control of v1 (since
// Linux 4.13).
bool was_oom_killed(const sys::Fd& counter) {
  if (!counter) return false;
  std::array<char, 1024> text;
  const ssize_t count = ::pread(counter.get(), text.data(), text.size(), 0);
  if (count <= 0) return false;
  for (const std::string_view line : split({text.data(), static_cast<std::size_t>(count)}, '\n'))
    if (const auto parts = cut(line, ' '); parts && parts->before == "oom_kill")
      return parse_u64(trim(parts->after)).value_or(0) > 0;
  return false;
}

keeper::ExitReport report_of(const sys::ExitStatus& status) {
  keeper::ExitReport report;
  report.code = status.code;
  report.by_signal = status.by_signal;
  return report;
}

}  // namespace

void Keeper::on_exit_event(const keeper::Target& target, std::uint32_t events) {
  const auto found = processes_.find(target);
  if (found == processes_.end()) return;
  Process& process = *found->second;
  if (process.handshake && process.handshake->newborn.awaited()) {
    // Its last word may be that another goes on in its place. The watch that calls us goes with it.
    const keeper::Target own = target;
    const pid_t pid = process.record.pid;
    on_channel(process);
    const auto still = processes_.find(own);
    if (still == processes_.end() || still->second.get() != &process || process.record.pid != pid) return;
  }
  if (process.is_child) {
    const auto status = process.pidfd.reap();
    if (status && !*status) return;
    process.exit_watch.reset();
    return on_reaped(process, status ? report_of(**status)
                                     : keeper::ExitReport{kUnknownCode, false, false, false, 0});
  }
  // Of an adopted process the kernel tells the code only once somebody has reaped it; then
  // EPOLLHUP comes (both since Linux 6.15).
  if (const auto status = process.pidfd.exit_info()) {
    process.exit_watch.reset();
    return on_reaped(process, report_of(*status));
  }
  if ((events & EPOLLHUP) == 0) process.exit_watch.set_events(0);
  else process.exit_watch.reset();
  expect_unknown_exit(process);
}

void Keeper::reaped_elsewhere(std::string_view body) {
  std::int32_t pid = 0;
  keeper::ExitReport report;
  keeper::Reader(body).get(pid).get(report.code).get(report.by_signal);
  const auto found = std::ranges::find_if(processes_, [pid](const auto& one) {
    const Process& process = *one.second;
    return process.record.pid == pid && !process.is_child && !process.reaped &&
           process.record.state != keeper::State::Exited;
  });
  if (found == processes_.end()) return;
  found->second->exit_watch.reset();
  on_reaped(*found->second, report);
}

void Keeper::on_reaped(Process& process, keeper::ExitReport exit) {
  if (process.reaped) return;
  // Its last word may not have been read yet: a failed exec, or the end of the channel.
  if (process.handshake) {
    const keeper::Target target = process.record.target;
    on_channel(process);
    const auto found = processes_.find(target);
    if (found == processes_.end() || found->second.get() != &process) return;
    if (process.record.state != keeper::State::Running) {
      // The launcher, or who was cloned meanwhile, may hold the other end of the channel a moment
      // longer than the process has lived: no end is seen then. After Go a failure would have been
      // said in it, so the program ran.
      if (!process.handshake->went || process.handshake->newborn.awaited())
        return fail_start(process, Error::internal("the container's first process was killed before it could start"));
      on_running(process);
    }
  }
  process.reaped = true;
  process.timer.reset();
  process.record.exit = exit;
  process.record.exit.finished_ns = to_unix_nanos(now());
  process.record.exit.oom_killed = was_oom_killed(process.oom_counter);
  process.oom_counter = {};
  drain(process);
}

void Keeper::drain(Process& process) {
  if (process.stream == 0) return on_drained(process);
  pump_.tell(PumpVerb::Ended, encode_number(process.stream));
}

void Keeper::on_drained(Process& process) {
  if (process.stream != 0)
    pump_.tell(PumpVerb::Remove, encode_number(std::exchange(process.stream, 0)));
  process.fds = {};
  process.pidfd = {};
  process.record.state = keeper::State::Exited;
  process.record.exit_sequence = next_sequence_++;
  failpoint("keeper.before_exit_record");
  save(process);
  failpoint("keeper.after_exit_record");
  publish(process);
  replace_old_pump();
}

void Keeper::publish(const Process& process) {
  keeper::Event event;
  event.kind = keeper::EventKind::Exited;
  event.sequence = process.record.exit_sequence;
  event.target = process.record.target;
  event.nonce = process.record.nonce;
  event.exit = process.record.exit;
  send_event(event);
  unacknowledged_.emplace(event.sequence, std::move(event));
}

void Keeper::send_event(const keeper::Event& event) const {
  const auto peer = subscriber_.lock();
  if (!peer) return;
  constexpr std::array kVerbs{keeper::Verb::Exited, keeper::Verb::Detached, keeper::Verb::LogLost};
  peer->send(kVerbs.at(static_cast<std::size_t>(event.kind)), 0, keeper::encode(event));
}

void Keeper::subscribe(std::weak_ptr<Peer> peer, const Reply& reply) {
  subscriber_ = std::move(peer);
  reply.ok(keeper::encode(info()));
  for (const auto& [sequence, event] : unacknowledged_) send_event(event);
}

void Keeper::acknowledge(std::uint64_t sequence) {
  const auto event = unacknowledged_.extract(sequence);
  if (event.empty()) return;
  const keeper::Target& target = event.mapped().target;
  const auto found = processes_.find(target);
  if (found == processes_.end() || found->second->record.exit_sequence != sequence) return;
  if (!target.exec.empty()) return erase(target);  // the engine keeps an exec's result
  found->second->record.acknowledged = true;
  save(*found->second);
}

void Keeper::on_pump_event(const keeper::Message& message) {
  const auto body = decode_number(message.body);
  if (!body) return log::error("pump: {}", body.error().message());
  const auto found = std::ranges::find_if(
      processes_, [&](const auto& one) { return one.second->stream == body->number; });
  if (found == processes_.end()) return;
  Process& process = *found->second;
  keeper::Event event;
  event.target = process.record.target;
  event.nonce = process.record.nonce;
  switch (pump_verb(message.verb)) {
    case PumpVerb::Drained:
      if (process.reaped) on_drained(process);
      return;
    case PumpVerb::StdinClosed: process.fds.in.reset(); return;
    case PumpVerb::Detached: event.kind = keeper::EventKind::Detached; break;
    case PumpVerb::LogLost:
      event.kind = keeper::EventKind::LogLost;
      keeper::Reader(body->rest).get(event.lost_lines).get(event.text, 4096);
      log::warning("log of {}: {} lines lost: {}", event.target.container, event.lost_lines, event.text);
      break;
    default: return;
  }
  send_event(event);
}

// Clients of the dead pump are gone with it; containers have noticed nothing.
void Keeper::on_pump_restarted() {
  for (const auto& [target, number] : reserved_) {
    StreamMessage body;
    body.info.number = number;
    body.info.target = target;
    pump_.tell(PumpVerb::Reserve, encode(body));
  }
  for (auto& [target, process] : processes_) {
    if (process->stream == 0) continue;
    add_stream(*process);
    if (process->reaped) pump_.tell(PumpVerb::Ended, encode_number(process->stream));
  }
}

void Keeper::bury(Process& process) {
  unacknowledged_.erase(process.record.exit_sequence);
  if (!process.record.target.exec.empty()) return erase(process.record.target);
  if (process.record.forgotten) return;
  process.record.forgotten = process.record.acknowledged = true;
  save(process);
  const keeper::Target target = process.record.target;
  tombstones_.push_back(target);
  process.timer = loop_.after(kTombstoneLife, [this, target] { erase(target); });
  drop_old_tombstones();
}

void Keeper::drop_old_tombstones() {
  while (tombstones_.size() > kMostTombstones) erase(keeper::Target(tombstones_.front()));
}

void Keeper::save(const Process& process) const {
  if (auto written = directory_.write(process.record); !written)
    log::error("record of {}: {}", process.record.target.container, written.error().message());
}

void Keeper::erase(const keeper::Target& target) {
  directory_.remove(target);
  std::erase(tombstones_, target);
  // Its own timer may be what is running.
  if (auto node = processes_.extract(target); !node.empty())
    loop_.defer([old = std::shared_ptr<Process>(std::move(node.mapped()))] {});
}

}  // namespace wherry::keeperd
