// Limits of an OCI config -> what is written to which cgroup file, on v1 and on v2.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "spec/oci_runtime.h"
#include "sys/cgroup.h"

namespace wherry::runtime {

struct CgroupWrite {
  std::string controller;  // whose hierarchy it goes to
  std::string file;
  std::string value;
  bool operator==(const CgroupWrite&) const = default;
};

// In the order in which they must be written. A limit that has no file on a version gives
// nothing for that version (swappiness on v2) and is named in `warnings`.
std::vector<CgroupWrite> limit_writes(const spec::oci::Resources& resources,
                                      const sys::CgroupLayout& layout,
                                      std::vector<std::string>& warnings);
// v1's devices.deny and devices.allow.
std::vector<CgroupWrite> device_writes(const std::vector<spec::oci::DeviceRule>& rules);
// v2: a BPF_PROG_TYPE_CGROUP_DEVICE program (struct bpf_insn[]); the last matching rule wins.
std::string device_program(const std::vector<spec::oci::DeviceRule>& rules);

// cpu.shares (2..262144) -> cpu.weight (1..10000), runc's curve: 1024 -> 100.
std::uint64_t weight_of_shares(std::uint64_t shares);

// Applies all of it. A controller that the host lacks is a warning; one that is there and
// cannot be written (a read-only or delegated cgroup mount) is Unsupported, but for devices,
// which nobody asked for by name: warning.
Result<> apply_resources(const spec::oci::Resources& resources, const sys::Cgroup& cgroup,
                         std::vector<std::string>& warnings);

// The same for a cgroup that has limits and a container in it. v1 refuses a memory limit above
// that of memory and swap together, also for a moment: the one that makes room goes first. What
// shares a file with a limit of the update stays as it is.
Result<> update_resources(const spec::oci::Resources& resources, const sys::Cgroup& cgroup,
                          std::vector<std::string>& warnings);

}  // namespace wherry::runtime
