#include "runtime/defaults.h"

#include <dirent.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "base/strings.h"
#include "sys/capability.h"

namespace wherry::runtime {
namespace {

using spec::oci::DeviceRule;
using spec::oci::Mount;

constexpr std::array<const char*, 14> kCapabilities{
    "CAP_CHOWN",  "CAP_DAC_OVERRIDE", "CAP_FSETID",           "CAP_FOWNER",     "CAP_MKNOD",
    "CAP_NET_RAW", "CAP_SETGID",      "CAP_SETUID",           "CAP_SETFCAP",    "CAP_SETPCAP",
    "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT", "CAP_KILL", "CAP_AUDIT_WRITE"};

constexpr std::array<const char*, 12> kMasked{
    "/proc/acpi",        "/proc/asound",      "/proc/interrupts",  "/proc/kcore",
    "/proc/keys",        "/proc/latency_stats", "/proc/sched_debug", "/proc/scsi",
    "/proc/timer_list",  "/proc/timer_stats", "/sys/devices/virtual/powercap",
    "/sys/firmware"};

constexpr std::array<const char*, 5> kReadOnly{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
                                               "/proc/sysrq-trigger"};

DeviceRule allow_device(const char* type, std::optional<std::int64_t> major,
                        std::optional<std::int64_t> minor, const char* access) {
  return {.allow = true, .type = type, .major = major, .minor = minor, .access = access};
}

// "--cap-add net_admin" -> "CAP_NET_ADMIN"; "ALL" stays.
std::string canonical_capability(const std::string& name) {
  std::string upper = name;
  for (char& letter : upper)
    letter = static_cast<char>(std::toupper(static_cast<unsigned char>(letter)));
  if (upper == "ALL" || upper.starts_with("CAP_")) return upper;
  return "CAP_" + upper;
}

Result<std::vector<std::string>> canonical_capabilities(const std::vector<std::string>& names,
                                                        const char* option) {
  std::vector<std::string> canonical;
  for (const std::string& name : names) {
    canonical.push_back(canonical_capability(name));
    if (canonical.back() != "ALL" && !sys::capability_number(canonical.back()))
      return Error::invalid(
          fmt::format("invalid {}: unknown capability: {}", option, quote(canonical.back())));
  }
  return canonical;
}

bool contains(const std::vector<std::string>& list, std::string_view wanted) {
  return std::ranges::find(list, wanted) != list.end();
}

}  // namespace

std::vector<std::string> default_capabilities() {
  return {kCapabilities.begin(), kCapabilities.end()};
}

std::vector<std::string> all_capabilities() {
  const auto own = sys::own_capabilities();
  return sys::capability_names(own ? own->bounding : 0);
}

Result<std::vector<std::string>> tweak_capabilities(const std::vector<std::string>& add,
                                                    const std::vector<std::string>& drop) {
  const auto added = TRY(canonical_capabilities(add, "CapAdd"));
  const auto dropped = TRY(canonical_capabilities(drop, "CapDrop"));
  const bool drop_all = contains(dropped, "ALL");
  if (contains(added, "ALL")) {
    auto all = all_capabilities();
    std::erase_if(all, [&](const std::string& name) { return contains(dropped, name); });
    return all;
  }
  std::vector<std::string> kept;
  if (!drop_all)
    for (const std::string& name : default_capabilities())
      if (!contains(dropped, name)) kept.push_back(name);
  for (const std::string& name : added)
    if (!contains(kept, name)) kept.push_back(name);
  return kept;
}

std::vector<Mount> default_mounts(std::uint64_t shm_size_bytes) {
  return {
      {"/proc", "proc", "proc", {"nosuid", "noexec", "nodev"}},
      {"/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}},
      {"/dev/pts",
       "devpts",
       "devpts",
       {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}},
      {"/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", "ro"}},
      {"/sys/fs/cgroup", "cgroup", "cgroup", {"ro", "nosuid", "noexec", "nodev"}},
      {"/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}},
      {"/dev/shm",
       "tmpfs",
       "shm",
       {"nosuid", "noexec", "nodev", "mode=1777", fmt::format("size={}", shm_size_bytes)}},
  };
}

std::vector<std::string> default_masked_paths() {
  std::vector<std::string> paths(kMasked.begin(), kMasked.end());
  const std::string base = "/sys/devices/system/cpu";
  DIR* stream = ::opendir(base.c_str());
  if (stream == nullptr) return paths;
  while (const dirent* entry = ::readdir(stream)) {
    const std::string_view name = entry->d_name;
    if (name.starts_with("cpu") && parse_u64(name.substr(3)))
      paths.push_back(fmt::format("{}/{}/thermal_throttle", base, name));
  }
  ::closedir(stream);
  std::ranges::sort(paths);
  return paths;
}

std::vector<std::string> default_readonly_paths() { return {kReadOnly.begin(), kReadOnly.end()}; }

std::vector<DeviceRule> default_device_rules() {
  std::vector<DeviceRule> rules{
      {.allow = false, .type = "a", .major = {}, .minor = {}, .access = "rwm"},
      allow_device("c", std::nullopt, std::nullopt, "m"),
      allow_device("b", std::nullopt, std::nullopt, "m"),
  };
  struct Node {
    int major;
    std::optional<int> minor;
  };
  // null, random, full, tty, zero, urandom, console, pts/*, ptmx, net/tun
  for (const Node node : {Node{1, 3}, Node{1, 8}, Node{1, 7}, Node{5, 0}, Node{1, 5}, Node{1, 9},
                          Node{5, 1}, Node{136, {}}, Node{5, 2}, Node{10, 200}})
    rules.push_back(allow_device("c", node.major, node.minor, "rwm"));
  return rules;
}

std::map<std::string, std::string> default_sysctls() {
  return {{"net.ipv4.ip_unprivileged_port_start", "0"},
          {"net.ipv4.ping_group_range", "0 2147483647"}};
}

std::vector<spec::oci::Namespace> default_namespaces(sys::CgroupMode mode) {
  std::vector<spec::oci::Namespace> namespaces{
      {"mount", ""}, {"network", ""}, {"uts", ""}, {"pid", ""}, {"ipc", ""}};
  if (mode == sys::CgroupMode::V2) namespaces.push_back({"cgroup", ""});
  return namespaces;
}

spec::oci::Config default_config(sys::CgroupMode mode) {
  const std::vector<std::string> capabilities = default_capabilities();
  spec::oci::Config config;
  config.oci_version = spec::oci::kRuntimeSpecVersion;
  config.mounts = default_mounts(kDefaultShmBytes);
  spec::oci::Process& process = config.process.emplace();
  process.capabilities = spec::oci::Capabilities{.bounding = capabilities,
                                                 .effective = capabilities,
                                                 .inheritable = {},
                                                 .permitted = capabilities,
                                                 .ambient = {}};
  process.oom_score_adj = 0;
  config.linux_.namespaces = default_namespaces(mode);
  config.linux_.sysctl = default_sysctls();
  config.linux_.masked_paths = default_masked_paths();
  config.linux_.readonly_paths = default_readonly_paths();
  config.linux_.seccomp = default_seccomp(capabilities);
  config.linux_.resources.emplace().devices = default_device_rules();
  return config;
}

}  // namespace wherry::runtime
