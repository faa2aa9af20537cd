// Start and Go: from a plan to a running process.
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "base/log.h"
#include "base/time.h"
#include "keeperd/failpoint.h"
#include "keeperd/keeper.h"
#include "keeperd/stdio.h"

namespace wherry::keeperd {
namespace {

// Pipes, sockets and copies that exist for a moment while a process is started.
constexpr rlim_t kFdsOfOneStart = 64;
constexpr std::uint32_t kLongestDeadlineMs = 10 * 60 * 1000;

// Descriptors in wire order: plan, log directory, out-of-memory counter, then the plan's own.
struct StartParts {
  runtime::Plan plan;
  sys::Fd log_directory;
  sys::Fd oom_counter;
  std::vector<sys::Fd> fds;
};

Result<StartParts> take_parts(const keeper::StartRequest& request, std::vector<sys::Fd> fds) {
  const std::size_t before = 1U + request.has_log_directory + request.has_oom_counter;
  if (fds.size() < before) return Error::invalid("start message lacks descriptors");
  StartParts parts;
  const std::string bytes =
      TRY_AS("plan", sys::read_sealed_memfd(fds[0], runtime::kMaximumPlanBytes));
  std::size_t next = 1;
  if (request.has_log_directory) parts.log_directory = std::move(fds[next++]);
  if (request.has_oom_counter) parts.oom_counter = std::move(fds[next++]);
  for (; next < fds.size(); ++next) parts.fds.push_back(std::move(fds[next]));
  parts.plan = TRY_AS("plan", runtime::decode(bytes, parts.fds.size()));
  return parts;
}

}  // namespace

// The lowest free number tells how full the table is, since new descriptors fill its gaps.
Result<> Keeper::check_room(const keeper::StartRequest& request) const {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  const sys::Fd lowest(::fcntl(settings_.dev_null.get(), F_DUPFD_CLOEXEC, 0));
  const std::uint64_t usable = limit.rlim_cur - std::min<rlim_t>(limit.rlim_cur, kFdsOfOneStart);
  const auto most = std::min<std::uint64_t>(limit.rlim_cur / 10 * 9, usable);
  if (lowest && static_cast<std::uint64_t>(lowest.get()) < most) return {};
  return Error(ErrorKind::Unavailable,
               "cannot start " + request.target.container +
                   ": the keeper has used 90 % of its file descriptors (limit " +
                   std::to_string(limit.rlim_cur) + "); stop containers or raise LimitNOFILE");
}

Result<> Keeper::start(keeper::Message& message, const Reply& reply) {
  keeper::StartRequest request = TRY(keeper::decode_start(message.body));
  if (const auto found = processes_.find(request.target); found != processes_.end()) {
    Process& old = *found->second;
    if (old.record.nonce == request.nonce) return start_again(old, request, reply);
    if (old.record.state != keeper::State::Exited)
      return Error::conflict("the process is already running");
    // An exit that nobody has acknowledged stays in unacknowledged_.
    erase(request.target);
  }
  TRY(check_room(request));
  return launch(std::move(request), std::move(message.fds), reply);
}

// The same start once more: the engine did not get the first answer.
Result<> Keeper::start_again(Process& process, const keeper::StartRequest& request,
                             const Reply& reply) {
  if (process.record.state == keeper::State::Exited)
    return Error::conflict("the process has already ended");
  const bool unfinished = process.record.state == keeper::State::Starting ||
                          (process.handshake && request.go_at_once);
  if (unfinished) {
    process.handshake->replies.push_back(reply);
    return {};
  }
  auto pidfd = TRY(process.pidfd.fd().duplicate());
  keeper::Started started{process.record.pid, process.record.start_time,
                          process.record.state == keeper::State::Running};
  std::vector<sys::Fd> fds;
  fds.push_back(std::move(pidfd));
  reply.ok(keeper::encode(started), std::move(fds));
  return {};
}

Result<> Keeper::launch(keeper::StartRequest request, std::vector<sys::Fd> fds,
                        const Reply& reply) {
  StartParts parts = TRY(take_parts(request, std::move(fds)));
  if (parts.plan.terminal != request.stdio.tty)
    return Error::invalid("plan and request do not agree about the terminal");
  Pipes pipes = TRY(make_pipes(request.stdio, settings_.dev_null));
  auto process = std::make_unique<Process>();
  keeper::Record& record = process->record;
  note_identities(pipes.ours, record);

  runtime::Launch launched =
      TRY(settings_.launcher->launch(parts.plan, parts.fds, pipes.child));
  record.target = request.target;
  record.nonce = std::move(request.nonce);
  record.pid = launched.pid;
  record.start_time = sys::process_start_time(launched.pid).value_or(0);
  record.boot_id = boot_id_;
  record.cgroup = std::move(request.cgroup);
  record.stdio = request.stdio;
  record.log = std::move(request.log);
  process->pidfd = std::move(launched.pidfd);
  process->fds = std::move(pipes.ours);
  process->fds.log_directory = std::move(parts.log_directory);
  process->oom_counter = std::move(parts.oom_counter);
  process->handshake = std::make_unique<Process::Handshake>();
  Process::Handshake& handshake = *process->handshake;
  handshake.plan = std::move(parts.plan);
  handshake.newborn = runtime::Newborn(handshake.plan);
  handshake.channel = std::move(launched.channel);
  handshake.go_at_once = request.go_at_once;
  handshake.deadline_ms = std::min(request.deadline_ms, kLongestDeadlineMs);
  handshake.replies.push_back(reply);
  Process& kept = *(processes_[request.target] = std::move(process));
  if (auto watched = watch_process(kept); !watched) fail_start(kept, watched.error());
  return {};
}

Result<> Keeper::watch_process(Process& process) {
  const keeper::Target target = process.record.target;
  process.exit_watch =
      TRY(loop_.watch(process.pidfd.fd(), EPOLLIN, [this, target](std::uint32_t events) {
        on_exit_event(target, events);
      }));
  Process::Handshake& handshake = *process.handshake;
  handshake.watch = TRY(loop_.watch(handshake.channel, EPOLLIN,
                                    [this, &process](std::uint32_t) { on_channel(process); }));
  handshake.deadline = loop_.after(std::chrono::milliseconds(handshake.deadline_ms), [this, &process] {
    fail_start(process, Error(ErrorKind::Deadline, "the container did not become ready in time"));
  });
  return {};
}

void Keeper::on_channel(Process& process) {
  while (take_report(process)) {
  }
}

// One word of the child. False: nothing more now, or the handshake is over.
bool Keeper::take_report(Process& process) {
  Process::Handshake& handshake = *process.handshake;
  auto report = runtime::read_report(handshake.channel, MSG_DONTWAIT);
  if (!report && report.error().errno_value() == EAGAIN) return false;
  if (!report) {
    fail_start(process, report.error());
    return false;
  }
  if (handshake.newborn.keeps(*report, process.record.pid)) return true;
  return act_on(process, std::move(*report));
}

bool Keeper::act_on(Process& process, runtime::Report report) {
  Process::Handshake& handshake = *process.handshake;
  switch (report.kind) {
    case runtime::ReportKind::PtyMaster:
      process.fds.out = std::move(report.pty);
      set_nonblocking(process.fds.out);
      return true;
    case runtime::ReportKind::Ready:
      if (auto ready = on_ready(process); ready) return true;
      else fail_start(process, ready.error());
      return false;
    case runtime::ReportKind::Born:
      if (auto born = on_birth(process, report); !born) {
        fail_start(process, born.error());
        return false;
      }
      if (auto kept = handshake.newborn.take_kept()) return act_on(process, std::move(*kept));
      return true;
    case runtime::ReportKind::Listener:
      fail_start(process, Error(ErrorKind::Unsupported, "a seccomp listener is not supported"));
      return false;
    case runtime::ReportKind::Failed:
      fail_start(process, runtime::describe(handshake.plan, report.failure));
      return false;
    case runtime::ReportKind::Waiting:
      fail_start(process, Error::internal("the plan has hooks, which the engine's containers have not"));
      return false;
    case runtime::ReportKind::Closed: break;
  }
  if (handshake.went) {
    on_running(process);
  } else {
    fail_start(process, Error::internal("the container's first process ended before it was ready"));
  }
  return false;
}

// From here on the process is the one that the first made; that one ends by itself.
Result<> Keeper::on_birth(Process& process, const runtime::Report& report) {
  sys::Pidfd born = TRY(process.handshake->newborn.meet(report, process.record.pid));
  auto parent = std::make_unique<Process>();
  parent->pidfd = std::exchange(process.pidfd, std::move(born));
  process.record.pid = report.pid;
  process.record.start_time = sys::process_start_time(report.pid).value_or(0);
  const keeper::Target target = process.record.target;
  process.exit_watch =
      TRY(loop_.watch(process.pidfd.fd(), EPOLLIN, [this, target](std::uint32_t events) {
        on_exit_event(target, events);
      }));
  reap_later(std::move(parent));
  return {};
}

Result<> Keeper::on_ready(Process& process) {
  keeper::Record& record = process.record;
  if (record.state != keeper::State::Starting)
    return Error::internal("the container's first process was ready twice");
  if (record.stdio.tty) {
    if (!process.fds.out) return Error::internal("the container has sent no terminal");
    const keeper::WindowSize& window = record.stdio.window;
    if (window.rows != 0 || window.columns != 0) TRY(set_window(process.fds.out, window));
  }
  record.state = keeper::State::Ready;
  failpoint("keeper.before_record");
  TRY_AS("record", directory_.write(record));
  failpoint("keeper.after_record");
  add_stream(process);
  if (process.handshake->go_at_once) {
    say_go(process);
    return {};
  }
  process.handshake->deadline.reset();  // the engine's time now
  answer_started(process);
  return {};
}

void Keeper::answer_started(Process& process) {
  const keeper::Started started{process.record.pid, process.record.start_time,
                                process.record.state == keeper::State::Running};
  for (const Reply& reply : std::exchange(process.handshake->replies, {})) {
    auto pidfd = process.pidfd.fd().duplicate();
    if (!pidfd) {
      reply.fail(pidfd.error());
      continue;
    }
    std::vector<sys::Fd> fds;
    fds.push_back(std::move(*pidfd));
    reply.ok(keeper::encode(started), std::move(fds));
  }
}

void Keeper::add_stream(Process& process) {
  keeper::Record& record = process.record;
  auto reserved = reserved_.extract(record.target);
  if (record.stdio.discard) {
    if (!reserved.empty()) pump_.tell(PumpVerb::Remove, encode_number(reserved.mapped()));
    return;
  }
  if (process.stream == 0)
    process.stream = reserved.empty() ? next_stream_++ : reserved.mapped();
  StreamMessage message;
  message.info.number = process.stream;
  message.info.target = record.target;
  message.info.nonce = record.nonce;
  message.info.stdio = record.stdio;
  message.info.log = record.log;
  const auto copy = [](const sys::Fd& from, sys::Fd& to) {
    if (!from) return;
    if (auto duplicate = from.duplicate()) to = std::move(*duplicate);
  };
  copy(process.fds.in, message.fds.in);
  copy(process.fds.out, message.fds.out);
  copy(process.fds.err, message.fds.err);
  copy(process.fds.log_directory, message.fds.log_directory);
  const std::string body = encode(message);
  pump_.tell(PumpVerb::Add, body, take_fds(message.fds));
}

Result<> Keeper::go(const keeper::Target& target, const Reply& reply) {
  Process& process = *TRY(find(target));
  if (process.record.state == keeper::State::Starting)
    return Error::conflict("the process is not ready");
  if (!process.handshake) {  // it runs, or ran
    reply.ok();
    return {};
  }
  process.handshake->replies.push_back(reply);
  if (!process.handshake->went) say_go(process);
  return {};
}

void Keeper::say_go(Process& process) {
  Process::Handshake& handshake = *process.handshake;
  failpoint("keeper.before_go");
  handshake.went = true;
  // A child that is gone shows as the channel's end of file.
  if (auto said = runtime::say_go(handshake.channel); !said)
    log::debug("go: {}", said.error().message());
  failpoint("keeper.after_go");
  handshake.deadline =
      loop_.after(std::chrono::milliseconds(handshake.deadline_ms), [this, &process] {
        fail_start(process, Error(ErrorKind::Deadline, "the container's program did not start in time"));
      });
}

void Keeper::on_running(Process& process) {
  process.record.state = keeper::State::Running;
  process.record.started_ns = to_unix_nanos(now());
  save(process);
  const auto handshake = std::move(process.handshake);
  handshake->watch.reset();
  if (!handshake->go_at_once) {
    for (const Reply& reply : handshake->replies) reply.ok();
    return;
  }
  process.handshake = std::make_unique<Process::Handshake>();
  process.handshake->replies = std::move(handshake->replies);
  answer_started(process);
  process.handshake.reset();
}

// The process is killed and reaped without an event; everybody who waits gets `error`.
void Keeper::fail_start(Process& process, const Error& error) {
  if (process.handshake)
    for (const Reply& reply : process.handshake->replies) reply.fail(error);
  const keeper::Target target = process.record.target;
  directory_.remove(target);
  auto reserved = reserved_.extract(target);
  const StreamNumber stream = reserved.empty() ? process.stream : reserved.mapped();
  if (stream != 0) pump_.tell(PumpVerb::Remove, encode_number(stream));
  static_cast<void>(process.pidfd.signal(SIGKILL));

  reap_later(std::move(processes_.extract(target).mapped()));
}

void Keeper::reap_later(std::unique_ptr<Process> process) {
  const std::uint64_t key = next_stream_++;
  auto& dying = dying_[key] = std::move(process);
  if (dying->handshake) {
    dying->handshake->watch.reset();
    dying->handshake->deadline.reset();
  }
  dying->exit_watch.reset();
  auto watch = loop_.watch(dying->pidfd.fd(), EPOLLIN, [this, key](std::uint32_t) {
    const auto status = dying_.at(key)->pidfd.reap();
    if (!status || *status) dying_.erase(key);
  });
  if (watch) {
    dying->exit_watch = std::move(*watch);
  } else {
    log::error("watch a failed start: {}", watch.error().message());
  }
}

}  // namespace wherry::keeperd
