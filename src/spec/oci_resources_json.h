// How the structs of spec/oci_resources.h are spelled in JSON.
#pragma once

#include <tuple>

#include "spec/json.h"
#include "spec/oci_resources.h"

namespace wherry::json {

template <>
struct Describe<spec::oci::DeviceRule> {
  using T = spec::oci::DeviceRule;
  static constexpr auto fields =
      std::tuple{field("allow", &T::allow), omit_empty("type", &T::type),
                 omit_empty("major", &T::major), omit_empty("minor", &T::minor),
                 omit_empty("access", &T::access)};
};
template <>
struct Describe<spec::oci::MemoryLimits> {
  using T = spec::oci::MemoryLimits;
  static constexpr auto fields = std::tuple{
      omit_empty("limit", &T::limit), omit_empty("reservation", &T::reservation),
      omit_empty("swap", &T::swap), omit_empty("swappiness", &T::swappiness),
      omit_empty("disableOOMKiller", &T::disable_oom_killer),
      omit_empty("kernel", &T::kernel), omit_empty("kernelTCP", &T::kernel_tcp),
      omit_empty("useHierarchy", &T::use_hierarchy),
      omit_empty("checkBeforeUpdate", &T::check_before_update)};
};
template <>
struct Describe<spec::oci::CpuLimits> {
  using T = spec::oci::CpuLimits;
  static constexpr auto fields =
      std::tuple{omit_empty("shares", &T::shares),
                 omit_empty("quota", &T::quota),
                 omit_empty("burst", &T::burst),
                 omit_empty("period", &T::period),
                 omit_empty("realtimeRuntime", &T::realtime_runtime),
                 omit_empty("realtimePeriod", &T::realtime_period),
                 omit_empty("cpus", &T::cpus),
                 omit_empty("mems", &T::mems),
                 omit_empty("idle", &T::idle)};
};
template <>
struct Describe<spec::oci::PidsLimits> {
  using T = spec::oci::PidsLimits;
  static constexpr auto fields = std::tuple{field("limit", &T::limit)};
};
template <>
struct Describe<spec::oci::WeightDevice> {
  using T = spec::oci::WeightDevice;
  static constexpr auto fields = std::tuple{field("major", &T::major), field("minor", &T::minor),
                                            omit_empty("weight", &T::weight),
                                            omit_empty("leafWeight", &T::leaf_weight)};
};
template <>
struct Describe<spec::oci::ThrottleDevice> {
  using T = spec::oci::ThrottleDevice;
  static constexpr auto fields = std::tuple{field("major", &T::major), field("minor", &T::minor),
                                            field("rate", &T::rate)};
};
template <>
struct Describe<spec::oci::BlockIoLimits> {
  using T = spec::oci::BlockIoLimits;
  static constexpr auto fields = std::tuple{
      omit_empty("weight", &T::weight), omit_empty("leafWeight", &T::leaf_weight),
      omit_empty("weightDevice", &T::weight_device),
      omit_empty("throttleReadBpsDevice", &T::read_bps),
      omit_empty("throttleWriteBpsDevice", &T::write_bps),
      omit_empty("throttleReadIOPSDevice", &T::read_iops),
      omit_empty("throttleWriteIOPSDevice", &T::write_iops)};
};
template <>
struct Describe<spec::oci::HugepageLimit> {
  using T = spec::oci::HugepageLimit;
  static constexpr auto fields =
      std::tuple{field("pageSize", &T::page_size),
                 field("limit", &T::limit)};
};
template <>
struct Describe<spec::oci::InterfacePriority> {
  using T = spec::oci::InterfacePriority;
  static constexpr auto fields =
      std::tuple{field("name", &T::name),
                 field("priority", &T::priority)};
};
template <>
struct Describe<spec::oci::NetworkLimits> {
  using T = spec::oci::NetworkLimits;
  static constexpr auto fields =
      std::tuple{omit_empty("classID", &T::class_id),
                 omit_empty("priorities", &T::priorities)};
};
template <>
struct Describe<spec::oci::RdmaLimit> {
  using T = spec::oci::RdmaLimit;
  static constexpr auto fields =
      std::tuple{omit_empty("hcaHandles", &T::hca_handles),
                 omit_empty("hcaObjects", &T::hca_objects)};
};
template <>
struct Describe<spec::oci::Resources> {
  using T = spec::oci::Resources;
  static constexpr auto fields =
      std::tuple{omit_empty("devices", &T::devices), omit_empty("memory", &T::memory),
                 omit_empty("cpu", &T::cpu), omit_empty("pids", &T::pids),
                 omit_empty("blockIO", &T::block_io), omit_empty("hugepageLimits", &T::hugepages),
                 omit_empty("network", &T::network), omit_empty("rdma", &T::rdma),
                 omit_empty("unified", &T::unified)};
};

}  // namespace wherry::json
