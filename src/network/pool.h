// SandboxPool: network namespaces made ahead of need by a thread of its own, because making
// one with its veth pair costs the kernel about 1 ms of CPU and up to 30 ms of waiting.
//
// A ready namespace holds lo (up) and, for Mode::Bridge, eth0: up, without address, its peer
// up in the host's namespace but in no bridge. Both ends are up already because the carrier
// of a fresh pair is announced by a kernel worker some time later, and frames sent before
// are lost. Nothing in it depends on a network, an address or a container.
//
// Descriptors are all that holds a namespace: if this process dies, the pool is gone without
// a trace. Thread-safe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "network/network.h"
#include "sys/fd.h"
#include "sys/netlink.h"

namespace wherry::network {

class SandboxMaker;

struct ReadySandbox {
  sys::Fd netns;
  sys::NetlinkSocket inside;   // rtnetlink in the sandbox
  sys::NetlinkSocket outside;  // rtnetlink in the host's namespace, so that takers share none
  std::string host_interface;  // the three are set for Mode::Bridge only
  int host_index = 0;
  int eth0_index = 0;
};

// "wv", 6 hex digits that stand for the engine, 7 random ones: an engine finds its own links.
std::string veth_prefix(std::string_view engine_suffix);

class SandboxPool {
 public:
  struct Options {
    std::string veth_prefix;
    unsigned mtu = 1500;
    unsigned target = 8;  // ready ones of each kind while idle
    bool bridge = true;   // false where the host has no bridges: only bare ones are made
  };
  explicit SandboxPool(Options options);
  SandboxPool(const SandboxPool&) = delete;
  SandboxPool& operator=(const SandboxPool&) = delete;
  ~SandboxPool();  // stops the thread; what is ready dies

  // Waits for the maker while nothing is ready, at most ten seconds (Deadline). A failure to
  // make one is returned to those who wait.
  Result<ReadySandbox> take(Mode mode);
  // The taker has finished its own netlink work: the stock may be filled up. Making one
  // holds the kernel's rtnl lock, for which a take would wait.
  void refill();
  // Takes over the last descriptor of a used namespace and lets it die when that disturbs
  // least: the kernel ends a batch of them for the price of one, holding the rtnl lock for
  // milliseconds either way.
  void bury(sys::Fd netns);
  [[nodiscard]] PoolCounts counts();

 private:
  // What one mode keeps. Guarded by mutex_.
  struct Shelf {
    std::deque<ReadySandbox> ready;
    unsigned target = 0;
    unsigned waiters = 0;
    std::uint64_t failures = 0;  // counts makes that failed, so that waiters see theirs
    std::optional<Error> last_error;
  };

  void run();
  Shelf& shelf(Mode mode) { return mode == Mode::Bridge ? bridge_ : none_; }
  [[nodiscard]] std::optional<Mode> next_to_make() const;
  [[nodiscard]] bool low() const;
  void settle(std::unique_lock<std::mutex>& lock);
  void make_one(std::unique_lock<std::mutex>& lock, Result<SandboxMaker>& maker, Mode mode);
  void shrink_when_idle(std::unique_lock<std::mutex>& lock);
  void end_buried(std::unique_lock<std::mutex>& lock);
  void wait_for_work(std::unique_lock<std::mutex>& lock);

  const Options options_;
  std::mutex mutex_;
  std::condition_variable made_;    // takers wait
  std::condition_variable wanted_;  // the maker waits
  Shelf bridge_;
  Shelf none_;
  bool stop_ = false;
  std::vector<sys::Fd> graveyard_;
  std::chrono::steady_clock::time_point last_take_;
  bool filling_ = true;  // from low (or settled) until full again
  std::uint64_t made_count_ = 0;
  std::uint64_t waited_count_ = 0;
  std::thread maker_;  // last: it uses everything above
};

}  // namespace wherry::network
