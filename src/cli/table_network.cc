// The commands and flags of docker's network commands, as data: names, shorthands, types and
// defaults are docker 28.2's, the descriptions are ours.
#include "cli/table.h"

namespace wherry::cli {
namespace {

// clang-format off
constexpr FlagSpec kNetworkConnect[] = {
    {"alias", 0, FlagType::Other, "stringSlice", "", "Extra name on the network", kReady},
    {"driver-opt", 0, FlagType::Other, "stringSlice", "", "Setting of the driver", 0},
    {"gw-priority", 0, FlagType::Int, "int", "", "Preference as default gateway", kReady},
    {"ip", 0, FlagType::String, "string", "", "Fixed IPv4 address", kReady},
    {"ip6", 0, FlagType::String, "string", "", "Fixed IPv6 address", kReady},
    {"link", 0, FlagType::List, "list", "", "Reach another container under a name", kReady},
    {"link-local-ip", 0, FlagType::Other, "stringSlice", "", "Extra link-local address", kReady},
};
constexpr FlagSpec kNetworkCreate[] = {
    {"attachable", 0, FlagType::Bool, "bool", "", "Let containers join by hand", kReady},
    {"aux-address", 0, FlagType::Map, "map", "", "Address reserved for something else", kReady},
    {"config-from", 0, FlagType::String, "string", "", "Network to take settings from", 0},
    {"config-only", 0, FlagType::Bool, "bool", "", "Keep settings for other networks only", 0},
    {"driver", 'd', FlagType::String, "string", "bridge", "Driver to use", kReady},
    {"gateway", 0, FlagType::Other, "stringSlice", "", "Gateway of a subnet", kReady},
    {"ingress", 0, FlagType::Bool, "bool", "", "Make it the routing mesh", 0},
    {"internal", 0, FlagType::Bool, "bool", "", "No traffic to the outside", kReady},
    {"ip-range", 0, FlagType::Other, "stringSlice", "", "Addresses given to containers", kReady},
    {"ipam-driver", 0, FlagType::String, "string", "default", "IPAM driver", kReady},
    {"ipam-opt", 0, FlagType::Map, "map", "", "Setting of the IPAM driver", kReady},
    {"ipv4", 0, FlagType::Bool, "bool", "true", "Switch IPv4 on or off", kReady},
    {"ipv6", 0, FlagType::Bool, "bool", "", "Switch IPv6 on or off", kReady},
    {"label", 0, FlagType::List, "list", "", "Attach metadata as key=value", kReady},
    {"opt", 'o', FlagType::Map, "map", "", "Setting of the driver", kReady},
    {"scope", 0, FlagType::String, "string", "", "Reach of the volume or driver", kReady},
    {"subnet", 0, FlagType::Other, "stringSlice", "", "Subnet in CIDR form", kReady},
};
constexpr FlagSpec kNetworkDisconnect[] = {
    {"force", 'f', FlagType::Bool, "bool", "", "Go ahead where it would otherwise be refused", kReady},
};
constexpr FlagSpec kNetworkInspect[] = {
    {"format", 'f', FlagType::String, "string", "", "Print through a Go template; 'json' and 'table TEMPLATE' are understood", kReady},
    {"verbose", 'v', FlagType::Bool, "bool", "", "Print more", kReady},
};
constexpr FlagSpec kNetworkLs[] = {
    {"filter", 'f', FlagType::Filter, "filter", "", "Keep only what matches key=value", kReady},
    {"format", 0, FlagType::String, "string", "", "Print through a Go template; 'json' and 'table TEMPLATE' are understood", kReady},
    {"no-trunc", 0, FlagType::Bool, "bool", "", "Print ids and texts in full length", kReady},
    {"quiet", 'q', FlagType::Bool, "bool", "", "Print less: only ids or the final name", kReady},
};
constexpr FlagSpec kNetworkPrune[] = {
    {"filter", 0, FlagType::Filter, "filter", "", "Keep only what matches key=value", kReady},
    {"force", 'f', FlagType::Bool, "bool", "", "Go ahead where it would otherwise be refused", kReady},
};
constexpr FlagSpec kNetworkRm[] = {
    {"force", 'f', FlagType::Bool, "bool", "", "Go ahead where it would otherwise be refused", kReady},
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
    {"network connect", "NETWORK CONTAINER", "Join a container to a network", {kNetworkConnect}, kReady},
    {"network create", "NETWORK", "Make a network", {kNetworkCreate}, kReady},
    {"network disconnect", "NETWORK CONTAINER", "Take a container off a network", {kNetworkDisconnect}, kReady},
    {"network inspect", "NETWORK [NETWORK...]", "Print networks in detail", {kNetworkInspect}, kReady},
    {"network ls;network list", "", "List networks", {kNetworkLs}, kReady},
    {"network prune", "", "Remove networks that nothing uses", {kNetworkPrune}, kReady},
    {"network rm;network remove", "NETWORK [NETWORK...]", "Remove networks", {kNetworkRm}, kReady},
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
