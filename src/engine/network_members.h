// NetworkMembers: who is on which network now, under which names. Rebuilt at reconcile, kept
// by start, end, connect, disconnect and rename; the place where a resolver of names hooks in.
//
// Thread-safe. The listener runs in the thread that changes the membership, outside of the
// registry's own lock, in the order of the changes of one container.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/guarded.h"
#include "base/id.h"
#include "sys/fd.h"

namespace wherry::engine {

struct NetworkMember {
  ContainerId container;
  NetworkId network;
  std::string network_name;
  bool user_defined = false;  // names are resolved there; not on the default bridge
  bool internal = false;      // nothing leaves it, questions for names included
  // What it is called on that network: docker's DNSNames (name, aliases, short id, hostname).
  std::vector<std::string> names;
  std::vector<std::string> links;  // "target:alias": names that it alone has for others
  std::string ip;
  std::string ip6;  // "" without IPv6
  std::string mac;
};

class NetworkListener {
 public:
  virtual ~NetworkListener() = default;
  // `netns`: the container's network namespace, valid during the call. Before the container's
  // process runs, or at a live connect, or at the engine's start.
  virtual void joined(const NetworkMember& member, const sys::Fd& netns) = 0;
  virtual void left(const NetworkMember& member) = 0;
  virtual void renamed(const NetworkMember& /*member*/) {}
};

class NetworkMembers {
 public:
  // Before the first join; null: nobody listens.
  void set_listener(std::unique_ptr<NetworkListener> listener) { listener_ = std::move(listener); }

  void join(const NetworkMember& member, const sys::Fd& netns);
  void leave(const ContainerId& container, const NetworkId& network);
  void leave_all(const ContainerId& container);
  // On every network of the container's.
  void rename(const ContainerId& container, const std::string& before, const std::string& after);

  [[nodiscard]] std::vector<NetworkMember> on(const NetworkId& network);
  [[nodiscard]] std::vector<NetworkMember> of(const ContainerId& container);

 private:
  using Memberships = std::map<ContainerId, std::map<NetworkId, NetworkMember>>;
  Guarded<Memberships> members_;
  std::unique_ptr<NetworkListener> listener_;
};

}  // namespace wherry::engine
