// Sees when somebody else changes or removes our table (`nft flush ruleset`, a firewall that
// is started again), and has it written again. One thread, asleep until the kernel tells it of
// a change of any table.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "base/result.h"
#include "sys/fd.h"
#include "sys/netlink.h"

namespace wherry::network {

class RulesWatch {
 public:
  struct Options {
    std::string table;        // of family inet
    bool every_family = false;  // those of that name in other families are ours too
    std::uint32_t own_port;   // netlink port of the socket that writes our rules
    std::function<void()> touched;  // runs in the watch's thread
  };
  // Watches the network namespace of the calling thread.
  static Result<std::unique_ptr<RulesWatch>> start(Options options);
  RulesWatch(const RulesWatch&) = delete;
  RulesWatch& operator=(const RulesWatch&) = delete;
  ~RulesWatch();  // waits for the thread

 private:
  RulesWatch(Options options, sys::NetlinkSocket events, sys::Fd stop);
  void run();
  [[nodiscard]] bool wait(int patience_ms) const;
  bool was_touched();

  const Options options_;
  sys::NetlinkSocket events_;
  sys::Fd stop_;  // eventfd
  std::thread thread_;
};

}  // namespace wherry::network
