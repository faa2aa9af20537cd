#include "cli/devices.h"

#include <fmt/format.h>

#include "base/strings.h"

namespace wherry::cli {

namespace bj = boost::json;

namespace {

// "r", "rw", "rwm" in any order, each letter once.
bool is_mode(std::string_view text) {
  if (text.empty() || text.find_first_not_of("rwm") != std::string_view::npos) return false;
  for (const char c : text) {
    if (text.find(c) != text.rfind(c)) return false;
  }
  return true;
}

bool is_cdi_name(std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::size_t equals = text.find('=');
  return slash != std::string_view::npos && slash > 0 && equals != std::string_view::npos &&
         slash < equals && text[0] != '.';
}

Result<bj::value> parse_device(std::string_view text) {
  const auto parts = split(text, ':');
  if (parts.size() > 3 || parts[0].empty())
    return Error::invalid(fmt::format("bad format for path: {}", text));
  std::string_view target = parts[0];
  std::string_view mode = "rwm";
  if (parts.size() == 3 && !is_mode(parts[2]))
    return Error::invalid(fmt::format("bad mode specified: {}", parts[2]));
  if (parts.size() == 3) mode = parts[2];
  if (parts.size() >= 2) {
    const bool only_mode = parts.size() == 2 && is_mode(parts[1]);
    (only_mode ? mode : target) = parts[1];
  }
  if (!target.starts_with('/'))
    return Error::invalid(fmt::format("{} is not an absolute path", target));
  return bj::value{{"PathOnHost", bj::string(parts[0])},
                   {"PathInContainer", bj::string(target)},
                   {"CgroupPermissions", bj::string(mode)}};
}

}  // namespace

Result<DeviceOptions> parse_devices(const std::vector<std::string>& values) {
  DeviceOptions options;
  bj::array names;
  for (const std::string& value : values) {
    if (is_cdi_name(value)) {
      names.emplace_back(value);
    } else {
      options.devices.push_back(TRY(parse_device(value)));
    }
  }
  if (!names.empty()) {
    options.requests.push_back({{"Driver", "cdi"},
                                {"Count", 0},
                                {"DeviceIDs", names},
                                {"Capabilities", nullptr},
                                {"Options", nullptr}});
  }
  return options;
}

}  // namespace wherry::cli
