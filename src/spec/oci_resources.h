// linux.resources of config.json: what a container's control groups are told.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/value_type.h"

namespace wherry::spec::oci {

struct DeviceRule {
  bool allow = false;
  std::string type;  // a, c, b; empty: a
  std::optional<std::int64_t> major;
  std::optional<std::int64_t> minor;
  std::string access;  // of r, w, m
};

struct MemoryLimits {
  std::optional<std::int64_t> limit;
  std::optional<std::int64_t> reservation;
  std::optional<std::int64_t> swap;  // memory + swap together; -1: unlimited
  std::optional<std::uint64_t> swappiness;
  std::optional<bool> disable_oom_killer;
  std::optional<std::int64_t> kernel;      // v1, and no longer in current kernels
  std::optional<std::int64_t> kernel_tcp;  // v1
  std::optional<bool> use_hierarchy;       // always so since Linux 5.11
  std::optional<bool> check_before_update;
};

struct CpuLimits {
  std::optional<std::uint64_t> shares;
  std::optional<std::int64_t> quota;
  std::optional<std::uint64_t> burst;
  std::optional<std::uint64_t> period;
  std::optional<std::int64_t> realtime_runtime;
  std::optional<std::uint64_t> realtime_period;
  std::string cpus;
  std::string mems;
  std::optional<std::int64_t> idle;
};

struct PidsLimits {
  std::int64_t limit = 0;  // <= 0: unlimited
};

struct WeightDevice {
  std::int64_t major = 0;
  std::int64_t minor = 0;
  std::optional<std::uint16_t> weight;
  std::optional<std::uint16_t> leaf_weight;  // of CFQ, which left in Linux 5.0
};

struct ThrottleDevice {
  std::int64_t major = 0;
  std::int64_t minor = 0;
  std::uint64_t rate = 0;
};

struct BlockIoLimits {
  WHERRY_VALUE_TYPE(BlockIoLimits);

  std::optional<std::uint16_t> weight;
  std::optional<std::uint16_t> leaf_weight;
  std::vector<WeightDevice> weight_device;
  std::vector<ThrottleDevice> read_bps;
  std::vector<ThrottleDevice> write_bps;
  std::vector<ThrottleDevice> read_iops;
  std::vector<ThrottleDevice> write_iops;
};

struct HugepageLimit {
  std::string page_size;  // 2MB, 1GB
  std::uint64_t limit = 0;
};

struct InterfacePriority {
  std::string name;
  std::uint32_t priority = 0;
};

// v1: net_cls and net_prio.
struct NetworkLimits {
  std::optional<std::uint32_t> class_id;
  std::vector<InterfacePriority> priorities;
};

struct RdmaLimit {
  std::optional<std::uint32_t> hca_handles;
  std::optional<std::uint32_t> hca_objects;
};

struct Resources {
  WHERRY_VALUE_TYPE(Resources);

  std::vector<DeviceRule> devices;
  std::optional<MemoryLimits> memory;
  std::optional<CpuLimits> cpu;
  std::optional<PidsLimits> pids;
  std::optional<BlockIoLimits> block_io;
  std::vector<HugepageLimit> hugepages;
  std::optional<NetworkLimits> network;
  std::map<std::string, RdmaLimit> rdma;  // by device
  std::map<std::string, std::string> unified;
};

}  // namespace wherry::spec::oci
