// Names of signals, as `docker kill -s` and STOPSIGNAL spell them.
#include <fmt/format.h>

#include <array>
#include <csignal>
#include <cstdint>
#include <utility>

#include "base/strings.h"
#include "engine/validate.h"

namespace wherry::engine {
namespace {

using Name = std::pair<std::string_view, int>;
constexpr std::array<Name, 32> kNames = {{{"HUP", SIGHUP},   {"INT", SIGINT},       {"QUIT", SIGQUIT},
                                          {"ILL", SIGILL},   {"TRAP", SIGTRAP},     {"ABRT", SIGABRT},
                                          {"IOT", SIGABRT},  {"BUS", SIGBUS},       {"FPE", SIGFPE},
                                          {"KILL", SIGKILL}, {"USR1", SIGUSR1},     {"SEGV", SIGSEGV},
                                          {"USR2", SIGUSR2}, {"PIPE", SIGPIPE},     {"ALRM", SIGALRM},
                                          {"TERM", SIGTERM}, {"STKFLT", SIGSTKFLT}, {"CHLD", SIGCHLD},
                                          {"CONT", SIGCONT}, {"STOP", SIGSTOP},     {"TSTP", SIGTSTP},
                                          {"TTIN", SIGTTIN}, {"TTOU", SIGTTOU},     {"URG", SIGURG},
                                          {"XCPU", SIGXCPU}, {"XFSZ", SIGXFSZ},     {"VTALRM", SIGVTALRM},
                                          {"PROF", SIGPROF}, {"WINCH", SIGWINCH},   {"IO", SIGIO},
                                          {"PWR", SIGPWR},   {"SYS", SIGSYS}}};

// The kernel's range as docker counts it; glibc keeps the first two for itself.
constexpr int kFirstRealtime = 34;
constexpr int kLastRealtime = 64;

// "RTMIN", "RTMIN+3", "RTMAX-2".
std::optional<int> realtime_signal(std::string_view name) {
  const bool from_first = name.starts_with("RTMIN");
  if (!from_first && !name.starts_with("RTMAX")) return std::nullopt;
  const int base = from_first ? kFirstRealtime : kLastRealtime;
  const std::string_view offset_text = name.substr(5);
  if (offset_text.empty()) return base;
  if (offset_text.front() != (from_first ? '+' : '-')) return std::nullopt;
  const auto offset = parse_u64(offset_text.substr(1));
  if (!offset || *offset > kLastRealtime - kFirstRealtime) return std::nullopt;
  return from_first ? base + static_cast<int>(*offset) : base - static_cast<int>(*offset);
}

}  // namespace

Result<int> parse_signal(std::string_view text) {
  if (const auto number = parse_u64(text)) {
    if (*number >= 1 && *number <= kLastRealtime) return static_cast<int>(*number);
    return Error::invalid(fmt::format("invalid signal: {}", text));
  }
  std::string upper(text);
  for (char& c : upper)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  std::string_view name = upper;
  if (name.starts_with("SIG")) name.remove_prefix(3);
  for (const auto& [known, number] : kNames)
    if (known == name) return number;
  if (const auto realtime = realtime_signal(name)) return *realtime;
  return Error::invalid(fmt::format("invalid signal: {}", text));
}

std::string signal_name(int number) {
  for (const auto& [name, known] : kNames)
    if (known == number) return fmt::format("SIG{}", name);
  return "";
}

}  // namespace wherry::engine
