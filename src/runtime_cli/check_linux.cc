#include <algorithm>

#include "runtime/policy_words.h"
#include "runtime/sysctl.h"
#include "runtime_cli/check.h"
#include "runtime_cli/check_words.h"

namespace wherry::runtime_cli {
namespace {

using namespace spec::oci;

constexpr std::int64_t kLastMajor = (1 << 12) - 1;
constexpr std::int64_t kLastMinor = (1 << 20) - 1;
constexpr std::uint32_t kEveryPermission = 07777;
constexpr std::size_t kMaximumMappings = 340;  // UID_GID_MAP_MAX_EXTENTS

bool has_namespace(const Linux& settings, std::string_view type) {
  return std::ranges::any_of(settings.namespaces, [&](const Namespace& one) { return one.type == type; });
}

Result<> check_device(const Device& device) {
  TRY(at("path", check_path(device.path)));
  TRY(at("type", check_word(device.type, {"c", "u", "b", "p"})));
  TRY(at("major", check_range(device.major, 0, kLastMajor)));
  TRY(at("minor", check_range(device.minor, 0, kLastMinor)));
  if (device.file_mode && (*device.file_mode & ~kEveryPermission) != 0)
    return at("fileMode", wrong(fmt::format("{:o} has bits outside of 7777 (octal)", *device.file_mode)));
  TRY(at("uid", check_id_number(device.uid.value_or(0))));
  return at("gid", check_id_number(device.gid.value_or(0)));
}

Result<> check_namespace(const Namespace& one) {
  TRY(at("type", check_word(one.type, {"mount", "pid", "network", "uts", "ipc", "user", "cgroup", "time"})));
  if (one.path.empty()) return {};
  return at("path", check_path(one.path));
}

Result<> check_namespaces(const Linux& settings) {
  const auto& list = settings.namespaces;
  TRY(each("namespaces", list, check_namespace));
  for (auto one = list.begin(); one != list.end(); ++one)
    if (std::find_if(list.begin(), one, [&](const Namespace& other) { return other.type == one->type; }) != one)
      return at(fmt::format("namespaces[{}].type", one - list.begin()), wrong(fmt::format("{} is there twice", quote(one->type))));
  if (!has_namespace(settings, "mount")) return at("namespaces", wrong("a container needs a new mount namespace"));
  return {};
}

// First and last ids of one side, ascending; two that meet are an error.
Result<> check_sides(std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges) {
  std::ranges::sort(ranges);
  for (std::size_t i = 1; i < ranges.size(); ++i)
    if (ranges[i].first < ranges[i - 1].second) return wrong(fmt::format("id {} is mapped twice", ranges[i].first));
  return {};
}

Result<> check_own_mappings(const Linux& settings) {
  const bool own = has_namespace(settings, "user");
  const bool given = std::ranges::any_of(
      settings.namespaces, [](const Namespace& one) { return one.type == "user" && !one.path.empty(); });
  for (const auto& [name, list] : {std::pair{"uidMappings", &settings.uid_mappings}, {"gidMappings", &settings.gid_mappings}}) {
    if (!list->empty() && !own) return at(name, wrong("needs a user namespace"));
    if (list->empty() && own && !given) return at(name, wrong("must be set for a new user namespace"));
    TRY(at(name, check_mappings(*list)));
  }
  return {};
}

Result<> check_sysctls(const Linux& settings) {
  const runtime::OwnNamespaces own{.network = has_namespace(settings, "network"),
                                   .ipc = has_namespace(settings, "ipc"),
                                   .uts = has_namespace(settings, "uts")};
  return each("sysctl", settings.sysctl, [&](const std::string& name, const std::string& value) -> Result<> {
    TRY(check_text(value, kMaximumPathBytes, MayBeEmpty::Yes));
    if (auto file = runtime::sysctl_file(name, value, own); !file) return wrong(file.error().message());
    return {};
  });
}

Result<> check_clocks(const Linux& settings) {
  constexpr std::int64_t kLastNanosecond = 999999999;
  if (settings.time_offsets.empty()) return {};
  const auto fresh = std::ranges::find(settings.namespaces, "time", &Namespace::type);
  if (fresh == settings.namespaces.end() || !fresh->path.empty())
    return at("timeOffsets", wrong("needs a new time namespace"));
  return each("timeOffsets", settings.time_offsets, [](const std::string& clock, const TimeOffset& offset) -> Result<> {
    TRY(check_word(clock, {"boottime", "monotonic"}));
    return at("nanosecs", check_range(offset.nanosecs, 0, kLastNanosecond));
  });
}

Result<> check_memory_policy(const MemoryPolicy& policy) {
  if (auto bits = runtime::memory_policy_bits(policy); !bits) return std::unexpected(bits.error());
  TRY(at("nodes", check_mask_list(policy.nodes)));
  const bool without = policy.mode == "MPOL_DEFAULT" || policy.mode == "MPOL_LOCAL";
  if (without && !policy.nodes.empty()) return at("nodes", wrong(fmt::format("{} has no nodes", policy.mode)));
  if (!without && policy.nodes.empty() && policy.mode != "MPOL_PREFERRED")
    return at("nodes", wrong(fmt::format("must be set for {}", policy.mode)));
  const auto has = [&](const char* flag) { return std::ranges::find(policy.flags, flag) != policy.flags.end(); };
  if (has("MPOL_F_STATIC_NODES") && has("MPOL_F_RELATIVE_NODES"))
    return at("flags", wrong("nodes are either static or relative"));
  return {};
}

Result<> check_not_available(const Linux& settings) {
  if (settings.intel_rdt) return at("intelRdt", not_available());
  if (!settings.net_devices.empty()) return at("netDevices", not_available());
  return {};
}

Result<> check_cgroups_path(const std::string& path) {
  if (path.empty()) return {};
  TRY(check_text(path, kMaximumPathBytes, MayBeEmpty::No));
  if (path.find_first_not_of("/.") == std::string::npos) return wrong("must not be the group of everybody");
  const auto names = split(path, '/');
  if (std::ranges::find(names, "..") != names.end()) return wrong("must not contain ..");
  return {};
}

}  // namespace

Result<> check_mappings(const std::vector<IdMapping>& mappings) {
  constexpr std::uint64_t kIds = 0xffffffffU;
  if (mappings.size() > kMaximumMappings) return wrong(fmt::format("more than {} ranges", kMaximumMappings));
  std::vector<std::pair<std::uint64_t, std::uint64_t>> inside;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> outside;
  for (std::size_t i = 0; i < mappings.size(); ++i) {
    const IdMapping& one = mappings[i];
    const std::string name = fmt::format("[{}]", i);
    if (one.size == 0) return at(name, at("size", wrong("must not be 0")));
    inside.emplace_back(one.container_id, one.container_id + std::uint64_t{one.size});
    outside.emplace_back(one.host_id, one.host_id + std::uint64_t{one.size});
    if (inside.back().second > kIds) return at(name, at("containerID", wrong("range ends above the last id")));
    if (outside.back().second > kIds) return at(name, at("hostID", wrong("range ends above the last id")));
  }
  TRY(check_sides(std::move(inside)));
  return check_sides(std::move(outside));
}

Result<> check_linux(const Config& config) {
  const Linux& settings = config.linux_;
  TRY(check_not_available(settings));
  TRY(each("devices", settings.devices, check_device));
  TRY(check_namespaces(settings));
  TRY(check_own_mappings(settings));
  TRY(check_sysctls(settings));
  TRY(check_clocks(settings));
  if (settings.memory_policy) TRY(at("memoryPolicy", check_memory_policy(*settings.memory_policy)));
  if (settings.personality)
    if (auto bits = runtime::personality_bits(*settings.personality); !bits) return below("personality", bits.error());
  if (settings.resources) TRY(at("resources", check_resources(*settings.resources)));
  TRY(at("cgroupsPath", check_cgroups_path(settings.cgroups_path)));
  if (!settings.rootfs_propagation.empty())
    TRY(at("rootfsPropagation", check_word(settings.rootfs_propagation,
                                           {"private", "rprivate", "slave", "rslave", "shared", "rshared",
                                            "unbindable", "runbindable"})));
  if (settings.seccomp) TRY(at("seccomp", check_seccomp(*settings.seccomp)));
  TRY(each("maskedPaths", settings.masked_paths, check_path));
  TRY(each("readonlyPaths", settings.readonly_paths, check_path));
  return at("mountLabel", check_text(settings.mount_label, kMaximumPathBytes, MayBeEmpty::Yes));
}

}  // namespace wherry::runtime_cli
