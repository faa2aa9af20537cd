#include "runtime/resources.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace wherry::runtime {
namespace {

using spec::oci::BlockIoLimits;
using spec::oci::CpuLimits;
using spec::oci::MemoryLimits;
using spec::oci::ThrottleDevice;

struct Collector {
  const sys::CgroupLayout& layout;
  std::vector<std::string>& warnings;
  std::vector<CgroupWrite> writes;

  [[nodiscard]] bool v2(std::string_view controller) const {
    const sys::CgroupHierarchy* hierarchy = layout.find(controller);
    return hierarchy != nullptr && hierarchy->unified;
  }
  void add(std::string controller, std::string file, std::string value) {
    writes.push_back({std::move(controller), std::move(file), std::move(value)});
  }
  void unavailable(std::string_view limit) {
    warnings.push_back(fmt::format("{} has no cgroup v2 interface, it is not set", limit));
  }
};

std::string bytes_or_max(std::int64_t bytes) {
  return bytes < 0 ? "max" : fmt::format("{}", bytes);
}

// The limit before memory+swap: v1 refuses a memsw below the limit in force.
void add_memory_v1(Collector& out, const MemoryLimits& memory) {
  if (memory.limit && *memory.limit != 0)
    out.add("memory", "memory.limit_in_bytes", fmt::format("{}", *memory.limit));
  if (memory.swap && *memory.swap != 0)
    out.add("memory", "memory.memsw.limit_in_bytes", fmt::format("{}", *memory.swap));
  if (memory.reservation && *memory.reservation != 0)
    out.add("memory", "memory.soft_limit_in_bytes", fmt::format("{}", *memory.reservation));
  if (memory.swappiness)
    out.add("memory", "memory.swappiness", fmt::format("{}", *memory.swappiness));
  if (memory.kernel && *memory.kernel != 0)
    out.add("memory", "memory.kmem.limit_in_bytes", fmt::format("{}", *memory.kernel));
  if (memory.kernel_tcp && *memory.kernel_tcp != 0)
    out.add("memory", "memory.kmem.tcp.limit_in_bytes", fmt::format("{}", *memory.kernel_tcp));
  if (memory.disable_oom_killer.value_or(false)) out.add("memory", "memory.oom_control", "1");
}

void add_memory_v2(Collector& out, const MemoryLimits& memory) {
  const std::int64_t limit = memory.limit.value_or(0);
  if (limit != 0) out.add("memory", "memory.max", bytes_or_max(limit));
  if (memory.swap && *memory.swap != 0) {
    // v1 counts memory and swap together, v2 swap alone.
    const std::int64_t swap = *memory.swap < 0 ? -1 : std::max<std::int64_t>(0, *memory.swap - std::max<std::int64_t>(0, limit));
    out.add("memory", "memory.swap.max", bytes_or_max(swap));
  }
  if (memory.reservation && *memory.reservation != 0)
    out.add("memory", "memory.low", bytes_or_max(*memory.reservation));
  if (memory.swappiness) out.unavailable("memory swappiness");
  if (memory.disable_oom_killer.value_or(false)) out.unavailable("OOM killer disable");
  if (memory.kernel.value_or(0) != 0) out.unavailable("kernel memory");
  if (memory.kernel_tcp.value_or(0) != 0) out.unavailable("kernel TCP memory");
}

void add_cpu_v1(Collector& out, const CpuLimits& cpu) {
  if (cpu.shares && *cpu.shares != 0)
    out.add("cpu", "cpu.shares", fmt::format("{}", *cpu.shares));
  if (cpu.period && *cpu.period != 0)
    out.add("cpu", "cpu.cfs_period_us", fmt::format("{}", *cpu.period));
  if (cpu.quota && *cpu.quota != 0)
    out.add("cpu", "cpu.cfs_quota_us", fmt::format("{}", *cpu.quota));
  if (cpu.burst) out.add("cpu", "cpu.cfs_burst_us", fmt::format("{}", *cpu.burst));
  if (cpu.realtime_period && *cpu.realtime_period != 0)
    out.add("cpu", "cpu.rt_period_us", fmt::format("{}", *cpu.realtime_period));
  if (cpu.realtime_runtime && *cpu.realtime_runtime != 0)
    out.add("cpu", "cpu.rt_runtime_us", fmt::format("{}", *cpu.realtime_runtime));
}

void add_cpu_v2(Collector& out, const CpuLimits& cpu) {
  constexpr std::uint64_t kDefaultPeriod = 100000;
  if (cpu.shares && *cpu.shares != 0)
    out.add("cpu", "cpu.weight", fmt::format("{}", weight_of_shares(*cpu.shares)));
  const std::int64_t quota = cpu.quota.value_or(0);
  const std::uint64_t period = cpu.period.value_or(0);
  if (quota != 0 || period != 0)
    out.add("cpu", "cpu.max",
            fmt::format("{} {}", quota > 0 ? fmt::format("{}", quota) : "max",
                        period != 0 ? period : kDefaultPeriod));
  if (cpu.burst) out.add("cpu", "cpu.max.burst", fmt::format("{}", *cpu.burst));
  if (cpu.realtime_period.value_or(0) != 0 || cpu.realtime_runtime.value_or(0) != 0)
    out.unavailable("CPU real-time scheduling");
}

void add_cpu(Collector& out, const CpuLimits& cpu) {
  if (out.v2("cpu")) add_cpu_v2(out, cpu);
  else add_cpu_v1(out, cpu);
  if (cpu.idle) out.add("cpu", "cpu.idle", fmt::format("{}", *cpu.idle));
  if (!cpu.cpus.empty()) out.add("cpuset", "cpuset.cpus", cpu.cpus);
  if (!cpu.mems.empty()) out.add("cpuset", "cpuset.mems", cpu.mems);
}

void add_throttle(Collector& out, const std::vector<ThrottleDevice>& devices, const char* v1_file,
                  const char* v2_key) {
  const bool v2 = out.v2("io");
  for (const ThrottleDevice& device : devices) {
    const std::string node = fmt::format("{}:{}", device.major, device.minor);
    if (v2) out.add("io", "io.max", fmt::format("{} {}={}", node, v2_key, device.rate));
    else out.add("blkio", v1_file, fmt::format("{} {}", node, device.rate));
  }
}

// io.weight takes 1..10000, blkio 10..1000.
std::uint64_t io_weight(std::uint16_t weight) { return 1 + (weight - 10U) * 9999U / 990U; }

void add_block_io(Collector& out, const BlockIoLimits& limits) {
  const bool v2 = out.v2("io");
  if (limits.weight && *limits.weight != 0) {
    if (v2) out.add("io", "io.weight", fmt::format("default {}", io_weight(*limits.weight)));
    else out.add("blkio", "blkio.bfq.weight", fmt::format("{}", *limits.weight));
  }
  for (const auto& device : limits.weight_device) {
    if (!device.weight) continue;
    const std::string node = fmt::format("{}:{}", device.major, device.minor);
    if (v2) out.add("io", "io.weight", fmt::format("{} {}", node, io_weight(*device.weight)));
    else out.add("blkio", "blkio.bfq.weight_device", fmt::format("{} {}", node, *device.weight));
  }
  add_throttle(out, limits.read_bps, "blkio.throttle.read_bps_device", "rbps");
  add_throttle(out, limits.write_bps, "blkio.throttle.write_bps_device", "wbps");
  add_throttle(out, limits.read_iops, "blkio.throttle.read_iops_device", "riops");
  add_throttle(out, limits.write_iops, "blkio.throttle.write_iops_device", "wiops");
}

void add_hugepages(Collector& out, const std::vector<spec::oci::HugepageLimit>& limits) {
  const char* file = out.v2("hugetlb") ? "max" : "limit_in_bytes";
  for (const auto& limit : limits)
    out.add("hugetlb", fmt::format("hugetlb.{}.{}", limit.page_size, file), fmt::format("{}", limit.limit));
}

// Both are of v1 alone.
void add_network(Collector& out, const spec::oci::NetworkLimits& network) {
  if (network.class_id.value_or(0) != 0)
    out.add("net_cls", "net_cls.classid", fmt::format("{}", *network.class_id));
  for (const auto& interface : network.priorities)
    out.add("net_prio", "net_prio.ifpriomap", fmt::format("{} {}", interface.name, interface.priority));
}

void add_rdma(Collector& out, const std::map<std::string, spec::oci::RdmaLimit>& limits) {
  for (const auto& [device, limit] : limits) {
    std::string line = device;
    if (limit.hca_handles) line += fmt::format(" hca_handle={}", *limit.hca_handles);
    if (limit.hca_objects) line += fmt::format(" hca_object={}", *limit.hca_objects);
    out.add("rdma", "rdma.max", line);
  }
}

std::string number_or_any(const std::optional<std::int64_t>& number) {
  return !number || *number < 0 ? "*" : fmt::format("{}", *number);
}

}  // namespace

std::uint64_t weight_of_shares(std::uint64_t shares) {
  if (shares <= 2) return 1;
  if (shares >= 262144) return 10000;
  const double l = std::log2(static_cast<double>(shares));
  const double exponent = (l * l + 125 * l) / 612.0 - 7.0 / 34.0;
  return static_cast<std::uint64_t>(std::ceil(std::pow(10, exponent)));
}

std::vector<CgroupWrite> limit_writes(const spec::oci::Resources& resources,
                                      const sys::CgroupLayout& layout,
                                      std::vector<std::string>& warnings) {
  Collector out{.layout = layout, .warnings = warnings, .writes = {}};
  if (resources.memory) {
    if (out.v2("memory")) add_memory_v2(out, *resources.memory);
    else add_memory_v1(out, *resources.memory);
  }
  if (resources.cpu) add_cpu(out, *resources.cpu);
  if (resources.pids && resources.pids->limit != 0)
    out.add("pids", "pids.max", bytes_or_max(resources.pids->limit));
  if (resources.block_io) add_block_io(out, *resources.block_io);
  add_hugepages(out, resources.hugepages);
  if (resources.network) add_network(out, *resources.network);
  add_rdma(out, resources.rdma);
  for (const auto& [file, value] : resources.unified) {
    const std::string controller = file.substr(0, file.find('.'));
    out.add(controller, file, value);
  }
  return std::move(out.writes);
}

std::vector<CgroupWrite> device_writes(const std::vector<spec::oci::DeviceRule>& rules) {
  std::vector<CgroupWrite> writes;
  for (const auto& rule : rules) {
    const char* file = rule.allow ? "devices.allow" : "devices.deny";
    const std::string type = rule.type.empty() ? "a" : rule.type;
    const std::string access = rule.access.empty() ? "rwm" : rule.access;
    if (type == "a") {
      writes.push_back({"devices", file, "a"});
      continue;
    }
    writes.push_back({"devices", file,
                      fmt::format("{} {}:{} {}", type, number_or_any(rule.major),
                                  number_or_any(rule.minor), access)});
  }
  return writes;
}

}  // namespace wherry::runtime
