// The commands and flags of docker's image commands, as data: names, shorthands, types and
// defaults are docker 28.2's, the descriptions are ours.
#include "cli/table.h"

namespace wherry::cli {
namespace {

// clang-format off
constexpr FlagSpec kImageBuild[] = {
    {"add-host", 0, FlagType::List, "list", "", "Extra line of /etc/hosts, as host:ip", 0},
    {"build-arg", 0, FlagType::List, "list", "", "Variable of the build", 0},
    {"cache-from", 0, FlagType::Other, "stringSlice", "", "Images to take cached steps from", 0},
    {"cgroup-parent", 0, FlagType::String, "string", "", "Cgroup below which the container's is made", 0},
    {"compress", 0, FlagType::Bool, "bool", "", "Send the build context compressed", 0},
    {"cpu-period", 0, FlagType::Int, "int", "", "Length of the CFS period in microseconds", 0},
    {"cpu-quota", 0, FlagType::Int, "int", "", "Microseconds of CPU per CFS period", 0},
    {"cpu-shares", 'c', FlagType::Int, "int", "", "Weight against others when cores are busy", 0},
    {"cpuset-cpus", 0, FlagType::String, "string", "", "Cores that may be used (0-3, 0,1)", 0},
    {"cpuset-mems", 0, FlagType::String, "string", "", "Memory nodes that may be used (0-3, 0,1)", 0},
    {"disable-content-trust", 0, FlagType::Bool, "bool", "true", "Leave image signatures unchecked", 0},
    {"file", 'f', FlagType::String, "string", "", "Dockerfile to build from", 0},
    {"force-rm", 0, FlagType::Bool, "bool", "", "Remove intermediate containers in any case", 0},
    {"iidfile", 0, FlagType::String, "string", "", "File to write the image's id to", 0},
    {"isolation", 0, FlagType::String, "string", "", "Isolation technology (Windows)", 0},
    {"label", 0, FlagType::List, "list", "", "Attach metadata as key=value", 0},
    {"memory", 'm', FlagType::Bytes, "bytes", "", "Upper bound of memory", 0},
    {"memory-swap", 0, FlagType::Bytes, "bytes", "", "Memory and swap together; -1 lifts the swap limit", 0},
    {"network", 0, FlagType::String, "string", "default", "Network to join: bridge, host, none, container:NAME or a name", 0},
    {"no-cache", 0, FlagType::Bool, "bool", "", "Build every step anew", 0},
    {"platform", 0, FlagType::String, "string", "", "Operating system and architecture, as os/arch[/variant]", 0},
    {"pull", 0, FlagType::Bool, "bool", "", "Fetch the image: \"always\", \"missing\" or \"never\"", 0},
    {"quiet", 'q', FlagType::Bool, "bool", "", "Print less: only ids or the final name", 0},
    {"rm", 0, FlagType::Bool, "bool", "true", "Remove the container when it has ended", 0},
    {"security-opt", 0, FlagType::Other, "stringSlice", "", "Security setting, as seccomp=FILE or no-new-privileges", 0},
    {"shm-size", 0, FlagType::Bytes, "bytes", "", "Size of /dev/shm", 0},
    {"squash", 0, FlagType::Bool, "bool", "", "Merge the new layers into one", 0},
    {"tag", 't', FlagType::List, "list", "", "Name of the result", 0},
    {"target", 0, FlagType::String, "string", "", "Build stage to stop at", 0},
    {"ulimit", 0, FlagType::Ulimit, "ulimit", "", "Resource limit as type=soft[:hard]", 0},
};
constexpr FlagSpec kImagePull[] = {
    {"all-tags", 'a', FlagType::Bool, "bool", "", "Fetch every tag of the repository", kReady},
    {"disable-content-trust", 0, FlagType::Bool, "bool", "true", "Leave image signatures unchecked", 0},
    {"platform", 0, FlagType::String, "string", "", "Operating system and architecture, as os/arch[/variant]", kReady},
    {"quiet", 'q', FlagType::Bool, "bool", "", "Print only the final name", kReady},
};
constexpr FlagSpec kImagePush[] = {
    {"all-tags", 'a', FlagType::Bool, "bool", "", "Send every tag of the repository", kReady},
    {"disable-content-trust", 0, FlagType::Bool, "bool", "true", "Leave image signatures unchecked", 0},
    {"platform", 0, FlagType::String, "string", "", "Operating system and architecture, as os/arch[/variant]", kReady},
    {"quiet", 'q', FlagType::Bool, "bool", "", "Print only the name", kReady},
};
constexpr FlagSpec kImageLs[] = {
    {"all", 'a', FlagType::Bool, "bool", "", "Show intermediate images too", kReady},
    {"digests", 0, FlagType::Bool, "bool", "", "Print digests", kReady},
    {"filter", 'f', FlagType::Filter, "filter", "", "Keep only what matches key=value", kReady},
    {"format", 0, FlagType::String, "string", "", "Print through a Go template; 'json' and 'table TEMPLATE' are understood", kReady},
    {"no-trunc", 0, FlagType::Bool, "bool", "", "Print ids and texts in full length", kReady},
    {"quiet", 'q', FlagType::Bool, "bool", "", "Print only ids", kReady},
    {"tree", 0, FlagType::Bool, "bool", "", "Show multi-platform images as a tree", 0},
};
constexpr FlagSpec kImageHistory[] = {
    {"format", 0, FlagType::String, "string", "", "Print through a Go template; 'json' and 'table TEMPLATE' are understood", 0},
    {"human", 'H', FlagType::Bool, "bool", "true", "Print sizes and dates for people", 0},
    {"no-trunc", 0, FlagType::Bool, "bool", "", "Print ids and texts in full length", 0},
    {"platform", 0, FlagType::String, "string", "", "Operating system and architecture, as os/arch[/variant]", 0},
    {"quiet", 'q', FlagType::Bool, "bool", "", "Print less: only ids or the final name", 0},
};
constexpr FlagSpec kImageImport[] = {
    {"change", 'c', FlagType::List, "list", "", "Dockerfile instruction to apply", 0},
    {"message", 'm', FlagType::String, "string", "", "Message kept with the image", 0},
    {"platform", 0, FlagType::String, "string", "", "Operating system and architecture, as os/arch[/variant]", 0},
};
constexpr FlagSpec kImageInspect[] = {
    {"format", 'f', FlagType::String, "string", "", "Print through a Go template; 'json' and 'table TEMPLATE' are understood", kReady},
    {"platform", 0, FlagType::String, "string", "", "Operating system and architecture, as os/arch[/variant]", kReady},
};
constexpr FlagSpec kImageLoad[] = {
    {"input", 'i', FlagType::String, "string", "", "Read from a file in place of standard input", kReady},
    {"platform", 0, FlagType::String, "string", "", "Operating system and architecture, as os/arch[/variant]", kReady},
    {"quiet", 'q', FlagType::Bool, "bool", "", "Leave progress out", kReady},
};
constexpr FlagSpec kImagePrune[] = {
    {"all", 'a', FlagType::Bool, "bool", "", "Include what is normally left out", 0},
    {"filter", 0, FlagType::Filter, "filter", "", "Keep only what matches key=value", 0},
    {"force", 'f', FlagType::Bool, "bool", "", "Go ahead where it would otherwise be refused", 0},
};
constexpr FlagSpec kImageRm[] = {
    {"force", 'f', FlagType::Bool, "bool", "", "Remove it even if it is in use", kReady},
    {"no-prune", 0, FlagType::Bool, "bool", "", "Keep untagged parents", kReady},
    {"platform", 0, FlagType::Other, "stringSlice", "", "Operating system and architecture, as os/arch[/variant]", kReady},
};
constexpr FlagSpec kImageSave[] = {
    {"output", 'o', FlagType::String, "string", "", "Write to a file in place of standard output", 0},
    {"platform", 0, FlagType::String, "string", "", "Operating system and architecture, as os/arch[/variant]", 0},
};
constexpr FlagSpec kBuilderPrune[] = {
    {"all", 'a', FlagType::Bool, "bool", "", "Include what is normally left out", 0},
    {"filter", 0, FlagType::Filter, "filter", "", "Keep only what matches key=value", 0},
    {"force", 'f', FlagType::Bool, "bool", "", "Go ahead where it would otherwise be refused", 0},
    {"keep-storage", 0, FlagType::Bytes, "bytes", "", "Bytes of cache to keep", 0},
};
constexpr FlagSpec kManifestAnnotate[] = {
    {"arch", 0, FlagType::String, "string", "", "Architecture", 0},
    {"os", 0, FlagType::String, "string", "", "Operating system", 0},
    {"os-features", 0, FlagType::Other, "stringSlice", "", "Features of the operating system", 0},
    {"os-version", 0, FlagType::String, "string", "", "Version of the operating system", 0},
    {"variant", 0, FlagType::String, "string", "", "Variant of the architecture", 0},
};
constexpr FlagSpec kManifestCreate[] = {
    {"amend", 'a', FlagType::Bool, "bool", "", "Change an existing manifest list", 0},
    {"insecure", 0, FlagType::Bool, "bool", "", "Allow an unverified registry", 0},
};
constexpr FlagSpec kManifestInspect[] = {
    {"insecure", 0, FlagType::Bool, "bool", "", "Allow an unverified registry", 0},
    {"verbose", 'v', FlagType::Bool, "bool", "", "Print more", 0},
};
constexpr FlagSpec kManifestPush[] = {
    {"insecure", 0, FlagType::Bool, "bool", "", "Allow an unverified registry", 0},
    {"purge", 'p', FlagType::Bool, "bool", "", "Remove every stack file too", 0},
};

constexpr CommandSpec kCommands[] = {
    {"image build;build;builder build", "PATH | URL | -", "Make an image from a Dockerfile", {kImageBuild}, 0},
    {"image pull;pull", "NAME[:TAG|@DIGEST]", "Fetch an image from a registry", {kImagePull}, kReady},
    {"image push;push", "NAME[:TAG]", "Send an image to a registry", {kImagePush}, kReady},
    {"image ls;image list;images", "[REPOSITORY[:TAG]]", "List images", {kImageLs}, kReady},
    {"image history;history", "IMAGE", "List the layers of an image", {kImageHistory}, 0},
    {"image import;import", "file|URL|- [REPOSITORY[:TAG]]", "Make an image from a tar archive of a file system", {kImageImport}, 0},
    {"image inspect", "IMAGE [IMAGE...]", "Print images in detail", {kImageInspect}, kReady},
    {"image load;load", "", "Read images from a tar archive or standard input", {kImageLoad}, kReady},
    {"image prune", "", "Remove images that nothing uses", {kImagePrune}, 0},
    {"image rm;image remove;rmi", "IMAGE [IMAGE...]", "Remove images", {kImageRm}, kReady},
    {"image save;save", "IMAGE [IMAGE...]", "Write images to a tar archive", {kImageSave}, 0},
    {"image tag;tag", "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]", "Give an image another name", {}, kReady},
    {"builder prune", "", "Empty the build cache", {kBuilderPrune}, 0},
    {"manifest annotate", "MANIFEST_LIST MANIFEST", "Change an entry of a manifest list", {kManifestAnnotate}, 0},
    {"manifest create", "MANIFEST_LIST MANIFEST [MANIFEST...]", "Make a manifest list", {kManifestCreate}, 0},
    {"manifest inspect", "[MANIFEST_LIST] MANIFEST", "Print a manifest or a manifest list", {kManifestInspect}, 0},
    {"manifest push", "MANIFEST_LIST", "Send a manifest list to a registry", {kManifestPush}, 0},
    {"manifest rm", "MANIFEST_LIST [MANIFEST_LIST...]", "Remove manifest lists", {}, 0},
};
// clang-format on

}  // namespace

std::span<const CommandSpec> image_commands() {
  return kCommands;
}

}  // namespace wherry::cli
