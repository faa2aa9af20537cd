#include "engine/oci_devices.h"

#include <dirent.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <limits>
#include <memory>
#include <optional>

#include "base/strings.h"
#include "sys/directory.h"

namespace wherry::engine {
namespace {

using spec::oci::Device;
using spec::oci::DeviceRule;

constexpr std::array<std::string_view, 9> kSkippedNames = {
    "pts", "shm", "fd", "mqueue", ".lxc", ".lxd-mounts", ".udev", "console", "core"};
constexpr int kDeepestDirectory = 8;

std::optional<Device> device_from(const std::string& path, const struct stat& status) {
  Device device;
  device.path = path;
  if (S_ISCHR(status.st_mode)) device.type = "c";
  else if (S_ISBLK(status.st_mode)) device.type = "b";
  else return std::nullopt;
  device.major = major(status.st_rdev);
  device.minor = minor(status.st_rdev);
  device.file_mode = status.st_mode & 07777;
  device.uid = status.st_uid;
  device.gid = status.st_gid;
  return device;
}

void collect(const std::string& directory, int depth, std::vector<Device>& devices) {
  const sys::Directory open(::opendir(directory.c_str()));
  if (!open || depth > kDeepestDirectory) return;
  while (const dirent* entry = ::readdir(open.get())) {
    const std::string_view name = entry->d_name;
    if (name == "." || name == ".." || std::ranges::find(kSkippedNames, name) != kSkippedNames.end())
      continue;
    const std::string path = fmt::format("{}/{}", directory, name);
    struct stat status {};
    if (::lstat(path.c_str(), &status) < 0) continue;
    if (S_ISDIR(status.st_mode)) collect(path, depth + 1, devices);
    else if (auto device = device_from(path, status)) devices.push_back(std::move(*device));
  }
}

DeviceRule rule_for(const Device& device, const std::string& access) {
  return {.allow = true, .type = device.type, .major = device.major, .minor = device.minor,
          .access = access};
}

// A number, or "*" for any.
std::optional<std::optional<std::int64_t>> device_number(std::string_view text) {
  if (text == "*") return std::optional<std::int64_t>{};
  const auto number = parse_u64(text);
  if (!number || *number > std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
  return std::optional(static_cast<std::int64_t>(*number));
}

// Go's texts of errno begin with a small letter, and docker's clients know them so.
Error cannot_gather(const std::string& path, int errno_value) {
  std::string why = std::strerror(errno_value);
  if (!why.empty() && why[0] >= 'A' && why[0] <= 'Z') why[0] = static_cast<char>(why[0] - 'A' + 'a');
  return Error::invalid(
      fmt::format("error gathering device information while adding custom device \"{}\": {}", path, why));
}

}  // namespace

Result<DeviceSet> devices_of(const spec::docker::DeviceMapping& mapping) {
  struct stat status {};
  if (::stat(mapping.path_on_host.c_str(), &status) < 0)
    return cannot_gather(mapping.path_on_host, errno);
  const std::string& target =
      mapping.path_in_container.empty() ? mapping.path_on_host : mapping.path_in_container;
  const std::string access = mapping.cgroup_permissions.empty() ? "rwm" : mapping.cgroup_permissions;
  DeviceSet set;
  if (S_ISDIR(status.st_mode)) {
    collect(mapping.path_on_host, 0, set.devices);
    for (Device& device : set.devices)
      device.path.replace(0, mapping.path_on_host.size(), target);
  } else if (auto device = device_from(target, status)) {
    set.devices.push_back(std::move(*device));
  }
  if (set.devices.empty()) return Error::invalid(fmt::format(
      "error gathering device information while adding custom device \"{}\": not a device node", mapping.path_on_host));
  for (const Device& device : set.devices) set.rules.push_back(rule_for(device, access));
  return set;
}

Result<DeviceRule> device_rule(std::string_view text) {
  const auto words = split(text, ' ');
  const auto numbers = words.size() == 3 ? cut(words[1], ':') : std::nullopt;
  const auto major = numbers ? device_number(numbers->before) : std::nullopt;
  const auto minor = numbers ? device_number(numbers->after) : std::nullopt;
  const bool valid = major && minor && (words[0] == "a" || words[0] == "b" || words[0] == "c") &&
                     !words[2].empty() && words[2].size() <= 3 &&
                     words[2].find_first_not_of("rwm") == words[2].npos;
  if (!valid)
    return Error::invalid(fmt::format("invalid device cgroup rule format: '{}'", text));
  return DeviceRule{.allow = true, .type = std::string(words[0]), .major = *major,
                    .minor = *minor, .access = std::string(words[2])};
}

std::vector<Device> all_host_devices() {
  std::vector<Device> devices;
  collect("/dev", 0, devices);
  return devices;
}

}  // namespace wherry::engine
