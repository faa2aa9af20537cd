#include "sys/spawn.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <unistd.h>

namespace wherry::sys {
namespace {

// Sources are moved up here first, so that no target overwrites a source still to come.
constexpr int kAboveTargets = 64;

class Actions {
 public:
  Actions() { ::posix_spawn_file_actions_init(&actions_); }
  Actions(const Actions&) = delete;
  Actions& operator=(const Actions&) = delete;
  ~Actions() { ::posix_spawn_file_actions_destroy(&actions_); }

  Result<> add(std::span<const Fd* const> fds) {
    for (std::size_t i = 0; i < fds.size(); ++i) {
      const int target = static_cast<int>(i);
      if (fds[i] == nullptr || !*fds[i]) {
        ::posix_spawn_file_actions_addclose(&actions_, target);
        continue;
      }
      Fd copy(::fcntl(fds[i]->get(), F_DUPFD_CLOEXEC, kAboveTargets));
      if (!copy) return Error::from_errno(errno, "duplicate descriptor");
      ::posix_spawn_file_actions_adddup2(&actions_, copy.get(), target);
      copies_.push_back(std::move(copy));
    }
    ::posix_spawn_file_actions_addclosefrom_np(&actions_, static_cast<int>(fds.size()));
    return {};
  }
  [[nodiscard]] const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_{};
  std::vector<Fd> copies_;
};

class Attributes {
 public:
  explicit Attributes(SpawnRequest::Session session) {
    ::posix_spawnattr_init(&attributes_);
    sigset_t all;
    sigset_t none;
    ::sigfillset(&all);
    ::sigemptyset(&none);
    ::posix_spawnattr_setsigdefault(&attributes_, &all);
    ::posix_spawnattr_setsigmask(&attributes_, &none);
    const int flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK |
                      (session == SpawnRequest::Session::New ? POSIX_SPAWN_SETSID : 0);
    ::posix_spawnattr_setflags(&attributes_, static_cast<short>(flags));
  }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;
  ~Attributes() { ::posix_spawnattr_destroy(&attributes_); }
  [[nodiscard]] const posix_spawnattr_t* get() const { return &attributes_; }

 private:
  posix_spawnattr_t attributes_{};
};

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

Result<Pidfd> spawn(const SpawnRequest& request) {
  Actions actions;
  TRY(actions.add(request.fds));
  const Attributes attributes(request.session);
  std::vector<std::string> arguments = request.arguments;
  std::vector<std::string> environment = request.environment.value_or(std::vector<std::string>());
  const std::vector<char*> argv = pointers_to(arguments);
  const std::vector<char*> envp = pointers_to(environment);
  pid_t pid = -1;
  const int code = ::posix_spawn(&pid, request.program.c_str(), actions.get(), attributes.get(),
                                 argv.data(), request.environment ? envp.data() : environ);
  if (code != 0) return Error::from_errno(code, fmt::format("start {}", request.program));
  // Not reaped yet, so the number is still its.
  return Pidfd::open(pid);
}

}  // namespace wherry::sys
