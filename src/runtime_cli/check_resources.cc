#include <algorithm>
#include <limits>

#include "runtime_cli/check.h"
#include "runtime_cli/check_words.h"

namespace wherry::runtime_cli {
namespace {

using namespace spec::oci;

constexpr std::int64_t kAnyLimit = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kUnlimited = -1;

Result<> check_limit(std::string_view name, const std::optional<std::int64_t>& limit) {
  return at(name, check_range(limit.value_or(0), kUnlimited, kAnyLimit));
}

Result<> check_device_numbers(std::int64_t major, std::int64_t minor, std::int64_t first) {
  TRY(at("major", check_range(major, first, (1 << 12) - 1)));
  return at("minor", check_range(minor, first, (1 << 20) - 1));
}

Result<> check_rule(const DeviceRule& rule) {
  if (!rule.type.empty()) TRY(at("type", check_word(rule.type, {"a", "b", "c"})));
  TRY(check_device_numbers(rule.major.value_or(kUnlimited), rule.minor.value_or(kUnlimited), kUnlimited));
  if (rule.access.find_first_not_of("rwm") == std::string::npos) return {};
  return at("access", wrong(fmt::format("{} is not of r, w and m", quote(rule.access))));
}

Result<> check_memory(const MemoryLimits& memory) {
  TRY(check_limit("limit", memory.limit));
  TRY(check_limit("reservation", memory.reservation));
  TRY(check_limit("swap", memory.swap));
  TRY(check_limit("kernel", memory.kernel));
  TRY(check_limit("kernelTCP", memory.kernel_tcp));
  if (memory.swap.value_or(0) > 0 && memory.limit.value_or(0) == kUnlimited)
    return at("swap", wrong("is of memory and swap together, and memory is not limited"));
  if (memory.swap.value_or(0) > 0 && *memory.swap < memory.limit.value_or(0))
    return at("swap", wrong("is of memory and swap together, hence not below the limit of memory"));
  if (memory.swappiness.value_or(0) > 100) return at("swappiness", wrong("is not between 0 and 100"));
  if (!memory.use_hierarchy.value_or(true)) return at("useHierarchy", not_available());
  return {};
}

Result<> check_cpu(const CpuLimits& cpu) {
  constexpr std::int64_t kShortestQuota_us = 1000;
  constexpr std::uint64_t kLongestPeriod_us = 1000000;
  const std::int64_t quota = cpu.quota.value_or(0);
  if (quota != 0 && quota != kUnlimited) TRY(at("quota", check_range(quota, kShortestQuota_us, kAnyLimit)));
  const std::uint64_t period = cpu.period.value_or(0);
  if (period != 0 && (period < kShortestQuota_us || period > kLongestPeriod_us))
    return at("period", wrong(fmt::format("{} is not between 1000 and 1000000", period)));
  if (cpu.burst.value_or(0) > static_cast<std::uint64_t>(kAnyLimit)) return at("burst", wrong("is out of range"));
  if (quota > 0 && cpu.burst.value_or(0) > static_cast<std::uint64_t>(quota))
    return at("burst", wrong("is above the quota"));
  TRY(check_limit("realtimeRuntime", cpu.realtime_runtime));
  if (cpu.realtime_period.value_or(0) > std::numeric_limits<std::uint32_t>::max())
    return at("realtimePeriod", wrong("is out of range"));
  TRY(at("cpus", check_number_list(cpu.cpus)));
  TRY(at("mems", check_number_list(cpu.mems)));
  return at("idle", check_range(cpu.idle.value_or(0), 0, 1));
}

Result<> check_weight(const std::optional<std::uint16_t>& weight) {
  constexpr std::int64_t kLightest = 10;
  constexpr std::int64_t kHeaviest = 1000;
  if (weight.value_or(0) == 0) return {};
  return at("weight", check_range(*weight, kLightest, kHeaviest));
}

Result<> check_weight_device(const WeightDevice& device) {
  TRY(check_device_numbers(device.major, device.minor, 0));
  if (device.leaf_weight) return at("leafWeight", not_available());
  return check_weight(device.weight);
}

Result<> check_throttle(const ThrottleDevice& device) {
  return check_device_numbers(device.major, device.minor, 0);
}

Result<> check_block_io(const BlockIoLimits& limits) {
  TRY(check_weight(limits.weight));
  if (limits.leaf_weight) return at("leafWeight", not_available());
  TRY(each("weightDevice", limits.weight_device, check_weight_device));
  TRY(each("throttleReadBpsDevice", limits.read_bps, check_throttle));
  TRY(each("throttleWriteBpsDevice", limits.write_bps, check_throttle));
  TRY(each("throttleReadIOPSDevice", limits.read_iops, check_throttle));
  return each("throttleWriteIOPSDevice", limits.write_iops, check_throttle);
}

// The name of a file of the container's own group: nothing that leads out of it.
Result<> check_unified(const std::string& file, const std::string& value) {
  const bool plain = std::ranges::all_of(file, [](unsigned char letter) {
    return std::isalnum(letter) != 0 || std::string_view("._-").contains(static_cast<char>(letter));
  });
  if (!plain || file.find('.') == std::string::npos || file.starts_with('.') || file.size() > kMaximumWordBytes)
    return wrong("is not the name of a cgroup file");
  return check_text(value, kMaximumPathBytes, MayBeEmpty::Yes);
}

// "64KB", "2MB", "1GB".
Result<> check_hugepages(const HugepageLimit& limit) {
  const std::string_view size = limit.page_size;
  const bool unit = size.size() > 2 && (size.ends_with("KB") || size.ends_with("MB") || size.ends_with("GB"));
  const auto number = unit ? parse_u64(size.substr(0, size.size() - 2)) : std::nullopt;
  if (size.size() > kMaximumWordBytes || !number || *number == 0 || size.front() == '0')
    return at("pageSize", wrong(fmt::format("{} is not a size as 2MB", quote(size.substr(0, kMaximumWordBytes)))));
  return {};
}

// One word of a line that the kernel splits at blanks.
Result<> check_device_name(std::string_view name, std::size_t limit) {
  TRY(check_text(name, limit, MayBeEmpty::No));
  if (name.find_first_of(" \t\n\v\f\r/") != std::string_view::npos) return wrong(fmt::format("{} is not a name", quote(name)));
  return {};
}

Result<> check_interface(const InterfacePriority& interface) {
  constexpr std::size_t kLongestName = 15;  // IFNAMSIZ and its NUL
  return at("name", check_device_name(interface.name, kLongestName));
}

Result<> check_rdma(const std::string& device, const RdmaLimit& limit) {
  TRY(check_device_name(device, kMaximumWordBytes));
  if (!limit.hca_handles && !limit.hca_objects) return wrong("one of hcaHandles and hcaObjects must be set");
  return {};
}

}  // namespace

Result<> check_resources(const Resources& resources) {
  constexpr std::int64_t kMostProcesses = 4194304;  // PID_MAX_LIMIT
  TRY(each("devices", resources.devices, check_rule));
  if (resources.memory) TRY(at("memory", check_memory(*resources.memory)));
  if (resources.cpu) TRY(at("cpu", check_cpu(*resources.cpu)));
  if (resources.pids) TRY(at("pids.limit", check_range(resources.pids->limit, kUnlimited, kMostProcesses)));
  if (resources.block_io) TRY(at("blockIO", check_block_io(*resources.block_io)));
  TRY(each("hugepageLimits", resources.hugepages, check_hugepages));
  if (resources.network) TRY(each("network.priorities", resources.network->priorities, check_interface));
  TRY(each("rdma", resources.rdma, check_rdma));
  return each("unified", resources.unified, check_unified);
}

}  // namespace wherry::runtime_cli
