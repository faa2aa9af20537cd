// config.json and state of the OCI runtime specification 1.2, as far as wherry acts on them.
// What is not here is refused by name where a foreign config.json comes in (runtime_cli), never
// ignored. Names and meanings: https://github.com/opencontainers/runtime-spec
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/value_type.h"
#include "spec/oci_resources.h"

namespace wherry::spec::oci {

inline constexpr const char* kRuntimeSpecVersion = "1.2.1";

struct User {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::optional<std::uint32_t> umask;
  std::vector<std::uint32_t> additional_gids;
};

struct Box {
  std::uint32_t height = 0;
  std::uint32_t width = 0;
};

// Names as CAP_CHOWN. An absent set is empty.
struct Capabilities {
  std::vector<std::string> bounding;
  std::vector<std::string> effective;
  std::vector<std::string> inheritable;
  std::vector<std::string> permitted;
  std::vector<std::string> ambient;
};

struct Rlimit {
  std::string type;  // RLIMIT_NOFILE
  std::uint64_t hard = 0;
  std::uint64_t soft = 0;
};

struct IoPriority {
  std::string policy;  // IOPRIO_CLASS_*; the member is called "class"
  std::int64_t priority = 0;
};

// sched_setattr(2).
struct Scheduler {
  std::string policy;  // SCHED_*
  std::optional<std::int32_t> nice;
  std::optional<std::int32_t> priority;
  std::vector<std::string> flags;  // SCHED_FLAG_*
  std::optional<std::uint64_t> runtime;
  std::optional<std::uint64_t> deadline;
  std::optional<std::uint64_t> period;
};

// Processors of an exec: before and after it is in the container's groups.
struct CpuAffinity {
  std::string initial;
  std::string final_;
};

struct Process {
  WHERRY_VALUE_TYPE(Process);

  bool terminal = false;
  std::optional<Box> console_size;
  User user;
  std::vector<std::string> args;
  std::vector<std::string> env;
  std::string cwd = "/";
  std::optional<Capabilities> capabilities;
  std::vector<Rlimit> rlimits;
  bool no_new_privileges = false;
  std::string apparmor_profile;
  std::optional<std::int64_t> oom_score_adj;
  std::string selinux_label;
  std::optional<IoPriority> io_priority;
  std::optional<Scheduler> scheduler;
  std::optional<CpuAffinity> exec_cpu_affinity;
};

struct Root {
  std::string path;
  bool readonly = false;
};

struct IdMapping {
  std::uint32_t container_id = 0;
  std::uint32_t host_id = 0;
  std::uint32_t size = 0;
};

struct Mount {
  std::string destination;
  std::string type;
  std::string source;
  std::vector<std::string> options;
  std::vector<IdMapping> uid_mappings;
  std::vector<IdMapping> gid_mappings;
};

struct Device {
  std::string path;
  std::string type;  // c, u, b, p
  std::int64_t major = 0;
  std::int64_t minor = 0;
  std::optional<std::uint32_t> file_mode;
  std::optional<std::uint32_t> uid;
  std::optional<std::uint32_t> gid;
};

struct Namespace {
  std::string type;  // mount pid network uts ipc user cgroup time
  std::string path;  // empty: a new one
};

struct SeccompArg {
  std::uint32_t index = 0;
  std::uint64_t value = 0;
  std::uint64_t value_two = 0;
  std::string op;  // SCMP_CMP_*
  bool operator==(const SeccompArg&) const = default;
};

struct SeccompRule {
  std::vector<std::string> names;
  std::string action;  // SCMP_ACT_*
  std::optional<std::uint32_t> errno_ret;
  std::vector<SeccompArg> args;
  bool operator==(const SeccompRule&) const = default;
};

struct Seccomp {
  WHERRY_VALUE_TYPE(Seccomp);

  std::string default_action;
  std::optional<std::uint32_t> default_errno_ret;
  std::vector<std::string> architectures;  // SCMP_ARCH_*; the native one is always there
  std::vector<std::string> flags;          // SECCOMP_FILTER_FLAG_*
  std::string listener_path;               // of the socket that gets SCMP_ACT_NOTIFY's descriptor
  std::string listener_metadata;
  std::vector<SeccompRule> syscalls;
  bool operator==(const Seccomp& other) const;
};

struct TimeOffset {
  std::int64_t secs = 0;
  std::uint32_t nanosecs = 0;
};

struct Personality {
  std::string domain;  // LINUX, LINUX32
  std::vector<std::string> flags;
};

// set_mempolicy(2).
struct MemoryPolicy {
  std::string mode;   // MPOL_*
  std::string nodes;  // "0-3,7"
  std::vector<std::string> flags;  // MPOL_F_*
};

struct NetDevice {
  std::string name;  // in the container; empty: as on the host
};

struct IntelRdt {
  std::string clos_id;
  std::vector<std::string> schemata;
  std::string l3_cache_schema;
  std::string mem_bw_schema;
  bool enable_monitoring = false;
};

struct Linux {
  WHERRY_VALUE_TYPE(Linux);

  std::vector<IdMapping> uid_mappings;
  std::vector<IdMapping> gid_mappings;

  std::vector<Device> devices;
  std::vector<Namespace> namespaces;
  std::map<std::string, std::string> sysctl;
  std::optional<Resources> resources;
  std::string cgroups_path;
  std::string rootfs_propagation;
  std::optional<Seccomp> seccomp;
  std::vector<std::string> masked_paths;
  std::vector<std::string> readonly_paths;
  std::string mount_label;
  std::map<std::string, TimeOffset> time_offsets;  // boottime, monotonic
  std::optional<Personality> personality;
  std::optional<MemoryPolicy> memory_policy;
  std::map<std::string, NetDevice> net_devices;  // by name on the host
  std::optional<IntelRdt> intel_rdt;
};

struct Hook {
  std::string path;  // absolute
  std::vector<std::string> args;
  std::optional<std::vector<std::string>> env;  // nullopt: the runtime's own
  std::optional<std::int64_t> timeout;  // seconds
};

// In the order in which they run.
struct Hooks {
  std::vector<Hook> prestart;          // in `create`, in the runtime's namespaces
  std::vector<Hook> create_runtime;    // the same
  std::vector<Hook> create_container;  // the same moment, in the container's namespaces
  std::vector<Hook> start_container;   // in `start`, as the container's process
  std::vector<Hook> poststart;         // after `start`, in the runtime's namespaces
  std::vector<Hook> poststop;          // after `delete`, in the runtime's namespaces
};

struct Config {
  WHERRY_VALUE_TYPE(Config);

  std::optional<Hooks> hooks;

  std::string oci_version;
  std::optional<Process> process;
  std::optional<Root> root;
  std::string hostname;
  std::string domainname;
  std::vector<Mount> mounts;
  Linux linux_;  // "linux" is a macro of the compiler's
  std::map<std::string, std::string> annotations;
};

// What `state` prints.
struct State {
  std::string oci_version;
  std::string id;
  std::string status;  // creating created running stopped
  int pid = 0;
  std::string bundle;
  std::map<std::string, std::string> annotations;
};

}  // namespace wherry::spec::oci
