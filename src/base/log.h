// Logging: one line per event to stderr, in dockerd's logfmt shape
// (time="..." level=info msg="..."). Log at the edge, once; a function that returns
// an Error does not log it. Thread-safe: a line is one write(2).
#pragma once

#include <fmt/format.h>

#include <string_view>

namespace wherry::log {

enum class Level { Debug, Info, Warning, Error };

// Lines below `level` are dropped; the default is Info.
void set_level(Level level);
bool enabled(Level level);
void write(Level level, std::string_view message);

template <class... Args>
void debug(fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::Debug)) write(Level::Debug, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void info(fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::Info)) write(Level::Info, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void warning(fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::Warning))
    write(Level::Warning, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void error(fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::Error)) write(Level::Error, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace wherry::log
