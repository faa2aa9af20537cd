// Networks of driver macvlan: interfaces of containers on top of one of the host's. There is no
// bridge, no translation and no rule of ours; the host itself does not reach such a container, as
// the kernel has it (Documentation/networking/ipvlan.rst compares them).
#pragma once

#include <map>
#include <optional>
#include <string>

#include "base/result.h"
#include "network/sandbox.h"

namespace wherry::network {

struct Description;

struct MacvlanSettings {
  std::string parent;  // "": an interface of ours, which leads nowhere
  std::uint32_t mode = 4;  // MACVLAN_MODE_BRIDGE
  std::optional<unsigned> mtu = std::nullopt;  // nothing: the parent's
};
// Checks driver options in docker's words; NotImplemented for docker's own that wherry has not.
Result<MacvlanSettings> macvlan_settings(const std::map<std::string, std::string>& options);

bool is_macvlan(const Description& network);
// The interface below a network's: what it names, or ours.
std::string parent_of(const Description& network, const MacvlanSettings& settings);

// The parent is there; ours is made with `alias`. In docker's words where the named one is not.
Result<> ensure_parent(sys::NetlinkSocket& route, const Description& network,
                       const MacvlanSettings& settings, const std::string& alias);
Result<> remove_parent(sys::NetlinkSocket& route, const Description& network, const std::string& alias);

struct AddMacvlan {
  std::string name = "eth0";
  std::string parent;
  MacvlanSettings settings;
  sys::MacAddress mac{};
};
// Into a sandbox without it; up after it. It has no IPv6 until it gets an address.
Result<> add_macvlan_interface(ReadySandbox& sandbox, const AddMacvlan& request);
// By its MAC, which alone is known after a restart; a missing one is success.
Result<> remove_macvlan_interface(ReadySandbox& sandbox, const sys::MacAddress& mac);

}  // namespace wherry::network
