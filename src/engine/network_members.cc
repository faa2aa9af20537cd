#include "engine/network_members.h"

#include <algorithm>
#include <utility>

namespace wherry::engine {

void NetworkMembers::join(const NetworkMember& member, const sys::Fd& netns) {
  (*members_.lock())[member.container][member.network] = member;
  if (listener_) listener_->joined(member, netns);
}

void NetworkMembers::leave(const ContainerId& container, const NetworkId& network) {
  NetworkMember gone;
  {
    const auto members = members_.lock();
    const auto networks = members->find(container);
    if (networks == members->end()) return;
    const auto found = networks->second.find(network);
    if (found == networks->second.end()) return;
    gone = std::move(found->second);
    networks->second.erase(found);
    if (networks->second.empty()) members->erase(networks);
  }
  if (listener_) listener_->left(gone);
}

void NetworkMembers::leave_all(const ContainerId& container) {
  for (const NetworkMember& member : of(container)) leave(container, member.network);
}

void NetworkMembers::rename(const ContainerId& container, const std::string& before,
                            const std::string& after) {
  {
    const auto members = members_.lock();
    const auto networks = members->find(container);
    if (networks == members->end()) return;
    for (auto& [network, member] : networks->second)
      std::ranges::replace(member.names, before, after);
  }
  if (!listener_) return;
  for (const NetworkMember& member : of(container)) listener_->renamed(member);
}

std::vector<NetworkMember> NetworkMembers::on(const NetworkId& network) {
  std::vector<NetworkMember> found;
  const auto members = members_.lock();
  for (const auto& [container, networks] : *members)
    if (const auto member = networks.find(network); member != networks.end())
      found.push_back(member->second);
  return found;
}

std::vector<NetworkMember> NetworkMembers::of(const ContainerId& container) {
  std::vector<NetworkMember> found;
  const auto members = members_.lock();
  const auto networks = members->find(container);
  if (networks == members->end()) return found;
  for (const auto& [network, member] : networks->second) found.push_back(member);
  return found;
}

}  // namespace wherry::engine
