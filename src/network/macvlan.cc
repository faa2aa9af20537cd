#include "network/macvlan.h"

#include <fmt/format.h>
#include <linux/if_link.h>
#include <net/if.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/strings.h"
#include "network/bridge.h"

namespace wherry::network {
namespace {

constexpr std::string_view kPrefix = "com.docker.network.";
constexpr std::string_view kMtu = "com.docker.network.driver.mtu";

struct Mode {
  std::string_view name;
  std::uint32_t value;
};
constexpr std::array kModes = {Mode{"", MACVLAN_MODE_BRIDGE}, Mode{"bridge", MACVLAN_MODE_BRIDGE},
                               Mode{"private", MACVLAN_MODE_PRIVATE}, Mode{"vepa", MACVLAN_MODE_VEPA},
                               Mode{"passthru", MACVLAN_MODE_PASSTHRU}};

Result<> take_parent(MacvlanSettings& settings, const std::string& value) {
  if (value == "lo") return Error::invalid("loopback interface is not a valid macvlan parent link");
  const bool valid = value.size() < IFNAMSIZ && value != "." && value != ".." &&
                     std::ranges::all_of(value, [](char c) { return c > ' ' && c < 127 && c != '/'; });
  if (!valid) return Error::invalid(fmt::format("invalid parent interface name: {}", quote(value)));
  settings.parent = value;
  return {};
}

Result<> take_mode(MacvlanSettings& settings, const std::string& value) {
  const auto mode = std::ranges::find(kModes, value, &Mode::name);
  if (mode == kModes.end())
    return Error::invalid(fmt::format("requested macvlan mode '{}' is not valid, 'bridge' mode is the "
                                      "macvlan driver default", value));
  settings.mode = mode->value;
  return {};
}

Result<> take_mtu(MacvlanSettings& settings, const std::string& value) {
  const auto mtu = parse_u64(value);
  if (!mtu || *mtu < 68 || *mtu > 65535)
    return Error::invalid(fmt::format("invalid value for {}: {}", kMtu, quote(value)));
  settings.mtu = static_cast<unsigned>(*mtu);
  return {};
}

Error no_parent(const std::string& parent) {
  if (parent.find('.') == std::string::npos)
    return Error::invalid(
        fmt::format("invalid subinterface vlan name {}, example formatting is eth0.10", parent));
  return {ErrorKind::NotImplemented,
          fmt::format("wherry: interface {} is not there, and making VLAN interfaces is not available in "
                      "wherry " WHERRY_VERSION ": ip link add link {} name {} type vlan id {}",
                      parent, parent.substr(0, parent.rfind('.')), parent,
                      parent.substr(parent.rfind('.') + 1))};
}

}  // namespace

Result<MacvlanSettings> macvlan_settings(const std::map<std::string, std::string>& options) {
  MacvlanSettings settings;
  for (const auto& [key, value] : options) {
    if (key == "parent") TRY(take_parent(settings, value));
    else if (key == "macvlan_mode") TRY(take_mode(settings, value));
    else if (key == kMtu) TRY(take_mtu(settings, value));
    else if (key.starts_with(kPrefix))
      return Error(ErrorKind::NotImplemented,
                   fmt::format("wherry: network option '{}' is not available in wherry " WHERRY_VERSION, key));
  }
  return settings;
}

bool is_macvlan(const Description& network) { return network.driver == "macvlan"; }

std::string parent_of(const Description& network, const MacvlanSettings& settings) {
  return settings.parent.empty() ? "dm-" + network.id.short_form() : settings.parent;
}

Result<> ensure_parent(sys::NetlinkSocket& route, const Description& network,
                       const MacvlanSettings& settings, const std::string& alias) {
  const std::string name = parent_of(network, settings);
  const auto link = TRY(sys::find_link(route, name));
  if (!settings.parent.empty()) {
    if (!link) return no_parent(name);
    return {};
  }
  if (link && link->alias == alias) return {};
  if (link)
    return Error::conflict(fmt::format("interface {} exists and is not of this network", name));
  sys::NetlinkBatch batch;
  sys::add_dummy(batch, name, alias);
  auto made = route.transact(batch);
  if (made) return {};
  return std::move(made).error().within(
      "a macvlan network without a parent needs the kernel's dummy interfaces, name one with -o parent=");
}

Result<> remove_parent(sys::NetlinkSocket& route, const Description& network, const std::string& alias) {
  const auto link = TRY(sys::find_link(route, parent_of(network, {})));
  if (!link || link->kind != "dummy" || link->alias != alias) return {};
  sys::NetlinkBatch batch;
  sys::delete_link(batch, link->index);
  return route.transact(batch);
}

Result<> add_macvlan_interface(ReadySandbox& sandbox, const AddMacvlan& request) {
  const auto parent = TRY(sys::find_link(sandbox.outside, request.parent));
  if (!parent)
    return Error::invalid(fmt::format("the requested parent interface {} was not found on the Docker host",
                                      request.parent));
  TRY_AS("IPv6", disable_ipv6_of_new_interfaces(sandbox.netns));
  sys::NetlinkBatch batch;
  sys::add_macvlan(batch, {.name = request.name,
                           .parent = parent->index,
                           .mode = request.settings.mode,
                           .netns = sandbox.netns.get(),
                           .mac = request.mac});
  if (auto made = sandbox.outside.transact(batch); !made)
    return explain(std::move(made).error(), "macvlan interface on " + request.parent);
  const auto link = TRY(sys::find_link(sandbox.inside, request.name));
  if (!link) return Error::not_found(request.name + ": the interface is gone");
  sandbox.eth0_index = link->index;
  sys::NetlinkBatch up;
  sys::change_link(up, {.index = link->index, .up = true, .mtu = request.settings.mtu});
  return sandbox.inside.transact(up);
}

Result<> remove_macvlan_interface(ReadySandbox& sandbox, const sys::MacAddress& mac) {
  for (const sys::Link& link : TRY(sys::list_links(sandbox.inside))) {
    if (link.kind != "macvlan" || link.mac != mac) continue;
    sys::NetlinkBatch batch;
    sys::delete_link(batch, link.index);
    auto deleted = sandbox.inside.transact(batch);
    if (!deleted && deleted.error().errno_value() != ENODEV) return deleted;
  }
  return {};
}

}  // namespace wherry::network
