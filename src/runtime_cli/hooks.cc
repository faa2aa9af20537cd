#include "runtime_cli/hooks.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>

#include "base/strings.h"
#include "spec/oci_runtime_json.h"
#include "sys/spawn.h"

namespace wherry::runtime_cli {
namespace {

using spec::oci::Hook;

// Hooks run in the bundle, as with runc; we go back to where we were called.
class Visit {
 public:
  Visit() = default;
  Visit(const Visit&) = delete;
  Visit& operator=(const Visit&) = delete;
  ~Visit() {
    if (back_) [[maybe_unused]] const int done = ::fchdir(back_.get());
  }
  Result<> enter(const std::string& directory) {
    sys::Fd here = TRY(sys::open_at({}, ".", O_PATH | O_DIRECTORY));
    if (::chdir(directory.c_str()) < 0) return Error::from_errno(errno, "chdir " + directory);
    back_ = std::move(here);
    return {};
  }

 private:
  sys::Fd back_;
};

Result<sys::Fd> stream(int number) {
  const int copy = ::fcntl(number, F_DUPFD_CLOEXEC, 3);
  return copy >= 0 ? Result<sys::Fd>(sys::Fd(copy)) : sys::open_at({}, "/dev/null", O_RDWR);
}

Result<> run_hook(const Hook& hook, const std::string& state) {
  const sys::Fd input = TRY(sys::sealed_memfd("state", state));
  // The seals allow a second file description only; ours is at its end.
  const sys::Fd reader = TRY(sys::open_at({}, fmt::format("/proc/self/fd/{}", input.get()).c_str(), O_RDONLY));
  const sys::Fd out = TRY(stream(STDOUT_FILENO));
  const sys::Fd err = TRY(stream(STDERR_FILENO));
  const sys::Pidfd process = TRY(sys::spawn({.program = hook.path,
                                             .arguments = hook.args.empty() ? std::vector{hook.path} : hook.args,
                                             .environment = hook.env.value_or(std::vector<std::string>{}),
                                             .fds = {&reader, &out, &err}}));
  const int timeout_ms = hook.timeout ? static_cast<int>(*hook.timeout) * 1000 : -1;
  const bool ended = TRY(process.wait_ended(timeout_ms));
  if (!ended) TRY(process.signal(SIGKILL));
  static_cast<void>(TRY(process.wait_ended(-1)));
  const auto status = TRY(process.reap());
  if (!ended) return Error(ErrorKind::Deadline, fmt::format("no end within {} s", *hook.timeout));
  if (!status || status->code != 0)
    return Error::internal(fmt::format("failed with exit code {}", status ? status->code : -1));
  return {};
}

Error named(const char* kind, const Hook& hook, const Error& error) {
  return {error.kind(), fmt::format("error running {} hook {}: {}", kind, quote(hook.path), error.message())};
}

}  // namespace

spec::oci::State hook_state(const Record& record, const char* status, pid_t pid) {
  return {.oci_version = spec::oci::kRuntimeSpecVersion,
          .id = record.id,
          .status = status,
          .pid = pid,
          .bundle = record.bundle,
          .annotations = record.annotations};
}

Result<> run_hooks(const char* kind, const std::vector<Hook>& hooks, const spec::oci::State& state) {
  if (hooks.empty()) return {};
  Visit visit;
  TRY(visit.enter(state.bundle));
  const std::string text = json::write(state);
  for (const Hook& hook : hooks)
    if (auto done = run_hook(hook, text); !done) return named(kind, hook, done.error());
  return {};
}

void run_late_hooks(const Context& context, const char* kind, const std::vector<Hook>& hooks,
                    const spec::oci::State& state) {
  if (hooks.empty()) return;
  Visit visit;
  if (auto entered = visit.enter(state.bundle); !entered) return context.warn(entered.error().message());
  const std::string text = json::write(state);
  for (const Hook& hook : hooks)
    if (auto done = run_hook(hook, text); !done)
      context.warn(fmt::format("{} hook {}: {}", kind, done.error().message(), hook.path));
}

}  // namespace wherry::runtime_cli
