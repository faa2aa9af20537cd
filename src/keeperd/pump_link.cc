#include "keeperd/pump_link.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/log.h"

namespace wherry::keeperd {
namespace {

constexpr char kSocketName[] = "pump.sock";
constexpr int kListenFd = 3;
// A pump that dies sooner than this after its start is restarted with a pause.
constexpr std::chrono::seconds kHealthy{1};

Result<pid_t> spawn_pump(const sys::Fd& listener) {
  // dup2 onto itself would keep close-on-exec.
  const sys::Fd high(::fcntl(listener.get(), F_DUPFD_CLOEXEC, kListenFd + 1));
  if (!high) return Error::from_errno(errno, "duplicate descriptor");
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, high.get(), kListenFd);
  std::array<std::string, 4> words{"wherry-keeper", "--pump", "--listen-fd",
                                   std::to_string(kListenFd)};
  std::array<char*, 5> argv{words[0].data(), words[1].data(), words[2].data(), words[3].data(),
                            nullptr};
  pid_t pid = 0;
  const int failed =
      ::posix_spawn(&pid, "/proc/self/exe", &actions, nullptr, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) return Error::from_errno(failed, "start the pump");
  return pid;
}

}  // namespace

Result<PumpLink::Found> PumpLink::start() {
  if (connect()) return Found{true};
  TRY(spawn());
  return Found{false};
}

Result<> PumpLink::connect() { return use(TRY(directory_.connect(kSocketName))); }

Result<> PumpLink::use(sys::Fd socket) {
  peer_ = TRY(Peer::create(loop_, std::move(socket),
                           {.message = [this](keeper::Message m) { on_message(std::move(m)); },
                            .closed = [this](const Error&) { on_closed(); }}));
  started_ = io::Clock::now();
  return {};
}

Result<> PumpLink::spawn() {
  // The pump alone holds the listener: with it gone, connect() fails at once.
  const sys::Fd listener = TRY(directory_.listen(kSocketName));
  const pid_t pid = TRY(spawn_pump(listener));
  TRY(watch_child(pid));
  TRY(connect());
  pid_ = pid;
  return {};
}

Result<> PumpLink::watch_child(pid_t pid) {
  sys::Pidfd pidfd = TRY(sys::Pidfd::open(pid));
  Child& child = children_[pid];
  child.pidfd = std::move(pidfd);
  child.watch = TRY(loop_.watch(child.pidfd.fd(), EPOLLIN, [this, pid](std::uint32_t) {
    if (auto status = children_.at(pid).pidfd.reap(); status && *status && (*status)->code != 0)
      log::warning("pump {} ended with {}", pid, (*status)->code);
    children_.erase(pid);
  }));
  return {};
}

void PumpLink::hand_over(Handover& handover) const {
  handover.pump = peer_->socket().get();
  for (const auto& [pid, child] : children_) handover.pump_pids.push_back(pid);
}

Result<> PumpLink::inherit(const Handover& handover) {
  for (const std::int32_t pid : handover.pump_pids) TRY(watch_child(pid));
  return use(sys::Fd(handover.pump));
}

// With its keeper gone a pump without streams ends.
Result<> PumpLink::replace() {
  loop_.defer([old = std::shared_ptr<Peer>(std::move(peer_))] {});
  return spawn();
}

void PumpLink::request(PumpVerb verb, std::string_view body, std::vector<sys::Fd> fds,
                       Answer answer) {
  if (!peer_) {
    loop_.defer([answer = std::move(answer)] {
      answer(Error(ErrorKind::Unavailable, "the pump is being restarted"));
    });
    return;
  }
  const std::uint64_t operation = next_operation_++;
  answers_.emplace(operation, std::move(answer));
  peer_->send(wire_verb(verb), operation, body, std::move(fds));
}

void PumpLink::tell(PumpVerb verb, std::string_view body, std::vector<sys::Fd> fds) {
  if (peer_) peer_->send(wire_verb(verb), 0, body, std::move(fds));
}

void PumpLink::on_message(keeper::Message message) {
  if (message.operation == 0) return handlers_.event(message);
  auto waiting = answers_.extract(message.operation);
  if (waiting.empty()) return;
  if (message.verb == keeper::Verb::Failed) {
    waiting.mapped()(keeper::decode_error(message.body));
  } else {
    waiting.mapped()(std::move(message));
  }
}

void PumpLink::on_closed() {
  loop_.defer([old = std::shared_ptr<Peer>(std::move(peer_))] {});
  for (auto& [operation, answer] : std::exchange(answers_, {}))
    answer(Error(ErrorKind::Unavailable, "the pump has died"));
  const bool healthy = io::Clock::now() - started_ > kHealthy;
  restart_timer_ = loop_.after(std::chrono::milliseconds(healthy ? 0 : 500), [this] { restart(); });
}

void PumpLink::restart() {
  restart_timer_.reset();
  if (auto spawned = spawn(); !spawned) {
    log::error("pump: {}", spawned.error().message());
    restart_timer_ = loop_.after(std::chrono::milliseconds(500), [this] { restart(); });
    return;
  }
  handlers_.restarted();
}

}  // namespace wherry::keeperd
