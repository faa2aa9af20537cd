// Where the answer to a request of the engine goes, whenever it is ready.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "keeper/protocol.h"
#include "keeperd/peer.h"

namespace wherry::keeperd {

class Reply {
 public:
  Reply() = default;
  Reply(std::weak_ptr<Peer> peer, std::uint64_t operation)
      : peer_(std::move(peer)), operation_(operation) {}

  // Nothing happens if the engine has gone meanwhile.
  void ok(std::string_view body = {}, std::vector<sys::Fd> fds = {}) const {
    if (const auto peer = peer_.lock())
      peer->send(keeper::Verb::Ok, operation_, body, std::move(fds));
  }
  void fail(const Error& error) const {
    if (const auto peer = peer_.lock())
      peer->send(keeper::Verb::Failed, operation_, keeper::encode(error));
  }
  void finish(const Result<>& result) const { result ? ok() : fail(result.error()); }

 private:
  std::weak_ptr<Peer> peer_;
  std::uint64_t operation_ = 0;
};

}  // namespace wherry::keeperd
