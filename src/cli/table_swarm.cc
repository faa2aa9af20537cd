// The commands and flags of docker's swarm commands, as data: names, shorthands, types and
// defaults are docker 28.2's, the descriptions are ours.
#include "cli/table.h"

namespace wherry::cli {
namespace {

// clang-format off
constexpr FlagSpec kSwarmCa[] = {
    {"ca-cert", 0, FlagType::Other, "pem-file", "", "Certificate of the root authority", 0},
    {"ca-key", 0, FlagType::Other, "pem-file", "", "Key of the root authority", 0},
    {"cert-expiry", 0, FlagType::Duration, "duration", "2160h0m0s", "How long node certificates are valid", 0},
    {"detach", 'd', FlagType::Bool, "bool", "", "Return at once and leave it running", 0},
    {"external-ca", 0, FlagType::Other, "external-ca", "", "External signing authority", 0},
    {"quiet", 'q', FlagType::Bool, "bool", "", "Print less: only ids or the final name", 0},
    {"rotate", 0, FlagType::Bool, "bool", "", "Replace it by a new one", 0},
};
constexpr FlagSpec kSwarmInit[] = {
    {"advertise-addr", 0, FlagType::String, "string", "", "Address told to other nodes", 0},
    {"autolock", 0, FlagType::Bool, "bool", "", "Lock managers with a key", 0},
    {"availability", 0, FlagType::String, "string", "active", "State of the node: active, pause or drain", 0},
    {"cert-expiry", 0, FlagType::Duration, "duration", "2160h0m0s", "How long node certificates are valid", 0},
    {"data-path-addr", 0, FlagType::String, "string", "", "Address for data traffic", 0},
    {"data-path-port", 0, FlagType::Uint, "uint", "", "Port for data traffic", 0},
    {"default-addr-pool", 0, FlagType::Other, "ipNetSlice", "", "Pool of default subnets", 0},
    {"default-addr-pool-mask-length", 0, FlagType::Uint, "uint", "24", "Prefix length of default subnets", 0},
    {"dispatcher-heartbeat", 0, FlagType::Duration, "duration", "5s", "Time between heartbeats", 0},
    {"external-ca", 0, FlagType::Other, "external-ca", "", "External signing authority", 0},
    {"force-new-cluster", 0, FlagType::Bool, "bool", "", "Start anew from the present state", 0},
    {"listen-addr", 0, FlagType::Other, "node-addr", "0.0.0.0:2377", "Address to listen on", 0},
    {"max-snapshots", 0, FlagType::Uint, "uint", "", "Extra Raft snapshots to keep", 0},
    {"snapshot-interval", 0, FlagType::Uint, "uint", "10000", "Log entries between Raft snapshots", 0},
    {"task-history-limit", 0, FlagType::Int, "int", "5", "Tasks kept for each slot", 0},
};
constexpr FlagSpec kSwarmJoin[] = {
    {"advertise-addr", 0, FlagType::String, "string", "", "Address told to other nodes", 0},
    {"availability", 0, FlagType::String, "string", "active", "State of the node: active, pause or drain", 0},
    {"data-path-addr", 0, FlagType::String, "string", "", "Address for data traffic", 0},
    {"listen-addr", 0, FlagType::Other, "node-addr", "0.0.0.0:2377", "Address to listen on", 0},
    {"token", 0, FlagType::String, "string", "", "Token that admits the node", 0},
};
constexpr FlagSpec kSwarmJoinToken[] = {
    {"quiet", 'q', FlagType::Bool, "bool", "", "Print less: only ids or the final name", 0},
    {"rotate", 0, FlagType::Bool, "bool", "", "Replace it by a new one", 0},
};
constexpr FlagSpec kSwarmLeave[] = {
    {"force", 'f', FlagType::Bool, "bool", "", "Go ahead where it would otherwise be refused", 0},
};
constexpr FlagSpec kSwarmUnlockKey[] = {
    {"quiet", 'q', FlagType::Bool, "bool", "", "Print less: only ids or the final name", 0},
    {"rotate", 0, FlagType::Bool, "bool", "", "Replace it by a new one", 0},
};
constexpr FlagSpec kSwarmUpdate[] = {
    {"autolock", 0, FlagType::Bool, "bool", "", "Lock managers with a key", 0},
    {"cert-expiry", 0, FlagType::Duration, "duration", "2160h0m0s", "How long node certificates are valid", 0},
    {"dispatcher-heartbeat", 0, FlagType::Duration, "duration", "5s", "Time between heartbeats", 0},
    {"external-ca", 0, FlagType::Other, "external-ca", "", "External signing authority", 0},
    {"max-snapshots", 0, FlagType::Uint, "uint", "", "Extra Raft snapshots to keep", 0},
    {"snapshot-interval", 0, FlagType::Uint, "uint", "10000", "Log entries between Raft snapshots", 0},
    {"task-history-limit", 0, FlagType::Int, "int", "5", "Tasks kept for each slot", 0},
};
constexpr FlagSpec kNodeInspect[] = {
    {"format", 'f', FlagType::String, "string", "", "Print through a Go template; 'json' and 'table TEMPLATE' are understood", 0},
    {"pretty", 0, FlagType::Bool, "bool", "", "Print for people", 0},
};
constexpr FlagSpec kNodeLs[] = {
    {"filter", 'f', FlagType::Filter, "filter", "", "Keep only what matches key=value", 0},
    {"format", 0, FlagType::String, "string", "", "Print through a Go template; 'json' and 'table TEMPLATE' are understood", 0},
    {"quiet", 'q', FlagType::Bool, "bool", "", "Print less: only ids or the final name", 0},
};
constexpr FlagSpec kNodePs[] = {
    {"filter", 'f', FlagType::Filter, "filter", "", "Keep only what matches key=value", 0},
    {"format", 0, FlagType::String, "string", "", "Print through a Go template; 'json' and 'table TEMPLATE' are understood", 0},
    {"no-resolve", 0, FlagType::Bool, "bool", "", "Print ids in place of names", 0},
    {"no-trunc", 0, FlagType::Bool, "bool", "", "Print ids and texts in full length", 0},
    {"quiet", 'q', FlagType::Bool, "bool", "", "Print less: only ids or the final name", 0},
};
constexpr FlagSpec kNodeRm[] = {
    {"force", 'f', FlagType::Bool, "bool", "", "Go ahead where it would otherwise be refused", 0},
};
constexpr FlagSpec kNodeUpdate[] = {
    {"availability", 0, FlagType::String, "string", "", "State of the node: active, pause or drain", 0},
    {"label-add", 0, FlagType::List, "list", "", "Add a label", 0},
    {"label-rm", 0, FlagType::List, "list", "", "Remove a label", 0},
    {"role", 0, FlagType::String, "string", "", "Role of the node: worker or manager", 0},
};
constexpr FlagSpec kStackConfig[] = {
    {"compose-file", 'c', FlagType::Other, "stringSlice", "", "Compose file, or \"-\" for standard input", 0},
    {"skip-interpolation", 0, FlagType::Bool, "bool", "", "Leave variables as they are", 0},
};
constexpr FlagSpec kStackDeploy[] = {
    {"compose-file", 'c', FlagType::Other, "stringSlice", "", "Compose file, or \"-\" for standard input", 0},
    {"detach", 'd', FlagType::Bool, "bool", "true", "Return at once and leave it running", 0},
    {"prune", 0, FlagType::Bool, "bool", "", "Remove services that are no longer named", 0},
    {"quiet", 'q', FlagType::Bool, "bool", "", "Print less: only ids or the final name", 0},
    {"resolve-image", 0, FlagType::String, "string", "always", "When to ask the registry for digests", 0},
    {"with-registry-auth", 0, FlagType::Bool, "bool", "", "Hand the registry login to the nodes", 0},
};
constexpr FlagSpec kStackLs[] = {
    {"format", 0, FlagType::String, "string", "", "Print through a Go template; 'json' and 'table TEMPLATE' are understood", 0},
};
constexpr FlagSpec kStackPs[] = {
    {"filter", 'f', FlagType::Filter, "filter", "", "Keep only what matches key=value", 0},
    {"format", 0, FlagType::String, "string", "", "Print through a Go template; 'json' and 'table TEMPLATE' are understood", 0},
    {"no-resolve", 0, FlagType::Bool, "bool", "", "Print ids in place of names", 0},
    {"no-trunc", 0, FlagType::Bool, "bool", "", "Print ids and texts in full length", 0},
    {"quiet", 'q', FlagType::Bool, "bool", "", "Print less: only ids or the final name", 0},
};
constexpr FlagSpec kStackRm[] = {
    {"detach", 'd', FlagType::Bool, "bool", "true", "Return at once and leave it running", 0},
};
constexpr FlagSpec kStackServices[] = {
    {"filter", 'f', FlagType::Filter, "filter", "", "Keep only what matches key=value", 0},
    {"format", 0, FlagType::String, "string", "", "Print through a Go template; 'json' and 'table TEMPLATE' are understood", 0},
    {"quiet", 'q', FlagType::Bool, "bool", "", "Print less: only ids or the final name", 0},
};
constexpr FlagSpec kSecretCreate[] = {
    {"driver", 'd', FlagType::String, "string", "", "Driver to use", 0},
    {"label", 'l', FlagType::List, "list", "", "Attach metadata as key=value", 0},
    {"template-driver", 0, FlagType::String, "string", "", "Template engine", 0},
};
constexpr FlagSpec kSecretInspect[] = {
    {"format", 'f', FlagType::String, "string", "", "Print through a Go template; 'json' and 'table TEMPLATE' are understood", 0},
    {"pretty", 0, FlagType::Bool, "bool", "", "Print for people", 0},
};
constexpr FlagSpec kSecretLs[] = {
    {"filter", 'f', FlagType::Filter, "filter", "", "Keep only what matches key=value", 0},
    {"format", 0, FlagType::String, "string", "", "Print through a Go template; 'json' and 'table TEMPLATE' are understood", 0},
    {"quiet", 'q', FlagType::Bool, "bool", "", "Print less: only ids or the final name", 0},
};
constexpr FlagSpec kConfigCreate[] = {
    {"label", 'l', FlagType::List, "list", "", "Attach metadata as key=value", 0},
    {"template-driver", 0, FlagType::String, "string", "", "Template engine", 0},
};
constexpr FlagSpec kConfigInspect[] = {
    {"format", 'f', FlagType::String, "string", "", "Print through a Go template; 'json' and 'table TEMPLATE' are understood", 0},
    {"pretty", 0, FlagType::Bool, "bool", "", "Print for people", 0},
};
constexpr FlagSpec kConfigLs[] = {
    {"filter", 'f', FlagType::Filter, "filter", "", "Keep only what matches key=value", 0},
    {"format", 0, FlagType::String, "string", "", "Print through a Go template; 'json' and 'table TEMPLATE' are understood", 0},
    {"quiet", 'q', FlagType::Bool, "bool", "", "Print less: only ids or the final name", 0},
};

constexpr CommandSpec kCommands[] = {
    {"swarm ca", "", "Show or replace the root authority", {kSwarmCa}, 0},
    {"swarm init", "", "Start a swarm", {kSwarmInit}, 0},
    {"swarm join", "HOST:PORT", "Join a swarm", {kSwarmJoin}, 0},
    {"swarm join-token", "(worker|manager)", "Show or replace the tokens for joining", {kSwarmJoinToken}, 0},
    {"swarm leave", "", "Leave the swarm", {kSwarmLeave}, 0},
    {"swarm unlock", "", "Unlock a swarm", {}, 0},
    {"swarm unlock-key", "", "Show or replace the unlock key", {kSwarmUnlockKey}, 0},
    {"swarm update", "", "Change the swarm", {kSwarmUpdate}, 0},
    {"node demote", "NODE [NODE...]", "Turn managers into workers", {}, 0},
    {"node inspect", "self|NODE [NODE...]", "Print nodes in detail", {kNodeInspect}, 0},
    {"node ls;node list", "", "List nodes", {kNodeLs}, 0},
    {"node promote", "NODE [NODE...]", "Turn workers into managers", {}, 0},
    {"node ps", "[NODE...]", "List the tasks of nodes", {kNodePs}, 0},
    {"node rm;node remove", "NODE [NODE...]", "Remove nodes", {kNodeRm}, 0},
    {"node update", "NODE", "Change a node", {kNodeUpdate}, 0},
    {"stack config", "", "Print the merged configuration", {kStackConfig}, 0},
    {"stack deploy;stack up", "STACK", "Make or change a stack", {kStackDeploy}, 0},
    {"stack ls;stack list", "", "List stacks", {kStackLs}, 0},
    {"stack ps", "STACK", "List the tasks of a stack", {kStackPs}, 0},
    {"stack rm;stack remove;stack down", "STACK [STACK...]", "Remove stacks", {kStackRm}, 0},
    {"stack services", "STACK", "List the services of a stack", {kStackServices}, 0},
    {"secret create", "SECRET [file|-]", "Make a secret from a file or standard input", {kSecretCreate}, 0},
    {"secret inspect", "SECRET [SECRET...]", "Print secrets in detail", {kSecretInspect}, 0},
    {"secret ls;secret list", "", "List secrets", {kSecretLs}, 0},
    {"secret rm;secret remove", "SECRET [SECRET...]", "Remove secrets", {}, 0},
    {"config create", "CONFIG file|-", "Make a config from a file or standard input", {kConfigCreate}, 0},
    {"config inspect", "CONFIG [CONFIG...]", "Print configs in detail", {kConfigInspect}, 0},
    {"config ls;config list", "", "List configs", {kConfigLs}, 0},
    {"config rm;config remove", "CONFIG [CONFIG...]", "Remove configs", {}, 0},
};
// clang-format on

}  // namespace

std::span<const CommandSpec> swarm_commands() {
  return kCommands;
}

}  // namespace wherry::cli
