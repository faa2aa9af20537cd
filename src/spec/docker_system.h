// The engine about itself in docker's API: GET /info and /version, POST /auth.
#pragma once

#include "base/value_type.h"
#include "spec/docker_common.h"

namespace wherry::spec::docker {

// POST /auth, and (base64url) the X-Registry-Auth header.
struct AuthConfig {
  std::string username;
  std::string password;
  std::string auth;
  std::string email;
  std::string server_address;
  std::string identity_token;
  std::string registry_token;
};
struct AuthResponse {
  std::string identity_token;
  std::string status;  // "Login Succeeded"
};

struct VersionPlatform {
  std::string name;
};
struct ComponentVersion {
  std::string name;
  std::string version;
  std::map<std::string, std::string> details;
};
struct Version {
  WHERRY_VALUE_TYPE(Version);

  VersionPlatform platform;
  std::vector<ComponentVersion> components;
  std::string version;
  std::string api_version;
  std::string min_api_version;
  std::string git_commit;
  std::string go_version;
  std::string os;
  std::string arch;
  std::string kernel_version;
  bool experimental = false;
  std::string build_time;
};

struct PluginsInfo {
  Strings volume;
  Strings network;
  Strings authorization;
  Strings log;
};

struct IndexInfo {
  std::string name;
  std::vector<std::string> mirrors;
  bool secure = true;
  bool official = false;
};
struct RegistryConfig {
  std::vector<std::string> insecure_registry_cidrs;
  std::map<std::string, IndexInfo> index_configs;
  Strings mirrors;
};

struct RuntimeInfo {
  std::string path;
  Strings runtime_args;
  StringMap status;
};

struct SwarmInfo {
  std::string node_id;
  std::string node_addr;
  std::string local_node_state = "inactive";
  bool control_available = false;
  std::string error;
  Strings remote_managers;
};

struct Commit {
  std::string id;
};

struct AddressPool {
  std::string base;
  std::int64_t size = 0;
};

struct FirewallInfo {
  std::string driver;
};

struct Info {
  WHERRY_VALUE_TYPE(Info);

  std::string id;
  std::int64_t containers = 0;
  std::int64_t containers_running = 0;
  std::int64_t containers_paused = 0;
  std::int64_t containers_stopped = 0;
  std::int64_t images = 0;
  std::string driver;
  std::optional<std::vector<std::vector<std::string>>> driver_status;  // pairs
  PluginsInfo plugins;
  bool memory_limit = false;
  bool swap_limit = false;
  bool cpu_cfs_period = false;
  bool cpu_cfs_quota = false;
  bool cpu_shares = false;
  bool cpu_set = false;
  bool pids_limit = false;
  bool ipv4_forwarding = false;
  bool bridge_nf_iptables = false;
  bool bridge_nf_ip6tables = false;
  bool debug = false;
  std::int64_t n_fd = 0;
  bool oom_kill_disable = false;
  std::int64_t n_goroutines = 0;  // our threads
  std::string system_time;
  std::string logging_driver;
  std::string cgroup_driver;
  std::string cgroup_version;
  std::int64_t n_events_listener = 0;
  std::string kernel_version;
  std::string operating_system;
  std::string os_version;
  std::string os_type = "linux";
  std::string architecture;  // uname's form: x86_64
  std::string index_server_address;
  RegistryConfig registry_config;
  std::int64_t n_cpu = 0;
  std::int64_t mem_total = 0;
  Strings generic_resources;  // always null
  std::string docker_root_dir;
  std::string http_proxy;
  std::string https_proxy;
  std::string no_proxy;
  std::string name;
  std::vector<std::string> labels;
  bool experimental_build = false;
  std::string server_version;
  std::map<std::string, RuntimeInfo> runtimes;
  std::string default_runtime;
  SwarmInfo swarm;
  bool live_restore_enabled = false;
  std::string isolation;
  std::string init_binary;
  Commit containerd_commit;
  Commit runc_commit;
  Commit init_commit;
  Strings security_options;
  std::string product_license;
  std::vector<AddressPool> default_address_pools;
  std::optional<FirewallInfo> firewall_backend;
  Strings cdi_spec_dirs;
  Strings warnings;
};

// Bodies in docker_system_json.cc.
json::Value to_json(const AuthConfig& source);
Result<> from_json(const json::Value& value, AuthConfig& target);
json::Value to_json(const AuthResponse& source);
Result<> from_json(const json::Value& value, AuthResponse& target);
json::Value to_json(const VersionPlatform& source);
Result<> from_json(const json::Value& value, VersionPlatform& target);
json::Value to_json(const ComponentVersion& source);
Result<> from_json(const json::Value& value, ComponentVersion& target);
json::Value to_json(const Version& source);
Result<> from_json(const json::Value& value, Version& target);
json::Value to_json(const PluginsInfo& source);
Result<> from_json(const json::Value& value, PluginsInfo& target);
json::Value to_json(const IndexInfo& source);
Result<> from_json(const json::Value& value, IndexInfo& target);
json::Value to_json(const RegistryConfig& source);
Result<> from_json(const json::Value& value, RegistryConfig& target);
json::Value to_json(const RuntimeInfo& source);
Result<> from_json(const json::Value& value, RuntimeInfo& target);
json::Value to_json(const SwarmInfo& source);
Result<> from_json(const json::Value& value, SwarmInfo& target);
json::Value to_json(const Commit& source);
Result<> from_json(const json::Value& value, Commit& target);
json::Value to_json(const AddressPool& source);
Result<> from_json(const json::Value& value, AddressPool& target);
json::Value to_json(const FirewallInfo& source);
Result<> from_json(const json::Value& value, FirewallInfo& target);
json::Value to_json(const Info& source);
Result<> from_json(const json::Value& value, Info& target);

}  // namespace wherry::spec::docker
