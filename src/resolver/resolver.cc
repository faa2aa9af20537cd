#include "resolver/resolver.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <map>
#include <mutex>
#include <thread>

#include "base/log.h"
#include "resolver/netns_sockets.h"
#include "resolver/protocol.h"
#include "sys/pidfd.h"
#include "sys/socket.h"
#include "sys/spawn.h"

namespace wherry::resolver {
namespace {

constexpr const char* kSocketName = "/resolver.sock";
constexpr int kControlBacklog = 4;
constexpr int kAnswerTime_ms = 1000;
// A process that has just been started has to load its libraries first.
constexpr int kStartTime_ms = 10000;
// A resolver that cannot be started is tried again this often.
constexpr int kRetry_ms = 500;

struct Kept {
  Container container;
  ContainerFds fds;  // second descriptors of what the resolver has
};

Result<ContainerFds> duplicates(const ContainerFds& fds) {
  ContainerFds copy;
  copy.udp = TRY(fds.udp.duplicate());
  copy.tcp = TRY(fds.tcp.duplicate());
  if (fds.process) copy.process = TRY(fds.process.duplicate());
  return copy;
}

Error unavailable(std::string_view why) {
  return {ErrorKind::Unavailable, "resolver: " + std::string(why)};
}

Result<Packet> receive_packet(const sys::Fd& channel, int patience_ms) {
  pollfd watched{channel.get(), POLLIN, 0};
  int ready = 0;
  do {
    ready = ::poll(&watched, 1, patience_ms);
  } while (ready < 0 && errno == EINTR);
  if (ready <= 0) return unavailable("no answer");
  auto message = TRY(sys::receive_message(channel, kPacketBytes));
  if (message.bytes.empty()) return unavailable("it has ended");
  return decode(message.bytes, std::move(message.fds));
}

// The number may be another process' by now: its command line says whether it is ours.
bool is_resolver(int pid, const std::string& run_directory) {
  const auto words = sys::read_file(fmt::format("/proc/{}/cmdline", pid).c_str());
  const std::string end = std::string("\0--resolver\0", 12) + run_directory + '\0';
  return words && words->ends_with(end);
}

// Ours where it is a file or the journal's socket. Whoever reads our stderr through a pipe, or
// looks at it on a terminal, waits for its end, and the resolver outlives us. Empty: /dev/null.
sys::Fd engine_log() {
  struct stat status {};
  const bool kept = ::fstat(STDERR_FILENO, &status) == 0 &&
                    (S_ISREG(status.st_mode) || S_ISSOCK(status.st_mode));
  return kept ? sys::Fd(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0)) : sys::Fd();
}

class ProcessResolver final : public Resolver {
 public:
  explicit ProcessResolver(Options options)
      : options_(std::move(options)), path_(options_.run_directory + kSocketName) {}
  ProcessResolver(const ProcessResolver&) = delete;
  ProcessResolver& operator=(const ProcessResolver&) = delete;
  ~ProcessResolver() override;

  Result<> prepare();
  Result<> settle() override;
  Result<> add(Container container, const sys::Fd& netns) override;
  Result<> update(Container container) override;
  void started(const std::string& id, const sys::Fd& process) override;
  void remove(const std::string& id) override;
  std::optional<Container> find(const std::string& id) override;
  void stop() override;

 private:
  using Lock = std::unique_lock<std::mutex>;

  // All of these under the mutex.
  void end_old_process();
  Result<> spawn();
  Result<> connect();
  Result<std::map<std::string, ContainerFds>> hello();
  Result<> request(const Packet& packet, int patience_ms = kAnswerTime_ms);
  Result<> request_or_restart(const Packet& packet);
  Result<> send_everything();
  Result<> restart();
  void forget_channel();
  void wake_watcher() const;
  Result<ContainerFds> sockets_for(const std::string& id, const sys::Fd& netns);

  void watch_channel();
  [[nodiscard]] bool wait_for_event(int channel, int patience_ms) const;

  const Options options_;
  const std::string path_;
  sys::Fd wake_;  // eventfd: the channel has changed, or the end
  // Held over round trips to the resolver, which take microseconds while it lives.
  std::mutex mutex_;
  bool stopping_ = false;
  bool settled_ = false;                      // nothing is sent before
  std::map<std::string, ContainerFds> held_;  // by the resolver that was found, until then
  sys::Fd channel_;
  sys::Pidfd process_;  // if this engine started it
  int peer_pid_ = 0;    // who listens at the other end
  std::map<std::string, Kept> containers_;
  std::thread watcher_;
};

ProcessResolver::~ProcessResolver() {
  {
    const Lock lock(mutex_);
    stopping_ = true;
  }
  if (!watcher_.joinable()) return;
  wake_watcher();
  watcher_.join();
}

Result<> ProcessResolver::prepare() {
  TRY(sys::make_directories(options_.run_directory, 0700));
  wake_ = sys::Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake_) return Error::from_errno(errno, "eventfd");
  if (connect()) {
    auto answer = hello();
    if (answer) held_ = std::move(*answer);
    else forget_channel();
  }
  watcher_ = std::thread([this] { watch_channel(); });
  return {};
}

// ---- the process

// Two resolvers would take each other's questions from the same sockets: the old one has ended,
// or ends now because it gives no answers.
void ProcessResolver::end_old_process() {
  if (!process_ && peer_pid_ > 0 && is_resolver(peer_pid_, options_.run_directory))
    if (auto old = sys::Pidfd::open(peer_pid_)) process_ = std::move(*old);
  peer_pid_ = 0;
  if (!process_) return;
  static_cast<void>(process_.signal(SIGKILL));
  static_cast<void>(process_.wait_ended(kAnswerTime_ms));
  static_cast<void>(process_.reap());
  process_ = sys::Pidfd();
}

Result<> ProcessResolver::spawn() {
  end_old_process();
  // The resolver alone keeps the listener: with it gone, connect() fails at once.
  ::unlink(path_.c_str());
  const sys::Fd listener = TRY(sys::listen_unix(path_, SOCK_SEQPACKET, 0600, kControlBacklog));
  const sys::Fd null = TRY(sys::open_at({}, "/dev/null", O_RDWR));
  const sys::Fd errors = engine_log();
  const std::string program = options_.program.empty() ? "/proc/self/exe" : options_.program;
  process_ = TRY(sys::spawn({.program = program,
                             .arguments = {"wherryd", "--resolver", options_.run_directory},
                             .environment = std::vector<std::string>(),
                             .fds = {&null, &null, errors ? &errors : &null, &listener},
                             .session = sys::SpawnRequest::Session::New}));
  return {};
}

Result<> ProcessResolver::connect() {
  channel_ = TRY(sys::connect_unix(path_, SOCK_SEQPACKET));
  if (const auto peer = sys::peer_credentials(channel_)) peer_pid_ = peer->pid;
  wake_watcher();
  return {};
}

void ProcessResolver::wake_watcher() const {
  const std::uint64_t one = 1;
  static_cast<void>(!::write(wake_.get(), &one, sizeof one));
}

void ProcessResolver::forget_channel() { channel_.reset(); }

Result<std::map<std::string, ContainerFds>> ProcessResolver::hello() {
  TRY(send_packet(channel_, {.say = Say::Hello}));
  std::map<std::string, ContainerFds> held;
  for (bool last = false; !last;) {
    Packet packet = TRY(receive_packet(channel_, kStartTime_ms));
    if (packet.say != Say::Holding) return unavailable(packet.text);
    last = packet.last;
    for (std::size_t i = 0; i < packet.ids.size(); ++i)
      held.emplace(packet.ids[i], std::move(packet.fds[i]));
  }
  const Packet end = TRY(receive_packet(channel_, kAnswerTime_ms));
  if (end.say != Say::Ok) return unavailable(end.text);
  return held;
}

Result<> ProcessResolver::request(const Packet& packet, int patience_ms) {
  if (!channel_) return unavailable("not connected");
  auto sent = send_packet(channel_, packet);
  auto answer = sent ? receive_packet(channel_, patience_ms)
                     : Result<Packet>(std::unexpected(std::move(sent).error()));
  if (!answer) {
    forget_channel();
    return unavailable(answer.error().message());
  }
  if (answer->say == Say::Ok) return {};
  return Error::internal("resolver: " + answer->text);
}

Result<> ProcessResolver::send_everything() {
  TRY(request({.say = Say::Begin}, kStartTime_ms));
  for (const auto& [id, kept] : containers_) {
    Packet packet{.say = Say::Put, .container = kept.container};
    packet.fds.push_back(TRY(duplicates(kept.fds)));
    TRY(request(packet));
  }
  return request({.say = Say::Commit});
}

Result<> ProcessResolver::restart() {
  forget_channel();
  TRY(spawn());
  TRY(connect());
  return send_everything();
}

// A resolver that has just died is replaced at once, by whoever finds it dead first.
Result<> ProcessResolver::request_or_restart(const Packet& packet) {
  if (!settled_) return {};
  if (!channel_) return restart();
  auto done = request(packet);
  const bool died = !done && done.error().kind() == ErrorKind::Unavailable;
  return died ? restart() : done;
}

// ---- the verbs

Result<> ProcessResolver::settle() {
  const Lock lock(mutex_);
  settled_ = true;
  held_.clear();
  if (containers_.empty()) {
    if (channel_) static_cast<void>(request({.say = Say::Quit}));
    forget_channel();
    return {};
  }
  wake_watcher();
  if (channel_ && send_everything()) return {};
  return restart();
}

Result<ContainerFds> ProcessResolver::sockets_for(const std::string& id, const sys::Fd& netns) {
  auto known = held_.extract(id);
  if (known.empty()) return open_sockets(netns, options_.redirect);
  return std::move(known.mapped());
}

Result<> ProcessResolver::add(Container container, const sys::Fd& netns) {
  TRY(check(container));
  const std::string id = container.id;
  const Lock lock(mutex_);
  Kept kept{.container = std::move(container), .fds = TRY(sockets_for(id, netns))};
  Packet packet{.say = Say::Put, .container = kept.container};
  packet.fds.push_back(TRY(duplicates(kept.fds)));
  containers_[id] = std::move(kept);
  auto done = request_or_restart(packet);
  if (!done) containers_.erase(id);
  return done;
}

Result<> ProcessResolver::update(Container container) {
  TRY(check(container));
  const Lock lock(mutex_);
  const auto found = containers_.find(container.id);
  if (found == containers_.end()) return Error::not_found("container has no embedded DNS");
  found->second.container = container;
  return request_or_restart({.say = Say::Put, .container = std::move(container)});
}

void ProcessResolver::started(const std::string& id, const sys::Fd& process) {
  const Lock lock(mutex_);
  const auto found = containers_.find(id);
  auto kept = process.duplicate();
  auto sent = process.duplicate();
  if (found == containers_.end() || !kept || !sent) return;
  found->second.fds.process = std::move(*kept);
  Packet packet{.say = Say::Put, .container = found->second.container};
  packet.fds.push_back({.process = std::move(*sent)});
  if (auto told = request_or_restart(packet); !told)
    log::warning("{}", told.error().message());
}

void ProcessResolver::remove(const std::string& id) {
  const Lock lock(mutex_);
  if (containers_.erase(id) == 0 || !channel_ || !settled_) return;
  // Without an answer the next whole state says it.
  static_cast<void>(request({.say = Say::Remove, .text = id}));
}

std::optional<Container> ProcessResolver::find(const std::string& id) {
  const Lock lock(mutex_);
  const auto found = containers_.find(id);
  if (found == containers_.end()) return std::nullopt;
  return found->second.container;
}

void ProcessResolver::stop() {
  const Lock lock(mutex_);
  containers_.clear();
  if (!channel_ && !connect()) return;
  static_cast<void>(request({.say = Say::Quit}));
  forget_channel();
}

// ---- the watching thread

// False: `patience_ms` is over. -1 as `channel`: none.
bool ProcessResolver::wait_for_event(int channel, int patience_ms) const {
  // Of the channel only its end is waited for: answers belong to whoever asks.
  std::array<pollfd, 2> watched = {{{wake_.get(), POLLIN, 0}, {channel, 0, 0}}};
  const int ready = ::poll(watched.data(), watched.size(), patience_ms);
  std::uint64_t count = 0;
  if ((watched[0].revents & POLLIN) != 0) static_cast<void>(!::read(wake_.get(), &count, sizeof count));
  return ready != 0;
}

void ProcessResolver::watch_channel() {
  for (;;) {
    sys::Fd channel;
    bool retry = false;
    {
      const Lock lock(mutex_);
      if (stopping_) return;
      // Until all is settled the end of the channel is found by whoever asks.
      if (channel_ && settled_)
        if (auto copy = channel_.duplicate()) channel = std::move(*copy);
      retry = settled_ && !channel_ && !containers_.empty();
    }
    static_cast<void>(wait_for_event(channel.get(), retry ? kRetry_ms : -1));
    const Lock lock(mutex_);
    if (stopping_) return;
    pollfd watched{channel_.get(), 0, 0};
    const bool ended = channel_ && ::poll(&watched, 1, 0) > 0;
    if (!settled_ || (!ended && (channel_ || containers_.empty()))) continue;
    if (ended) log::warning("the resolver has ended: starting another");
    if (containers_.empty()) {
      forget_channel();
    } else if (auto done = restart(); !done) {
      log::error("{}", done.error().message());
      forget_channel();
    }
  }
}

}  // namespace

Result<std::unique_ptr<Resolver>> Resolver::open(Options options) {
  auto resolver = std::make_unique<ProcessResolver>(std::move(options));
  TRY(resolver->prepare());
  return resolver;
}

}  // namespace wherry::resolver
