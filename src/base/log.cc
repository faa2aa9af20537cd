#include "base/log.h"

#include <unistd.h>

#include <atomic>

#include "base/strings.h"
#include "base/time.h"

namespace wherry::log {
namespace {

std::atomic<Level> threshold{Level::Info};

std::string_view name_of(Level level) {
  switch (level) {
    case Level::Debug: return "debug";
    case Level::Info: return "info";
    case Level::Warning: return "warning";
    case Level::Error: return "error";
  }
  return "error";
}

}  // namespace

void set_level(Level level) { threshold.store(level, std::memory_order_relaxed); }

bool enabled(Level level) { return level >= threshold.load(std::memory_order_relaxed); }

void write(Level level, std::string_view message) {
  const std::string line = fmt::format("time=\"{}\" level={} msg={}\n", format_rfc3339_nano(now()),
                                       name_of(level), quote(message));
  // A lost log line must not stop the engine.
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace wherry::log
