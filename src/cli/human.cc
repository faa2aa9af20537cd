#include "cli/human.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <ctime>

#include "cli/output.h"

namespace wherry::cli {
namespace {

template <std::size_t Count>
std::string scaled(double size, double step, int digits,
                   const std::array<std::string_view, Count>& units) {
  std::size_t unit = 0;
  while (size >= step && unit + 1 < Count) {
    size /= step;
    ++unit;
  }
  return fmt::format("{:.{}g}{}", size, digits, units[unit]);
}

}  // namespace

std::string human_size(double bytes, int digits) {
  static constexpr std::array<std::string_view, 9> kUnits = {"B",  "kB", "MB", "GB", "TB",
                                                             "PB", "EB", "ZB", "YB"};
  return scaled(bytes, 1000.0, digits, kUnits);
}

std::string binary_size(double bytes) {
  static constexpr std::array<std::string_view, 9> kUnits = {"B",   "KiB", "MiB", "GiB", "TiB",
                                                             "PiB", "EiB", "ZiB", "YiB"};
  return scaled(bytes, 1024.0, 4, kUnits);
}

std::string human_duration(std::chrono::seconds duration) {
  const std::int64_t seconds = duration.count();
  if (seconds < 1) return "Less than a second";
  if (seconds == 1) return "1 second";
  if (seconds < 60) return fmt::format("{} seconds", seconds);
  const std::int64_t minutes = seconds / 60;
  if (minutes == 1) return "About a minute";
  if (minutes < 60) return fmt::format("{} minutes", minutes);
  const std::int64_t hours = (seconds + 1800) / 3600;
  if (hours == 1) return "About an hour";
  if (hours < 48) return fmt::format("{} hours", hours);
  if (hours < 24 * 7 * 2) return fmt::format("{} days", hours / 24);
  if (hours < 24 * 30 * 2) return fmt::format("{} weeks", hours / 24 / 7);
  if (hours < 24 * 365 * 2) return fmt::format("{} months", hours / 24 / 30);
  return fmt::format("{} years", seconds / 3600 / 24 / 365);
}

std::string local_time(std::int64_t unix_seconds) {
  const std::time_t time = unix_seconds;
  std::tm parts{};
  std::array<char, 64> text{};
  if (::localtime_r(&time, &parts) == nullptr) return "";
  const std::size_t size =
      std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S %z %Z", &parts);
  return {text.data(), size};
}

std::string ellipsis(std::string_view text, std::size_t length) {
  if (text_width(text) <= length) return std::string(text);
  std::size_t end = 0;
  for (std::size_t characters = 0; end < text.size(); ++end) {
    const bool starts = (static_cast<unsigned char>(text[end]) & 0xc0) != 0x80;
    if (starts && characters++ == length - 1) break;
  }
  return std::string(text.substr(0, end)) + "…";
}

std::string short_id(std::string_view id) {
  if (const std::size_t colon = id.find(':'); colon != std::string_view::npos)
    id.remove_prefix(colon + 1);
  return std::string(id.substr(0, 12));
}

}  // namespace wherry::cli
