// How the structs of spec/oci_runtime.h are spelled in JSON. Included by that header alone.
#pragma once

#include <tuple>

#include "spec/json.h"
#include "spec/oci_resources_json.h"
#include "spec/oci_runtime.h"

namespace wherry::json {

template <>
struct Describe<spec::oci::User> {
  using T = spec::oci::User;
  static constexpr auto fields =
      std::tuple{field("uid", &T::uid), field("gid", &T::gid), omit_empty("umask", &T::umask),
                 omit_empty("additionalGids", &T::additional_gids)};
};
template <>
struct Describe<spec::oci::Box> {
  using T = spec::oci::Box;
  static constexpr auto fields = std::tuple{field("height", &T::height), field("width", &T::width)};
};
template <>
struct Describe<spec::oci::Capabilities> {
  using T = spec::oci::Capabilities;
  static constexpr auto fields = std::tuple{
      omit_empty("bounding", &T::bounding), omit_empty("effective", &T::effective),
      omit_empty("inheritable", &T::inheritable), omit_empty("permitted", &T::permitted),
      omit_empty("ambient", &T::ambient)};
};
template <>
struct Describe<spec::oci::Rlimit> {
  using T = spec::oci::Rlimit;
  static constexpr auto fields =
      std::tuple{field("type", &T::type), field("hard", &T::hard), field("soft", &T::soft)};
};
template <>
struct Describe<spec::oci::IoPriority> {
  using T = spec::oci::IoPriority;
  static constexpr auto fields =
      std::tuple{field("class", &T::policy), field("priority", &T::priority)};
};
template <>
struct Describe<spec::oci::Scheduler> {
  using T = spec::oci::Scheduler;
  static constexpr auto fields =
      std::tuple{field("policy", &T::policy),
                 omit_empty("nice", &T::nice),
                 omit_empty("priority", &T::priority),
                 omit_empty("flags", &T::flags),
                 omit_empty("runtime", &T::runtime),
                 omit_empty("deadline", &T::deadline),
                 omit_empty("period", &T::period)};
};
template <>
struct Describe<spec::oci::CpuAffinity> {
  using T = spec::oci::CpuAffinity;
  static constexpr auto fields =
      std::tuple{omit_empty("initial", &T::initial),
                 omit_empty("final", &T::final_)};
};
template <>
struct Describe<spec::oci::Process> {
  using T = spec::oci::Process;
  static constexpr auto fields = std::tuple{
      omit_empty("terminal", &T::terminal), omit_empty("consoleSize", &T::console_size),
      field("user", &T::user), omit_empty("args", &T::args), omit_empty("env", &T::env),
      field("cwd", &T::cwd), omit_empty("capabilities", &T::capabilities),
      omit_empty("rlimits", &T::rlimits), omit_empty("noNewPrivileges", &T::no_new_privileges),
      omit_empty("apparmorProfile", &T::apparmor_profile),
      omit_empty("oomScoreAdj", &T::oom_score_adj), omit_empty("selinuxLabel", &T::selinux_label),
      omit_empty("ioPriority", &T::io_priority), omit_empty("scheduler", &T::scheduler),
      omit_empty("execCPUAffinity", &T::exec_cpu_affinity)};
};
template <>
struct Describe<spec::oci::Root> {
  using T = spec::oci::Root;
  static constexpr auto fields =
      std::tuple{field("path", &T::path), omit_empty("readonly", &T::readonly)};
};
template <>
struct Describe<spec::oci::IdMapping> {
  using T = spec::oci::IdMapping;
  static constexpr auto fields = std::tuple{
      field("containerID", &T::container_id), field("hostID", &T::host_id), field("size", &T::size)};
};
template <>
struct Describe<spec::oci::Mount> {
  using T = spec::oci::Mount;
  static constexpr auto fields =
      std::tuple{field("destination", &T::destination), omit_empty("type", &T::type),
                 omit_empty("source", &T::source), omit_empty("options", &T::options),
                 omit_empty("uidMappings", &T::uid_mappings), omit_empty("gidMappings", &T::gid_mappings)};
};
template <>
struct Describe<spec::oci::Device> {
  using T = spec::oci::Device;
  static constexpr auto fields =
      std::tuple{field("path", &T::path), field("type", &T::type), field("major", &T::major),
                 field("minor", &T::minor), omit_empty("fileMode", &T::file_mode),
                 omit_empty("uid", &T::uid), omit_empty("gid", &T::gid)};
};
template <>
struct Describe<spec::oci::Namespace> {
  using T = spec::oci::Namespace;
  static constexpr auto fields =
      std::tuple{field("type", &T::type), omit_empty("path", &T::path)};
};
template <>
struct Describe<spec::oci::SeccompArg> {
  using T = spec::oci::SeccompArg;
  static constexpr auto fields =
      std::tuple{field("index", &T::index), field("value", &T::value),
                 omit_empty("valueTwo", &T::value_two), field("op", &T::op)};
};
template <>
struct Describe<spec::oci::SeccompRule> {
  using T = spec::oci::SeccompRule;
  static constexpr auto fields =
      std::tuple{field("names", &T::names), field("action", &T::action),
                 omit_empty("errnoRet", &T::errno_ret), omit_empty("args", &T::args)};
};
template <>
struct Describe<spec::oci::Seccomp> {
  using T = spec::oci::Seccomp;
  static constexpr auto fields = std::tuple{
      field("defaultAction", &T::default_action),
      omit_empty("defaultErrnoRet", &T::default_errno_ret),
      omit_empty("architectures", &T::architectures), omit_empty("flags", &T::flags),
      omit_empty("listenerPath", &T::listener_path),
      omit_empty("listenerMetadata", &T::listener_metadata),
      omit_empty("syscalls", &T::syscalls)};
};
template <>
struct Describe<spec::oci::Hook> {
  using T = spec::oci::Hook;
  static constexpr auto fields =
      std::tuple{field("path", &T::path), omit_empty("args", &T::args), omit_empty("env", &T::env),
                 omit_empty("timeout", &T::timeout)};
};
template <>
struct Describe<spec::oci::Hooks> {
  using T = spec::oci::Hooks;
  static constexpr auto fields = std::tuple{
      omit_empty("prestart", &T::prestart), omit_empty("createRuntime", &T::create_runtime),
      omit_empty("createContainer", &T::create_container),
      omit_empty("startContainer", &T::start_container), omit_empty("poststart", &T::poststart),
      omit_empty("poststop", &T::poststop)};
};
template <>
struct Describe<spec::oci::TimeOffset> {
  using T = spec::oci::TimeOffset;
  static constexpr auto fields =
      std::tuple{omit_empty("secs", &T::secs),
                 omit_empty("nanosecs", &T::nanosecs)};
};
template <>
struct Describe<spec::oci::Personality> {
  using T = spec::oci::Personality;
  static constexpr auto fields =
      std::tuple{field("domain", &T::domain),
                 omit_empty("flags", &T::flags)};
};
template <>
struct Describe<spec::oci::MemoryPolicy> {
  using T = spec::oci::MemoryPolicy;
  static constexpr auto fields =
      std::tuple{field("mode", &T::mode),
                 omit_empty("nodes", &T::nodes),
                 omit_empty("flags", &T::flags)};
};
template <>
struct Describe<spec::oci::NetDevice> {
  using T = spec::oci::NetDevice;
  static constexpr auto fields =
      std::tuple{omit_empty("name", &T::name)};
};
template <>
struct Describe<spec::oci::IntelRdt> {
  using T = spec::oci::IntelRdt;
  static constexpr auto fields =
      std::tuple{omit_empty("closID", &T::clos_id),
                 omit_empty("schemata", &T::schemata),
                 omit_empty("l3CacheSchema", &T::l3_cache_schema),
                 omit_empty("memBwSchema", &T::mem_bw_schema),
                 omit_empty("enableMonitoring", &T::enable_monitoring)};
};
template <>
struct Describe<spec::oci::Linux> {
  using T = spec::oci::Linux;
  static constexpr auto fields = std::tuple{omit_empty("uidMappings", &T::uid_mappings),
                                            omit_empty("gidMappings", &T::gid_mappings),
                                            omit_empty("devices", &T::devices),
                                            omit_empty("namespaces", &T::namespaces),
                                            omit_empty("sysctl", &T::sysctl),
                                            omit_empty("resources", &T::resources),
                                            omit_empty("cgroupsPath", &T::cgroups_path),
                                            omit_empty("rootfsPropagation", &T::rootfs_propagation),
                                            omit_empty("seccomp", &T::seccomp),
                                            omit_empty("maskedPaths", &T::masked_paths),
                                            omit_empty("readonlyPaths", &T::readonly_paths),
                                            omit_empty("mountLabel", &T::mount_label),
                                            omit_empty("timeOffsets", &T::time_offsets),
                                            omit_empty("personality", &T::personality),
                                            omit_empty("memoryPolicy", &T::memory_policy),
                                            omit_empty("netDevices", &T::net_devices),
                                            omit_empty("intelRdt", &T::intel_rdt)};
};
template <>
struct Describe<spec::oci::Config> {
  using T = spec::oci::Config;
  static constexpr auto fields =
      std::tuple{field("ociVersion", &T::oci_version), omit_empty("process", &T::process),
                 omit_empty("root", &T::root), omit_empty("hostname", &T::hostname),
                 omit_empty("domainname", &T::domainname), omit_empty("mounts", &T::mounts),
                 omit_empty("hooks", &T::hooks), omit_empty("linux", &T::linux_),
                 omit_empty("annotations", &T::annotations)};
};
template <>
struct Describe<spec::oci::State> {
  using T = spec::oci::State;
  static constexpr auto fields =
      std::tuple{field("ociVersion", &T::oci_version), field("id", &T::id),
                 field("status", &T::status), omit_empty("pid", &T::pid),
                 field("bundle", &T::bundle), omit_empty("annotations", &T::annotations)};
};

}  // namespace wherry::json
