#include "runtime_cli/config.h"

#include <fmt/format.h>

#include <array>
#include <span>

#include "base/strings.h"
#include "spec/oci_runtime_json.h"

namespace wherry::runtime_cli {
namespace {

// Fields of the specification that nothing here acts on. "[]" is every element of an array.
constexpr std::array<std::string_view, 20> kRefusedConfig{
    "mounts[].uidMappings",
    "mounts[].gidMappings",
    "linux.netDevices",
    "linux.intelRdt",
    "linux.memoryPolicy",
    "linux.personality",
    "linux.timeOffsets",
    "linux.seccomp.listenerPath",
    "linux.seccomp.listenerMetadata",
    "linux.resources.hugepageLimits",
    "linux.resources.network.classID",
    "linux.resources.network.priorities",
    "linux.resources.rdma",
    "linux.resources.blockIO.leafWeight",
    "linux.resources.blockIO.weightDevice[].leafWeight",
    "solaris",
    "windows",
    "vm",
    "zos",
    "freebsd",
};
constexpr std::array<std::string_view, 4> kRefusedProcess{"scheduler", "execCPUAffinity",
                                                          "commandLine", "user.username"};

bool is_set(const json::Value& value) {
  if (value.is_null()) return false;
  if (value.is_bool()) return value.get_bool();
  if (value.is_string()) return !value.get_string().empty();
  if (value.is_array()) return !value.get_array().empty();
  if (value.is_object()) return !value.get_object().empty();
  return !(value.is_int64() && value.get_int64() == 0);
}

bool is_set_at(const json::Value& value, std::string_view path) {
  if (path.empty()) return is_set(value);
  if (path.starts_with("[]")) {
    if (!value.is_array()) return false;
    for (const json::Value& element : value.get_array())
      if (is_set_at(element, path.substr(2))) return true;
    return false;
  }
  if (path.starts_with('.')) path.remove_prefix(1);
  if (!value.is_object()) return false;
  const std::size_t end = path.find_first_of(".[");
  const json::Value* member =
      json::detail::find_member(value.get_object(), path.substr(0, end));
  return member != nullptr &&
         is_set_at(*member, end == std::string_view::npos ? "" : path.substr(end));
}

Error not_available(std::string_view path) {
  return {ErrorKind::NotImplemented,
          fmt::format("config.json: {} is not available in wherry-runtime {}", path,
                      WHERRY_VERSION)};
}

Result<> refuse(const json::Value& value, std::span<const std::string_view> paths,
                std::string_view prefix) {
  for (const std::string_view path : paths)
    if (is_set_at(value, path)) return not_available(fmt::format("{}{}", prefix, path));
  return {};
}

Result<> check_version(const std::string& version) {
  if (version.starts_with("1.")) return {};
  return Error::invalid(fmt::format("config.json: ociVersion {} is not supported", quote(version)));
}

// Rules of a config name what else a container may use: its /dev always works, as with runc and
// crun. The engine's configs have these rules themselves.
void allow_default_devices(spec::oci::Config& config) {
  if (!config.linux_.resources || config.linux_.resources->devices.empty()) return;
  struct Row {
    const char* type;
    std::optional<std::int64_t> major;
    std::optional<std::int64_t> minor;
    const char* access;
  };
  static constexpr std::array kRows{
      Row{"c", {}, {}, "m"}, Row{"b", {}, {}, "m"}, Row{"c", 1, 3, "rwm"}, Row{"c", 1, 5, "rwm"},
      Row{"c", 1, 7, "rwm"}, Row{"c", 1, 8, "rwm"}, Row{"c", 1, 9, "rwm"}, Row{"c", 5, 0, "rwm"},
      Row{"c", 5, 2, "rwm"}, Row{"c", 136, {}, "rwm"}};
  for (const Row& row : kRows)
    config.linux_.resources->devices.push_back(
        {.allow = true, .type = row.type, .major = row.major, .minor = row.minor, .access = row.access});
}

}  // namespace

Result<spec::oci::Config> parse_config(std::string_view text) {
  const json::Value value = TRY_AS("config.json", json::parse_value(text));
  TRY(refuse(value, kRefusedConfig, ""));
  if (value.is_object())
    if (const json::Value* process = json::detail::find_member(value.get_object(), "process"))
      TRY(refuse(*process, kRefusedProcess, "process."));
  auto config = TRY_AS("config.json", json::from_value<spec::oci::Config>(value));
  TRY(check_version(config.oci_version));
  if (!config.root || config.root->path.empty())
    return Error::invalid("config.json: root.path must not be empty");
  allow_default_devices(config);
  return config;
}

Result<spec::oci::Process> parse_process(std::string_view text) {
  const json::Value value = TRY_AS("process.json", json::parse_value(text));
  TRY(refuse(value, kRefusedProcess, "process."));
  return json::from_value<spec::oci::Process>(value);
}

}  // namespace wherry::runtime_cli
