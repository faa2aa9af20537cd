// The keeper's socket: accepts engines of the same user and hands their requests to Keeper.
#pragma once

#include <map>
#include <memory>

#include "io/loop.h"
#include "keeperd/keeper.h"
#include "keeperd/peer.h"

namespace wherry::keeperd {

class Server {
 public:
  Server(io::Loop& loop, Keeper& keeper, sys::Fd listener)
      : loop_(loop), keeper_(keeper), listener_(std::move(listener)) {}
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  Result<> begin();
  [[nodiscard]] const sys::Fd& listener() const { return listener_; }

 private:
  void accept_all();
  Result<> accept_one(sys::Fd socket);
  void on_message(std::uint64_t id, keeper::Message message);
  void on_closed(std::uint64_t id);
  void arm_idle_timer();

  io::Loop& loop_;
  Keeper& keeper_;
  sys::Fd listener_;
  io::Watch watch_;
  std::map<std::uint64_t, std::shared_ptr<Peer>> peers_;
  std::uint64_t next_peer_ = 1;
  io::Timer idle_timer_;
};

}  // namespace wherry::keeperd
