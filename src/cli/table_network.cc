// The commands and flags of docker's network commands, as data: names, shorthands, types and
// defaults are docker 28.2's, the descriptions are ours.
#include "cli/table.h"

namespace wherry::cli {
namespace {

// clang-format off
constexpr FlagSpec kNetworkConnect[] = {
    {"alias", 0, FlagType::Other, "stringSlice", "", "Extra name on the network", 0},
    {"driver-opt", 0, FlagType::Other, "stringSlice", "", "Setting of the driver", 0},
    {"gw-priority", 0, FlagType::Int, "int", "", "Preference as default gateway", 0},
    {"ip", 0, FlagType::String, "string", "", "Fixed IPv4 address", 0},
    {"ip6", 0, FlagType::String, "string", "", "Fixed IPv6 address", 0},
    {"link", 0, FlagType::List, "list", "", "Reach another container under a name", 0},
    {"link-local-ip", 0, FlagType::Other, "stringSlice", "", "Extra link-local address", 0},
};
constexpr FlagSpec kNetworkCreate[] = {
    {"attachable", 0, FlagType::Bool, "bool", "", "Let containers join by hand", 0},
    {"aux-address", 0, FlagType::Map, "map", "", "Address reserved for something else", 0},
    {"config-from", 0, FlagType::String, "string", "", "Network to take settings from", 0},
    {"config-only", 0, FlagType::Bool, "bool", "", "Keep settings for other networks only", 0},
    {"driver", 'd', FlagType::String, "string", "bridge", "Driver to use", 0},
    {"gateway", 0, FlagType::Other, "stringSlice", "", "Gateway of a subnet", 0},
    {"ingress", 0, FlagType::Bool, "bool", "", "Make it the routing mesh", 0},
    {"internal", 0, FlagType::Bool, "bool", "", "No traffic to the outside", 0},
    {"ip-range", 0, FlagType::Other, "stringSlice", "", "Addresses given to containers", 0},
    {"ipam-driver", 0, FlagType::String, "string", "default", "IPAM driver", 0},
    {"ipam-opt", 0, FlagType::Map, "map", "", "Setting of the IPAM driver", 0},
    {"ipv4", 0, FlagType::Bool, "bool", "true", "Switch IPv4 on or off", 0},
    {"ipv6", 0, FlagType::Bool, "bool", "", "Switch IPv6 on or off", 0},
    {"label", 0, FlagType::List, "list", "", "Attach metadata as key=value", 0},
    {"opt", 'o', FlagType::Map, "map", "", "Setting of the driver", 0},
    {"scope", 0, FlagType::String, "string", "", "Reach of the volume or driver", 0},
    {"subnet", 0, FlagType::Other, "stringSlice", "", "Subnet in CIDR form", 0},
};
constexpr FlagSpec kNetworkDisconnect[] = {
    {"force", 'f', FlagType::Bool, "bool", "", "Go ahead where it would otherwise be refused", 0},
};
constexpr FlagSpec kNetworkInspect[] = {
    {"format", 'f', FlagType::String, "string", "", "Print through a Go template; 'json' and 'table TEMPLATE' are understood", 0},
    {"verbose", 'v', FlagType::Bool, "bool", "", "Print more", 0},
};
constexpr FlagSpec kNetworkLs[] = {
    {"filter", 'f', FlagType::Filter, "filter", "", "Keep only what matches key=value", 0},
    {"format", 0, FlagType::String, "string", "", "Print through a Go template; 'json' and 'table TEMPLATE' are understood", 0},
    {"no-trunc", 0, FlagType::Bool, "bool", "", "Print ids and texts in full length", 0},
    {"quiet", 'q', FlagType::Bool, "bool", "", "Print less: only ids or the final name", 0},
};
constexpr FlagSpec kNetworkPrune[] = {
    {"filter", 0, FlagType::Filter, "filter", "", "Keep only what matches key=value", 0},
    {"force", 'f', FlagType::Bool, "bool", "", "Go ahead where it would otherwise be refused", 0},
};
constexpr FlagSpec kNetworkRm[] = {
    {"force", 'f', FlagType::Bool, "bool", "", "Go ahead where it would otherwise be refused", 0},
};
constexpr FlagSpec kVolumeCreate[] = {
    {"availability", 0, FlagType::String, "string", "active", "State of the node: active, pause or drain", 0},
    {"driver", 'd', FlagType::String, "string", "local", "Driver to use", kReady},
    {"group", 0, FlagType::String, "string", "", "Group to use", 0},
    {"label", 0, FlagType::List, "list", "", "Attach metadata as key=value", kReady},
    {"limit-bytes", 0, FlagType::Bytes, "bytes", "", "Largest size of the volume", 0},
    {"opt", 'o', FlagType::Map, "map", "", "Setting of the driver", kReady},
    {"required-bytes", 0, FlagType::Bytes, "bytes", "", "Least size of the volume", 0},
    {"scope", 0, FlagType::String, "string", "single", "Reach of the volume or driver", 0},
    {"secret", 0, FlagType::Map, "map", "", "Secret to hand to the service", 0},
    {"sharing", 0, FlagType::String, "string", "none", "How the volume may be shared", 0},
    {"topology-preferred", 0, FlagType::List, "list", "", "Topology in which the volume should be", 0},
    {"topology-required", 0, FlagType::List, "list", "", "Topology in which the volume must be reachable", 0},
    {"type", 0, FlagType::String, "string", "block", "Kind of object to look for", 0},
};
constexpr FlagSpec kVolumeInspect[] = {
    {"format", 'f', FlagType::String, "string", "", "Print through a Go template; 'json' and 'table TEMPLATE' are understood", kReady},
};
constexpr FlagSpec kVolumeLs[] = {
    {"cluster", 0, FlagType::Bool, "bool", "", "Cluster volumes only", 0},
    {"filter", 'f', FlagType::Filter, "filter", "", "Keep only what matches key=value", kReady},
    {"format", 0, FlagType::String, "string", "", "Print through a Go template; 'json' and 'table TEMPLATE' are understood", kReady},
    {"quiet", 'q', FlagType::Bool, "bool", "", "Print less: only ids or the final name", kReady},
};
constexpr FlagSpec kVolumePrune[] = {
    {"all", 'a', FlagType::Bool, "bool", "", "Include what is normally left out", kReady},
    {"filter", 0, FlagType::Filter, "filter", "", "Keep only what matches key=value", kReady},
    {"force", 'f', FlagType::Bool, "bool", "", "Go ahead where it would otherwise be refused", kReady},
};
constexpr FlagSpec kVolumeRm[] = {
    {"force", 'f', FlagType::Bool, "bool", "", "Go ahead where it would otherwise be refused", kReady},
};
constexpr FlagSpec kVolumeUpdate[] = {
    {"availability", 0, FlagType::String, "string", "active", "State of the node: active, pause or drain", 0},
};

constexpr CommandSpec kCommands[] = {
    {"network connect", "NETWORK CONTAINER", "Join a container to a network", {kNetworkConnect}, 0},
    {"network create", "NETWORK", "Make a network", {kNetworkCreate}, 0},
    {"network disconnect", "NETWORK CONTAINER", "Take a container off a network", {kNetworkDisconnect}, 0},
    {"network inspect", "NETWORK [NETWORK...]", "Print networks in detail", {kNetworkInspect}, 0},
    {"network ls;network list", "", "List networks", {kNetworkLs}, 0},
    {"network prune", "", "Remove networks that nothing uses", {kNetworkPrune}, 0},
    {"network rm;network remove", "NETWORK [NETWORK...]", "Remove networks", {kNetworkRm}, 0},
    {"volume create", "[VOLUME]", "Make a volume", {kVolumeCreate}, kReady},
    {"volume inspect", "VOLUME [VOLUME...]", "Print volumes in detail", {kVolumeInspect}, kReady},
    {"volume ls;volume list", "", "List volumes", {kVolumeLs}, kReady},
    {"volume prune", "", "Remove volumes that nothing uses", {kVolumePrune}, kReady},
    {"volume rm;volume remove", "VOLUME [VOLUME...]", "Remove volumes", {kVolumeRm}, kReady},
    {"volume update", "[VOLUME]", "Change a cluster volume", {kVolumeUpdate}, 0},
};
// clang-format on

}  // namespace

std::span<const CommandSpec> network_commands() {
  return kCommands;
}

}  // namespace wherry::cli
