#include "keeperd/failpoint.h"

#include <unistd.h>

#include <csignal>
#include <cstdlib>
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

}  // namespace wherry::keeperd
