#include "keeperd/failpoint.h"

#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <string>

#include "base/strings.h"

namespace wherry::keeperd {
namespace {

struct Armed {
  std::string name;
  std::uint64_t passages = 1;
};

Armed armed_by_environment() {
  const char* text = std::getenv("WHERRY_FAILPOINT");
  if (text == nullptr) return {};
  const auto parts = cut(text, ':');
  if (!parts) return {text};
  return {std::string(parts->before), parse_u64(parts->after).value_or(1)};
}

}  // namespace

void failpoint(std::string_view name) {
  static Armed armed = armed_by_environment();
  if (armed.name.empty() || armed.name != name || --armed.passages > 0) return;
  ::kill(::getpid(), SIGKILL);
}

void slowpoint(std::string_view name) {
  static const char* const text = std::getenv("WHERRY_SLOWPOINT");
  if (text == nullptr) return;
  const auto parts = cut(text, ':');
  if (!parts || parts->before != name) return;
  // By a futex, which the pump's filter of system calls allows; sleeping it does not.
  std::mutex mutex;
  std::unique_lock lock(mutex);
  std::condition_variable().wait_for(lock, std::chrono::milliseconds(parse_u64(parts->after).value_or(0)));
}

}  // namespace wherry::keeperd
