// Networks: the container networks of one engine. It owns one bridge, its addresses, one
// nf_tables table and a pool of ready network namespaces, all named after the engine, and
// nothing else on the host: no foreign table, chain, route or interface is ever changed
// (net.ipv4.ip_forward is switched on, as docker does).
//
// State: addresses in use are kept in memory only. The engine stores each Endpoint in its
// container's row and hands the live ones back with restore(), so a crash at any point
// leaves nothing to repair: a namespace that no process and no descriptor holds dies by
// itself and takes its veth pair along.
//
// Order of calls: open, restore (once, also with an empty list), then take and release.
// Thread-safe; take() blocks for less than a millisecond while the pool is stocked.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/id.h"
#include "base/result.h"
#include "base/time.h"
#include "sys/fd.h"
#include "sys/pidfd.h"

namespace wherry::network {

// Whether containers of the default bridge may open connections to each other. Off is
// enforced by bridge port isolation (no frame passes, ARP and IPv6 included) and by the
// forward chain (for hosts with br_netfilter on).
enum class Icc : bool { Off, On };

struct Options {
  std::string engine_id;  // random and stable for this data root; network ids derive from it
  std::string suffix;     // "": the default engine (wherry0, table wherry); else 1-8 of [a-z0-9]
  std::string bip;        // "--bip": gateway with prefix ("172.18.0.1/16"); "": choose
  Icc icc = Icc::Off;
  unsigned mtu = 1500;
  unsigned pool_target = 8;  // ready sandboxes of each kind while idle; grows under load
};

// One interface of a container, as `inspect` shows it and as its row stores it.
struct Endpoint {
  NetworkId network_id;
  std::string network_name;    // "bridge"
  std::string endpoint_id;     // 64 hex characters
  std::string ip;              // "172.17.0.2"
  unsigned prefix = 0;         // 16
  std::string gateway;         // "172.17.0.1"
  std::string mac;             // "02:42:ac:11:00:02": derived from ip unless asked for
  std::string host_interface;  // our end of the veth pair; restore() finds it again

  bool operator==(const Endpoint&) const = default;
};

// `host` and `container:` need no sandbox of their own: see open_netns below.
enum class Mode : std::uint8_t { Bridge, None };

struct SandboxRequest {
  ContainerId container;
  Mode mode = Mode::Bridge;
  std::optional<std::string> ip;  // refused outside the subnet or when in use
  std::optional<std::string> mac;
};

// net.* sysctls of the container are written by the runtime after this: eth0 exists by then.
struct Sandbox {
  sys::Fd netns;                     // close it once the container's process is in it
  std::optional<Endpoint> endpoint;  // nothing for Mode::None
};

// A container that runs (or is held by the keeper) when the engine starts.
struct LiveEndpoint {
  ContainerId container;
  Endpoint endpoint;
};

// What `network ls` and `network inspect` need to know of a network.
struct Description {
  NetworkId id;
  std::string name;
  std::string driver;  // "bridge", "host", "null"
  Instant created;
  std::string subnet;                          // "172.17.0.0/16"; "" for host and none
  std::string gateway;                         // "172.17.0.1"
  std::map<std::string, std::string> options;  // com.docker.network.*
};

struct PoolCounts {
  std::size_t ready_bridge = 0;
  std::size_t ready_none = 0;
  std::uint64_t made = 0;
  std::uint64_t waited = 0;  // takes that found the pool empty
};

class Networks {
 public:
  // Fails for invalid options only. A host without bridges or nf_tables opens: then take()
  // of Mode::Bridge says Unsupported with the remedy, and Mode::None works.
  static Result<std::unique_ptr<Networks>> open(Options options);
  virtual ~Networks() = default;

  // Reserves the addresses of live containers, and removes interfaces and neighbour
  // entries of ours that belong to none of them.
  virtual Result<> restore(std::span<const LiveEndpoint> live) = 0;

  // A namespace ready for the container: lo up and, for Mode::Bridge, eth0 with address,
  // MAC and default route, up and connected. One sandbox per container id (Conflict).
  virtual Result<Sandbox> take(const SandboxRequest& request) = 0;

  // The container is gone: its address may be given out again. Unknown ids are ignored.
  virtual void release(const ContainerId& container) = 0;

  [[nodiscard]] virtual std::optional<Endpoint> endpoint(const ContainerId& container) = 0;
  // bridge, host, none; ids are stable for an engine_id.
  [[nodiscard]] virtual std::vector<Description> descriptions() = 0;
  [[nodiscard]] virtual PoolCounts pool_counts() = 0;

  // Why Mode::Bridge cannot work on this host; nothing if it can.
  [[nodiscard]] virtual std::optional<Error> bridge_problem() = 0;

  // Removes bridge, table and interfaces (`wherryd --cleanup`). Containers that still run
  // lose their network. Only the destructor may follow.
  virtual Result<> remove_everything() = 0;
};

// The network namespace of a running process, for `--network container:<id>`.
Result<sys::Fd> open_netns(const sys::Pidfd& process);

}  // namespace wherry::network
