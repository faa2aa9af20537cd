// The configuration of one engine, after daemon.json and the command line were merged.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "network/address_pools.h"
#include "network/default_bridge.h"

namespace wherry::engine {

// What a running engine takes anew (Engine::reload).
struct LiveOptions {
  std::vector<std::string> registry_mirrors;
  std::vector<std::string> insecure_registries;
  std::vector<std::string> labels;
  std::size_t maximum_concurrent_downloads = 16;
  bool debug = false;
  bool operator==(const LiveOptions&) const = default;
};

struct Options : LiveOptions {
  std::string data_root = "/var/lib/wherry";
  std::string exec_root = "/run/wherry";
  std::string pidfile;             // shown in info only
  std::string keeper_program;      // "": wherry-keeper beside our own program
  std::string init_program;        // "": wherry-init beside our own program
  std::string unpack_program;      // "": our own program, called with --unpack
  std::string storage_driver;      // "": overlay where it works, else copy
  std::string cgroup_parent;       // "": /wherry (an engine with another root: /wherry-<id>)
  std::string log_driver = "json-file";
  std::map<std::string, std::string> log_options;
  network::DefaultBridge bridge;   // bip, fixed-cidr, default-gateway, ip, ipv6 and theirs for IPv6
  unsigned mtu = 1500;             // of the default bridge
  std::vector<network::PoolSetting> address_pools;  // default-address-pools
  bool strict_ports = false;       // published ports obey the host's input rules: decision 0010
  bool icc = false;                // docker's default is true: docs/differences.md
  std::vector<std::string> dns;
  std::vector<std::string> dns_search;
  std::vector<std::string> dns_options;
  std::int64_t shutdown_timeout_s = 15;
  std::int64_t default_shm_size_bytes = 64LL << 20;
  bool live_restore = true;        // containers always outlive the engine
};

}  // namespace wherry::engine
