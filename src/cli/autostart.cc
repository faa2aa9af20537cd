#include "cli/autostart.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <string>

#include "base/strings.h"
#include "sys/fd.h"
#include "sys/socket.h"
#include "sys/spawn.h"

namespace wherry::cli {
namespace {

constexpr const char* kRunDirectory = "/run/wherry";
constexpr const char* kLogFile = "/run/wherry/wherryd.log";
constexpr const char* kLockFile = "/run/wherry/start.lock";
constexpr const char* kSocket = "/run/wherry/wherry.sock";  // kDefaultHost
constexpr int kReadyFd = 3;
constexpr int kReadyTimeoutMs = 60'000;
constexpr int kOtherEngineRetries = 50;
constexpr int kOtherEngineIntervalMs = 100;

Error cannot_start(std::string_view why) {
  return {ErrorKind::Unavailable, fmt::format("cannot start the engine: {}", why)};
}

Result<std::string> engine_program() {
  std::array<char, PATH_MAX> self{};
  const ssize_t size = ::readlink("/proc/self/exe", self.data(), self.size() - 1);
  if (size < 0) return Error::from_errno(errno, "readlink /proc/self/exe");
  std::string path(self.data(), static_cast<std::size_t>(size));
  path.resize(path.rfind('/'));
  path += "/wherryd";
  if (::access(path.c_str(), X_OK) < 0)
    return cannot_start(fmt::format("{}: {}", path, std::strerror(errno)));
  return path;
}

// The last line that the engine wrote: it says why it ended.
std::string last_words() {
  const auto log = sys::read_file(kLogFile, 16U << 20);
  if (!log) return "it ended without a word";
  const std::string_view text = trim(*log);
  return std::string(text.substr(text.rfind('\n') + 1));
}

// Clients that find no engine start one after the other: the first starts it, the others find it.
Result<sys::Fd> lock_start() {
  if (::mkdir(kRunDirectory, 0711) < 0 && errno != EEXIST) {
    return cannot_start(
        fmt::format("mkdir {}: {}; run it as root, or name an engine by DOCKER_HOST", kRunDirectory,
                    std::strerror(errno)));
  }
  sys::Fd lock = TRY(sys::open_at({}, kLockFile, O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
  if (::flock(lock.get(), LOCK_EX) < 0)
    return Error::from_errno(errno, fmt::format("lock {}", kLockFile));
  return lock;
}

bool listens() {
  return sys::connect_unix(kSocket, SOCK_STREAM).has_value();
}

class SpawnOptions {
 public:
  SpawnOptions() {
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawnattr_init(&attributes);
  }
  SpawnOptions(const SpawnOptions&) = delete;
  SpawnOptions& operator=(const SpawnOptions&) = delete;
  ~SpawnOptions() {
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
  }

  // A session of its own, no inherited descriptor, default signals, cwd /.
  void prepare(const sys::Fd& log, const sys::Fd& ready) {
    ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(&actions, log.get(), 1);
    ::posix_spawn_file_actions_adddup2(&actions, log.get(), 2);
    ::posix_spawn_file_actions_adddup2(&actions, ready.get(), kReadyFd);
    ::posix_spawn_file_actions_addclosefrom_np(&actions, kReadyFd + 1);
    ::posix_spawn_file_actions_addchdir_np(&actions, "/");
    sigset_t none;
    sigset_t all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setsigdefault(&attributes, &all);
    ::posix_spawnattr_setflags(&attributes,
                               POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }

  posix_spawn_file_actions_t actions{};
  posix_spawnattr_t attributes{};
};

// A descriptor above the ones that the child's own take.
Result<sys::Fd> above_reserved(sys::Fd fd) {
  if (fd.get() > kReadyFd) return fd;
  const int raw = ::fcntl(fd.get(), F_DUPFD_CLOEXEC, kReadyFd + 1);
  if (raw < 0) return Error::from_errno(errno, "fcntl");
  return sys::Fd(raw);
}

Result<> spawn(const std::string& program, const sys::Fd& ready) {
  auto opened = sys::open_at({}, kLogFile, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0600);
  if (!opened)
    return cannot_start(fmt::format("{}; run it as root, or name an engine by DOCKER_HOST",
                                    opened.error().message()));
  const sys::Fd log = TRY(above_reserved(std::move(*opened)));
  SpawnOptions options;
  options.prepare(log, ready);
  std::string name = program;
  std::string flag = "--ready-fd";
  std::string number = fmt::format("{}", kReadyFd);
  std::array<char*, 4> argv = {name.data(), flag.data(), number.data(), nullptr};
  pid_t pid = 0;
  const int failed = ::posix_spawn(&pid, program.c_str(), &options.actions, &options.attributes,
                                   argv.data(), environ);
  if (failed != 0) return cannot_start(fmt::format("{}: {}", program, std::strerror(failed)));
  return {};
}

}  // namespace

Result<std::string> check_by_engine_program() {
  constexpr std::size_t kMaximumAnswer = 1U << 20;
  const std::string program = TRY(engine_program());
  const sys::Fd null = TRY(sys::open_at({}, "/dev/null", O_RDWR));
  sys::Pipe answer = TRY(sys::make_pipe());
  const sys::Pidfd child = TRY(sys::spawn({.program = program,
                                           .arguments = {"wherryd", "--check"},
                                           .environment = std::nullopt,
                                           .fds = {&null, &answer.write_end, &null}}));
  answer.write_end.reset();
  std::string text = TRY(sys::read_all(answer.read_end, kMaximumAnswer));
  TRY(child.wait_ended(-1));
  const auto status = TRY(child.reap());
  if (!status || status->code != 0) return Error::internal("wherryd --check failed");
  return text;
}

Result<bool> start_engine() {
  const std::string program = TRY(engine_program());
  const sys::Fd lock = TRY(lock_start());
  // The one who held the lock before us may have started it.
  if (listens()) return true;
  sys::Pipe pipe = TRY(sys::make_pipe());
  sys::Fd ready = TRY(above_reserved(std::move(pipe.write_end)));
  TRY(spawn(program, ready));
  ready.reset();
  pollfd entry{.fd = pipe.read_end.get(), .events = POLLIN, .revents = 0};
  const int polled = ::poll(&entry, 1, kReadyTimeoutMs);
  if (polled == 0)
    return cannot_start(
        fmt::format("not ready after {} s; its log is {}", kReadyTimeoutMs / 1000, kLogFile));
  char byte = 0;
  if (::read(pipe.read_end.get(), &byte, 1) == 1) return true;
  const std::string words = last_words();
  // Started by hand at this moment: it holds the data root and will listen soon. There is no
  // event for that, so this is a bounded poll.
  const bool other = words.find("another wherryd uses") != std::string::npos;
  for (int i = 0; other && i < kOtherEngineRetries; ++i) {
    if (listens()) return true;
    ::poll(nullptr, 0, kOtherEngineIntervalMs);
  }
  return cannot_start(fmt::format("{} (log: {})", words, kLogFile));
}

}  // namespace wherry::cli
