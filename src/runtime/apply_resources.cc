#include <fmt/format.h>
#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/strings.h"
#include "runtime/resources.h"

namespace wherry::runtime {
namespace {

long bpf(int command, bpf_attr& attributes) {
  return ::syscall(SYS_bpf, command, &attributes, sizeof attributes);
}

Result<> attach_device_program(const std::string& program, const sys::Fd& cgroup) {
  static constexpr char kLicense[] = "Apache-2.0";
  bpf_attr load{};
  load.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
  load.insns = reinterpret_cast<std::uintptr_t>(program.data());
  load.insn_cnt = static_cast<std::uint32_t>(program.size() / sizeof(bpf_insn));
  load.license = reinterpret_cast<std::uintptr_t>(&kLicense[0]);
  const sys::Fd loaded(static_cast<int>(bpf(BPF_PROG_LOAD, load)));
  if (!loaded) return Error::from_errno(errno, "load device program");
  bpf_attr attach{};
  attach.target_fd = static_cast<std::uint32_t>(cgroup.get());
  attach.attach_bpf_fd = static_cast<std::uint32_t>(loaded.get());
  attach.attach_type = BPF_CGROUP_DEVICE;
  attach.attach_flags = BPF_F_ALLOW_MULTI;
  if (bpf(BPF_PROG_ATTACH, attach) < 0)
    return Error::from_errno(errno, "attach device program");
  return {};
}

Result<> apply_device_rules(const std::vector<spec::oci::DeviceRule>& rules,
                            const sys::Cgroup& cgroup) {
  if (cgroup.is_v2("devices")) {
    const sys::Fd directory = TRY(cgroup.open_unified());
    if (!directory) return Error(ErrorKind::Unsupported, "cgroup is read-only");
    return attach_device_program(device_program(rules), directory);
  }
  for (const CgroupWrite& write : device_writes(rules))
    TRY(cgroup.write(write.controller, write.file, write.value));
  return {};
}

Error refused(const CgroupWrite& write, Error error) {
  if (error.kind() != ErrorKind::Unsupported)
    return {ErrorKind::InvalidArgument, error.errno_value(),
            fmt::format("failed to set {}: {}", write.file, error.message())};
  return {ErrorKind::Unsupported, error.errno_value(),
          fmt::format("this host does not let {} be set: {}", write.file, error.message())};
}

Result<> apply_writes(const std::vector<CgroupWrite>& writes, const sys::Cgroup& cgroup,
                      std::vector<std::string>& warnings) {
  for (const CgroupWrite& write : writes) {
    auto written = cgroup.write(write.controller, write.file, write.value);
    if (written) continue;
    const int error = written.error().errno_value();
    // No such hierarchy, or a kernel built without that file (swap accounting, bfq), or one in
    // which only its name is left (kernel memory: EOPNOTSUPP since 5.16).
    if ((written.error().kind() == ErrorKind::Unsupported && (error == 0 || error == ENOENT)) ||
        error == EOPNOTSUPP)
      warnings.push_back(fmt::format("{} is not supported here, the limit is discarded", write.file));
    else
      return refused(write, std::move(written).error());
  }
  return {};
}

Result<> apply_devices(const spec::oci::Resources& resources, const sys::Cgroup& cgroup,
                       std::vector<std::string>& warnings) {
  if (resources.devices.empty()) return {};
  if (auto applied = apply_device_rules(resources.devices, cgroup); !applied)
    warnings.push_back(fmt::format("device access is not limited: {}", applied.error().message()));
  return {};
}

constexpr const char* kMemoryLimit = "memory.limit_in_bytes";
constexpr const char* kMemoryAndSwapLimit = "memory.memsw.limit_in_bytes";

// -1 and everything above it are the kernel's largest number for "unlimited".
bool raises_memory_and_swap(const CgroupWrite& write, const sys::Cgroup& cgroup) {
  const auto text = cgroup.read("memory", kMemoryAndSwapLimit);
  const auto now = text ? parse_u64(trim(*text)) : std::nullopt;
  const auto wanted = parse_i64(write.value);
  return now && wanted && (*wanted < 0 || static_cast<std::uint64_t>(*wanted) > *now);
}

// v2 has one file for quota and period: the one that an update leaves out stays as it is.
void keep_cpu_limit(spec::oci::CpuLimits& cpu, const sys::Cgroup& cgroup) {
  const bool has_quota = cpu.quota.value_or(0) != 0;
  const bool has_period = cpu.period.value_or(0) != 0;
  if (has_quota == has_period || !cgroup.is_v2("cpu")) return;
  const auto text = cgroup.read("cpu", "cpu.max");  // "max 100000", "50000 100000"
  const auto now = text ? cut(trim(*text), ' ') : std::nullopt;
  if (!now) return;
  if (has_quota) cpu.period = parse_u64(now->after);
  else cpu.quota = parse_i64(now->before);
}

// v2 limits swap alone, so that the sum needs to know the limit of memory.
Result<> find_memory_limit(spec::oci::MemoryLimits& memory, const sys::Cgroup& cgroup) {
  const bool sum_alone = memory.swap.value_or(0) > 0 && memory.limit.value_or(0) == 0;
  if (!sum_alone || !cgroup.is_v2("memory")) return {};
  const auto text = cgroup.read("memory", "memory.max");
  memory.limit = text ? parse_i64(trim(*text)) : std::nullopt;  // "max" is no number
  if (!memory.limit) return Error::invalid("memory.swap: needs a limit of memory");
  return {};
}

}  // namespace

Result<> apply_resources(const spec::oci::Resources& resources, const sys::Cgroup& cgroup,
                         std::vector<std::string>& warnings) {
  TRY(apply_writes(limit_writes(resources, *cgroup.layout(), warnings), cgroup, warnings));
  return apply_devices(resources, cgroup, warnings);
}

Result<> update_resources(const spec::oci::Resources& resources, const sys::Cgroup& cgroup,
                          std::vector<std::string>& warnings) {
  spec::oci::Resources complete = resources;
  if (complete.cpu) keep_cpu_limit(*complete.cpu, cgroup);
  if (complete.memory) TRY(find_memory_limit(*complete.memory, cgroup));
  auto writes = limit_writes(complete, *cgroup.layout(), warnings);
  const auto memory = std::ranges::find(writes, kMemoryLimit, &CgroupWrite::file);
  const auto both = std::ranges::find(writes, kMemoryAndSwapLimit, &CgroupWrite::file);
  if (memory < both && both != writes.end() && raises_memory_and_swap(*both, cgroup))
    std::rotate(memory, both, both + 1);
  TRY(apply_writes(writes, cgroup, warnings));
  return apply_devices(resources, cgroup, warnings);
}

}  // namespace wherry::runtime
