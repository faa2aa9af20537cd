// The commands and flags of docker's system commands, as data: names, shorthands, types and
// defaults are docker 28.2's, the descriptions are ours.
#include "cli/table.h"

namespace wherry::cli {
namespace {

// clang-format off
constexpr FlagSpec kLogin[] = {
    {"password", 'p', FlagType::String, "string", "", "Password or access token", kReady},
    {"password-stdin", 0, FlagType::Bool, "bool", "", "Read the password from standard input", kReady},
    {"username", 'u', FlagType::String, "string", "", "Name of the account", kReady},
};
constexpr FlagSpec kSearch[] = {
    {"filter", 'f', FlagType::Filter, "filter", "", "Keep only what matches key=value", 0},
    {"format", 0, FlagType::String, "string", "", "Print through a Go template; 'json' and 'table TEMPLATE' are understood", 0},
    {"limit", 0, FlagType::Int, "int", "", "Most results", 0},
    {"no-trunc", 0, FlagType::Bool, "bool", "", "Print ids and texts in full length", 0},
};
constexpr FlagSpec kVersion[] = {
    {"format", 'f', FlagType::String, "string", "", "Print through a Go template; 'json' and 'table TEMPLATE' are understood", kReady},
};
constexpr FlagSpec kInspect[] = {
    {"format", 'f', FlagType::String, "string", "", "Print through a Go template; 'json' and 'table TEMPLATE' are understood", kReady},
    {"size", 's', FlagType::Bool, "bool", "", "Add sizes of files (containers)", kReady},
    {"type", 0, FlagType::String, "string", "", "Kind of object to look for", kReady},
};
constexpr FlagSpec kSystemInfo[] = {
    {"format", 'f', FlagType::String, "string", "", "Print through a Go template; 'json' and 'table TEMPLATE' are understood", kReady},
};
constexpr FlagSpec kSystemDf[] = {
    {"format", 0, FlagType::String, "string", "", "Print through a Go template; 'json' and 'table TEMPLATE' are understood", kReady},
    {"verbose", 'v', FlagType::Bool, "bool", "", "Print more", kReady},
};
constexpr FlagSpec kSystemEvents[] = {
    {"filter", 'f', FlagType::Filter, "filter", "", "Keep only what matches key=value", 0},
    {"format", 0, FlagType::String, "string", "", "Print through a Go template; 'json' and 'table TEMPLATE' are understood", 0},
    {"since", 0, FlagType::String, "string", "", "Only what is newer than a time or an age (42m)", 0},
    {"until", 0, FlagType::String, "string", "", "Only what is older than a time or an age (42m)", 0},
};
constexpr FlagSpec kSystemPrune[] = {
    {"all", 'a', FlagType::Bool, "bool", "", "Include what is normally left out", 0},
    {"filter", 0, FlagType::Filter, "filter", "", "Keep only what matches key=value", 0},
    {"force", 'f', FlagType::Bool, "bool", "", "Go ahead where it would otherwise be refused", 0},
    {"volumes", 0, FlagType::Bool, "bool", "", "Remove its anonymous volumes too", 0},
};
constexpr FlagSpec kSystemCheck[] = {
    {"format", 0, FlagType::String, "string", "", "Print through a Go template; 'json' and 'table TEMPLATE' are understood", kReady},
};
constexpr FlagSpec kContextCreate[] = {
    {"description", 0, FlagType::String, "string", "", "Text that describes it", 0},
    {"docker", 0, FlagType::Other, "stringToString", "", "Endpoint settings", 0},
    {"from", 0, FlagType::String, "string", "", "Context to copy", 0},
};
constexpr FlagSpec kContextInspect[] = {
    {"format", 'f', FlagType::String, "string", "", "Print through a Go template; 'json' and 'table TEMPLATE' are understood", 0},
};
constexpr FlagSpec kContextLs[] = {
    {"format", 0, FlagType::String, "string", "", "Print through a Go template; 'json' and 'table TEMPLATE' are understood", 0},
    {"quiet", 'q', FlagType::Bool, "bool", "", "Print less: only ids or the final name", 0},
};
constexpr FlagSpec kContextRm[] = {
    {"force", 'f', FlagType::Bool, "bool", "", "Go ahead where it would otherwise be refused", 0},
};
constexpr FlagSpec kContextUpdate[] = {
    {"description", 0, FlagType::String, "string", "", "Text that describes it", 0},
    {"docker", 0, FlagType::Other, "stringToString", "", "Endpoint settings", 0},
};
constexpr FlagSpec kCompletionBash[] = {
    {"no-descriptions", 0, FlagType::Bool, "bool", "", "Leave descriptions out of completions", 0},
};
constexpr FlagSpec kCompletionFish[] = {
    {"no-descriptions", 0, FlagType::Bool, "bool", "", "Leave descriptions out of completions", 0},
};
constexpr FlagSpec kCompletionPowershell[] = {
    {"no-descriptions", 0, FlagType::Bool, "bool", "", "Leave descriptions out of completions", 0},
};
constexpr FlagSpec kCompletionZsh[] = {
    {"no-descriptions", 0, FlagType::Bool, "bool", "", "Leave descriptions out of completions", 0},
};
constexpr FlagSpec kCheckpointCreate[] = {
    {"checkpoint-dir", 0, FlagType::String, "string", "", "Directory that holds checkpoints", 0},
    {"leave-running", 0, FlagType::Bool, "bool", "", "Let the container run on", 0},
};
constexpr FlagSpec kCheckpointLs[] = {
    {"checkpoint-dir", 0, FlagType::String, "string", "", "Directory that holds checkpoints", 0},
};
constexpr FlagSpec kCheckpointRm[] = {
    {"checkpoint-dir", 0, FlagType::String, "string", "", "Directory that holds checkpoints", 0},
};
constexpr FlagSpec kPluginCreate[] = {
    {"compress", 0, FlagType::Bool, "bool", "", "Send the build context compressed", 0},
};
constexpr FlagSpec kPluginDisable[] = {
    {"force", 'f', FlagType::Bool, "bool", "", "Go ahead where it would otherwise be refused", 0},
};
constexpr FlagSpec kPluginEnable[] = {
    {"timeout", 0, FlagType::Int, "int", "30", "Seconds to wait before it is killed", 0},
};
constexpr FlagSpec kPluginInspect[] = {
    {"format", 'f', FlagType::String, "string", "", "Print through a Go template; 'json' and 'table TEMPLATE' are understood", 0},
};
constexpr FlagSpec kPluginInstall[] = {
    {"alias", 0, FlagType::String, "string", "", "Extra name on the network", 0},
    {"disable", 0, FlagType::Bool, "bool", "", "Leave the plugin switched off", 0},
    {"disable-content-trust", 0, FlagType::Bool, "bool", "true", "Leave image signatures unchecked", 0},
    {"grant-all-permissions", 0, FlagType::Bool, "bool", "", "Grant whatever the plugin asks for", 0},
};
constexpr FlagSpec kPluginLs[] = {
    {"filter", 'f', FlagType::Filter, "filter", "", "Keep only what matches key=value", 0},
    {"format", 0, FlagType::String, "string", "", "Print through a Go template; 'json' and 'table TEMPLATE' are understood", 0},
    {"no-trunc", 0, FlagType::Bool, "bool", "", "Print ids and texts in full length", 0},
    {"quiet", 'q', FlagType::Bool, "bool", "", "Print less: only ids or the final name", 0},
};
constexpr FlagSpec kPluginPush[] = {
    {"disable-content-trust", 0, FlagType::Bool, "bool", "true", "Leave image signatures unchecked", 0},
};
constexpr FlagSpec kPluginRm[] = {
    {"force", 'f', FlagType::Bool, "bool", "", "Go ahead where it would otherwise be refused", 0},
};
constexpr FlagSpec kPluginUpgrade[] = {
    {"disable-content-trust", 0, FlagType::Bool, "bool", "true", "Leave image signatures unchecked", 0},
    {"grant-all-permissions", 0, FlagType::Bool, "bool", "", "Grant whatever the plugin asks for", 0},
    {"skip-remote-check", 0, FlagType::Bool, "bool", "", "Leave the remote plugin unchecked", 0},
};
constexpr FlagSpec kTrustKeyGenerate[] = {
    {"dir", 0, FlagType::String, "string", "", "Directory of the keys", 0},
};
constexpr FlagSpec kTrustKeyLoad[] = {
    {"name", 0, FlagType::String, "string", "signer", "Name to give it", 0},
};
constexpr FlagSpec kTrustSignerAdd[] = {
    {"key", 0, FlagType::List, "list", "", "Key to use", 0},
};
constexpr FlagSpec kTrustSignerRemove[] = {
    {"force", 'f', FlagType::Bool, "bool", "", "Go ahead where it would otherwise be refused", 0},
};
constexpr FlagSpec kTrustInspect[] = {
    {"pretty", 0, FlagType::Bool, "bool", "", "Print for people", 0},
};
constexpr FlagSpec kTrustRevoke[] = {
    {"yes", 'y', FlagType::Bool, "bool", "", "Answer every question with yes", 0},
};
constexpr FlagSpec kTrustSign[] = {
    {"local", 0, FlagType::Bool, "bool", "", "Remove local data only", 0},
};

constexpr CommandSpec kCommands[] = {
    {"login", "[SERVER]", "Sign in to a registry", {kLogin}, kReady},
    {"logout", "[SERVER]", "Sign out of a registry", {}, kReady},
    {"search", "TERM", "Search Docker Hub", {kSearch}, 0},
    {"version", "", "Print the versions of client and engine", {kVersion}, kReady},
    {"builder", "COMMAND", "Builds and their cache", {}, kGroup},
    {"checkpoint", "COMMAND", "Checkpoints of containers", {}, kGroup},
    {"container", "COMMAND", "Containers", {}, kReady | kGroup},
    {"context", "COMMAND", "Engines to work with", {}, kGroup},
    {"image", "COMMAND", "Images", {}, kReady | kGroup},
    {"manifest", "COMMAND", "Manifest lists", {}, kGroup},
    {"network", "COMMAND", "Networks", {}, kGroup},
    {"plugin", "COMMAND", "Plugins of the engine", {}, kGroup},
    {"system", "COMMAND", "The engine itself", {}, kReady | kGroup},
    {"trust", "COMMAND", "Signatures of images", {}, kGroup},
    {"volume", "COMMAND", "Volumes", {}, kReady | kGroup},
    {"config", "COMMAND", "Configuration files of a swarm", {}, kGroup},
    {"node", "COMMAND", "Nodes of a swarm", {}, kGroup},
    {"secret", "COMMAND", "Secrets of a swarm", {}, kGroup},
    {"service", "COMMAND", "Services of a swarm", {}, kGroup},
    {"stack", "COMMAND", "Stacks of a swarm", {}, kGroup},
    {"swarm", "COMMAND", "Swarms", {}, kGroup},
    {"inspect", "NAME|ID [NAME|ID...]", "Print objects of any kind in detail", {kInspect}, kReady},
    {"completion", "COMMAND", "Completion scripts for shells", {}, kGroup | kHidden},
    {"help", "[COMMAND]", "Print help on a command", {}, kReady | kHidden},
    {"system info;info", "", "Print facts about the engine and its host", {kSystemInfo}, kReady},
    {"system df", "", "Disk space in use", {kSystemDf}, kReady},
    {"system events;events", "", "Watch events as they happen", {kSystemEvents}, 0},
    {"system prune", "", "Remove what nothing uses", {kSystemPrune}, 0},
    {"system dial-stdio", "", "Connect standard input and output to the engine", {},
     kReady | kHidden},
    {"system check", "", "Check what this host can do", {kSystemCheck}, kReady},
    {"context create", "CONTEXT", "Make a context", {kContextCreate}, 0},
    {"context export", "CONTEXT [FILE|-]", "Write a context to a tar archive", {}, 0},
    {"context import", "CONTEXT FILE|-", "Read a context from an archive", {}, 0},
    {"context inspect", "[CONTEXT] [CONTEXT...]", "Print contexts in detail", {kContextInspect}, 0},
    {"context ls;context list", "", "List contexts", {kContextLs}, 0},
    {"context rm;context remove", "CONTEXT [CONTEXT...]", "Remove contexts", {kContextRm}, 0},
    {"context show", "", "Print the name of the current context", {}, 0},
    {"context update", "CONTEXT", "Change a context", {kContextUpdate}, 0},
    {"context use", "CONTEXT", "Choose the current context", {}, 0},
    {"completion bash", "", "Completion script for bash", {kCompletionBash}, kHidden},
    {"completion fish", "", "Completion script for fish", {kCompletionFish}, kHidden},
    {"completion powershell", "", "Completion script for PowerShell", {kCompletionPowershell}, kHidden},
    {"completion zsh", "", "Completion script for zsh", {kCompletionZsh}, kHidden},
    {"checkpoint create", "CONTAINER CHECKPOINT", "Save the state of a running container", {kCheckpointCreate}, 0},
    {"checkpoint ls;checkpoint list", "CONTAINER", "List checkpoints", {kCheckpointLs}, 0},
    {"checkpoint rm;checkpoint remove", "CONTAINER CHECKPOINT", "Remove a checkpoint", {kCheckpointRm}, 0},
    {"plugin create", "PLUGIN PLUGIN-DATA-DIR", "Make a plugin from a directory", {kPluginCreate}, 0},
    {"plugin disable", "PLUGIN", "Switch a plugin off", {kPluginDisable}, 0},
    {"plugin enable", "PLUGIN", "Switch a plugin on", {kPluginEnable}, 0},
    {"plugin inspect", "PLUGIN [PLUGIN...]", "Print plugins in detail", {kPluginInspect}, 0},
    {"plugin install", "PLUGIN [KEY=VALUE...]", "Install a plugin", {kPluginInstall}, 0},
    {"plugin ls;plugin list", "", "List plugins", {kPluginLs}, 0},
    {"plugin push", "PLUGIN[:TAG]", "Send a plugin to a registry", {kPluginPush}, 0},
    {"plugin rm;plugin remove", "PLUGIN [PLUGIN...]", "Remove plugins", {kPluginRm}, 0},
    {"plugin set", "PLUGIN KEY=VALUE [KEY=VALUE...]", "Change the settings of a plugin", {}, 0},
    {"plugin upgrade", "PLUGIN [REMOTE]", "Replace a plugin by a newer one", {kPluginUpgrade}, 0},
    {"trust key", "COMMAND", "Signing keys", {}, kGroup},
    {"trust key generate", "NAME", "Make a signing key pair", {kTrustKeyGenerate}, 0},
    {"trust key load", "KEYFILE", "Read a private key", {kTrustKeyLoad}, 0},
    {"trust signer", "COMMAND", "People who may sign", {}, kGroup},
    {"trust signer add", "OPTIONS NAME REPOSITORY [REPOSITORY...]", "Add a signer", {kTrustSignerAdd}, 0},
    {"trust signer remove", "NAME REPOSITORY [REPOSITORY...]", "Remove a signer", {kTrustSignerRemove}, 0},
    {"trust inspect", "IMAGE[:TAG] [IMAGE[:TAG]...]", "Print keys and signatures", {kTrustInspect}, 0},
    {"trust revoke", "IMAGE[:TAG]", "Take a signature back", {kTrustRevoke}, 0},
    {"trust sign", "IMAGE:TAG", "Sign an image", {kTrustSign}, 0},
};
// clang-format on

}  // namespace

std::span<const CommandSpec> system_commands() {
  return kCommands;
}

}  // namespace wherry::cli
