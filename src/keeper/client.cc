#include "keeper/client.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <atomic>
#include <cerrno>
#include <mutex>
#include <thread>

#include "base/check.h"
#include "base/guarded.h"
#include "keeper/connection.h"
#include "keeper/wire.h"
#include "sys/socket.h"

namespace wherry::keeper {
namespace {

constexpr std::size_t kIdleConnections = 16;
constexpr std::chrono::seconds kStartTimeout{10};
constexpr std::chrono::milliseconds kOwnedPause{50};

struct Call {
  Verb verb;
  std::string body;
  std::vector<int> fds;
  // Attach hands a connection over: done twice it would be attached twice.
  bool repeatable = true;
};

}  // namespace

struct Client::State {
  ClientOptions options;
  std::atomic<std::uint64_t> next_operation{1};
  Guarded<std::vector<sys::Fd>> idle;
  std::mutex spawning;

  // Of the thread that calls next_event().
  sys::Fd events;
  Assembler event_assembler;
  std::uint64_t instance = 0;

  Result<sys::Fd> connect();
  Result<sys::Fd> idle_or_new();
  void give_back(sys::Fd socket);
  Result<Message> exchange(const sys::Fd& socket, const Call& call);
  Result<Message> request(const Call& call);
  Result<> command(Verb verb, std::string body) {
    TRY(request({verb, std::move(body), {}}));
    return {};
  }
  Result<std::optional<Event>> subscribe();
  Result<std::optional<Event>> receive_event(Deadline deadline);
};

Result<sys::Fd> Client::State::connect() {
  const std::string path = socket_path(options.run_directory);
  auto socket = sys::connect_unix(path, SOCK_SEQPACKET);
  if (socket || !is_disconnected(socket.error()) || options.program.empty()) return socket;
  const std::scoped_lock lock(spawning);
  const auto deadline = std::chrono::steady_clock::now() + kStartTimeout;
  for (;;) {
    // Another thread may have started it while we waited for the lock.
    socket = sys::connect_unix(path, SOCK_SEQPACKET);
    if (socket) return socket;
    const auto spawned = spawn_keeper(options.program, options.run_directory, deadline);
    if (spawned) return sys::connect_unix(path, SOCK_SEQPACKET);
    // One that an engine started just before it was killed, and that does not listen yet; or one
    // that is killed and still holds the directory.
    const bool owned = spawned.error().kind() == ErrorKind::Conflict;
    if (!owned || std::chrono::steady_clock::now() > deadline)
      return Error(spawned.error());
    std::this_thread::sleep_for(kOwnedPause);
  }
}

Result<sys::Fd> Client::State::idle_or_new() {
  {
    auto sockets = idle.lock();
    if (!sockets->empty()) {
      sys::Fd socket = std::move(sockets->back());
      sockets->pop_back();
      return socket;
    }
  }
  return connect();
}

void Client::State::give_back(sys::Fd socket) {
  auto sockets = idle.lock();
  if (sockets->size() < kIdleConnections) sockets->push_back(std::move(socket));
}

Result<Message> Client::State::exchange(const sys::Fd& socket, const Call& call) {
  const std::uint64_t operation = next_operation++;
  TRY(send(socket, {call.verb, operation, call.body, call.fds}));
  Assembler assembler;
  const auto deadline = std::chrono::steady_clock::now() + options.timeout;
  Message answer = TRY(receive_until(socket, assembler, deadline));
  if (answer.operation != operation) return Error::internal("keeper answered another request");
  return answer;
}

Result<Message> Client::State::request(const Call& call) {
  constexpr int kAttempts = 3;
  for (int attempt = 1;; ++attempt) {
    sys::Fd socket = TRY_AS("keeper", idle_or_new());
    auto answer = exchange(socket, call);
    if (answer) {
      give_back(std::move(socket));
      if (answer->verb == Verb::Ok) return answer;
      if (answer->verb == Verb::Failed) return decode_error(answer->body);
      return Error::internal("keeper answered with an unknown verb");
    }
    if (!is_disconnected(answer.error())) return std::move(answer).error().within("keeper");
    // The keeper died. What is idle was connected to the same one.
    idle.lock()->clear();
    // EPIPE says that nothing was delivered; any other loss may have come after it.
    const bool delivered = answer.error().errno_value() != EPIPE;
    if (attempt == kAttempts || (delivered && !call.repeatable))
      return std::move(answer).error().within("keeper");
  }
}

Client::Client(std::unique_ptr<State> state) : state_(std::move(state)) {}
Client::~Client() = default;

Result<std::unique_ptr<Client>> Client::connect(ClientOptions options) {
  auto state = std::make_unique<State>();
  state->options = std::move(options);
  std::unique_ptr<Client> client(new Client(std::move(state)));
  TRY(client->info());
  return client;
}

Result<StartedProcess> Client::start(const StartRequest& request, const StartFds& fds) {
  StartRequest complete = request;
  complete.has_log_directory = static_cast<bool>(fds.log_directory);
  complete.has_oom_counter = static_cast<bool>(fds.oom_counter);
  Call call{Verb::Start, encode(complete), {fds.plan.get()}};
  if (fds.log_directory) call.fds.push_back(fds.log_directory.get());
  if (fds.oom_counter) call.fds.push_back(fds.oom_counter.get());
  for (const sys::Fd& fd : fds.fds) call.fds.push_back(fd.get());
  Message answer = TRY(state_->request(call));
  if (answer.fds.size() != 1) return Error::internal("keeper sent no pidfd");
  return StartedProcess{TRY(decode_started(answer.body)), sys::Pidfd(std::move(answer.fds[0]))};
}

Result<> Client::go(const Target& target) { return state_->command(Verb::Go, encode(target)); }

Result<StartedProcess> Client::exec_start(StartRequest request, const StartFds& fds) {
  request.go_at_once = true;
  return start(request, fds);
}

Result<> Client::reserve(const Target& target) {
  return state_->command(Verb::Reserve, encode(target));
}

Result<Attached> Client::attach(const AttachRequest& request, sys::Fd& connection) {
  const Message answer =
      TRY(state_->request({Verb::Attach, encode(request), {connection.get()}, false}));
  Attached attached = TRY(decode_attached(answer.body));
  connection.reset();
  return attached;
}

Result<> Client::release(const Target& target, const Attached& attached) {
  return state_->command(Verb::Release, encode(target) + Writer().put(attached.client).take());
}

Result<> Client::resize(const Target& target, WindowSize size) {
  return state_->command(Verb::Resize,
                         encode(target) + Writer().put(size.rows).put(size.columns).take());
}

Result<> Client::close_stdin(const Target& target) {
  return state_->command(Verb::CloseStdin, encode(target));
}

Result<> Client::signal(const Target& target, int number) {
  return state_->command(Verb::Signal, encode(target) + Writer().put(number).take());
}

Result<> Client::forget(const Target& target) {
  return state_->command(Verb::Forget, encode(target));
}

Result<std::vector<Record>> Client::list() {
  return decode_records(TRY(state_->request({Verb::List, {}, {}})).body);
}

Result<std::optional<Record>> Client::lookup(const Target& target) {
  auto answer = state_->request({Verb::Lookup, encode(target), {}});
  if (!answer && answer.error().kind() == ErrorKind::NotFound) return std::nullopt;
  if (!answer) return std::move(answer).error();
  return TRY(decode_record(answer->body));
}

Result<KeeperInfo> Client::info() {
  return decode_info(TRY(state_->request({Verb::Hello, {}, {}})).body);
}

Result<> Client::reaped(pid_t pid, sys::ExitStatus status) {
  return state_->command(Verb::Reaped,
                         Writer().put(pid).put(status.code).put(status.by_signal).take());
}

Result<> Client::acknowledge(std::uint64_t sequence) {
  return state_->command(Verb::Acknowledge, Writer().put(sequence).take());
}

// The answer is the end of the connection; asked again, the newer keeper says that it is there.
Result<> Client::upgrade(const std::string& build, const sys::Fd& program) {
  TRY(state_->request({Verb::Upgrade, Writer().put(std::string_view(build)).take(), {program.get()}}));
  return {};
}

Result<> Client::shutdown() { return state_->command(Verb::Shutdown, {}); }

// Connects the event stream; an event only if the keeper is another one than before.
Result<std::optional<Event>> Client::State::subscribe() {
  events = TRY_AS("keeper", connect());
  event_assembler = {};
  const Message answer = TRY_AS("keeper", exchange(events, {Verb::Subscribe, {}, {}}));
  const KeeperInfo info = TRY(decode_info(answer.body));
  const bool restarted = instance != 0 && instance != info.instance;
  instance = info.instance;
  if (!restarted) return std::nullopt;
  Event event;
  event.kind = EventKind::KeeperRestarted;
  return event;
}

Result<std::optional<Event>> Client::State::receive_event(Deadline deadline) {
  const Message message = TRY(receive_until(events, event_assembler, deadline));
  return TRY(decode_event(message.body));
}

Result<std::optional<Event>> Client::next_event(std::chrono::steady_clock::time_point deadline) {
  for (;;) {
    if (!state_->events) {
      auto first = state_->subscribe();
      if (!first) state_->events.reset();
      if (!first || *first) return first;
    }
    auto event = state_->receive_event(deadline);
    if (event) return event;
    if (event.error().kind() == ErrorKind::Deadline) return std::nullopt;
    state_->events.reset();
    if (!is_disconnected(event.error())) return event;
  }
}

}  // namespace wherry::keeper
