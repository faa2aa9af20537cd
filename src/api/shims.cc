#include "api/shims.h"

#include <boost/json.hpp>
#include <string_view>

#include "spec/json.h"

namespace wherry::api {
namespace {

using boost::json::object;
using spec::docker::ContainerCreateRequest;
using spec::docker::HostConfig;
using spec::docker::Mount;

// The object behind a chain of member names; nullptr where one is missing or no object.
object* find_object(json::Value& value, std::initializer_list<std::string_view> path) {
  json::Value* current = &value;
  for (const std::string_view name : path) {
    object* parent = current->if_object();
    current = parent == nullptr ? nullptr : parent->if_contains(name);
    if (current == nullptr) return nullptr;
  }
  return current->if_object();
}

void erase(object* from, std::string_view name) {
  if (from != nullptr) from->erase(name);
}

void shim_mount(Mount& mount, ApiVersion version) {
  if (!mount.bind_options && mount.type == "bind" && mount.read_only && version < ApiVersion{1, 44})
    mount.bind_options.emplace();
  if (mount.bind_options) {
    if (version < ApiVersion{1, 40}) mount.bind_options->non_recursive = false;
    if (version < ApiVersion{1, 42}) mount.bind_options->create_mountpoint = false;
    if (version < ApiVersion{1, 44}) {
      // "ro" became recursive with 1.44: older clients keep what they meant.
      mount.bind_options->read_only_non_recursive = mount.read_only;
      mount.bind_options->read_only_force_recursive = false;
    }
  }
  // Bind mounts with VolumeOptions are an error since 1.42 only.
  if (version < ApiVersion{1, 42} && mount.type == "bind") mount.volume_options.reset();
}

void shim_host_config(HostConfig& host, ApiVersion version) {
  if (version < ApiVersion{1, 40} && host.ipc_mode.empty()) host.ipc_mode = "shareable";
  if (version < ApiVersion{1, 41}) host.cgroupns_mode.clear();
  if (version < ApiVersion{1, 43}) host.annotations.reset();
  // Gone with 1.42: ignored from clients that may still send it.
  if (version < ApiVersion{1, 42}) host.kernel_memory = 0;
  if (host.pids_limit && *host.pids_limit <= 0) host.pids_limit.reset();
  if (!host.mounts) return;
  for (Mount& mount : *host.mounts) shim_mount(mount, version);
}

Result<> check_endpoints(const ContainerCreateRequest& request, ApiVersion version) {
  if (version >= ApiVersion{1, 44} || !request.networking_config) return {};
  const auto& endpoints = request.networking_config->endpoints_config;
  if (!endpoints || endpoints->size() <= 1) return {};
  std::string names;
  for (const auto& [name, ignored] : *endpoints) names += (names.empty() ? "" : " ") + name;
  return Error::invalid("Container cannot be created with multiple network endpoints: " + names);
}

// Members of a ContainerConfig that an image's Config always had before 1.50.
constexpr std::array kLegacyFalse = {"AttachStderr", "AttachStdin", "AttachStdout",
                                     "OpenStdin",    "StdinOnce",   "Tty"};
constexpr std::array kLegacyEmpty = {"Domainname", "Hostname", "Image"};

}  // namespace

Result<> shim_create(ContainerCreateRequest& request, ApiVersion version) {
  if (request.host_config) shim_host_config(*request.host_config, version);
  if (version < ApiVersion{1, 44} && request.healthcheck) request.healthcheck->start_interval = 0;
  return check_endpoints(request, version);
}

void shim_exec_create(spec::docker::ExecCreateRequest& request, ApiVersion version) {
  if (version < ApiVersion{1, 42}) request.console_size.reset();
}

void shim_container_inspect(json::Value& container, ApiVersion version) {
  if (version < ApiVersion{1, 42})
    if (object* host = find_object(container, {"HostConfig"})) (*host)["KernelMemory"] = 0;
  if (version < ApiVersion{1, 41}) erase(find_object(container, {"HostConfig"}), "CgroupnsMode");
  object* networks = find_object(container, {"NetworkSettings", "Networks"});
  if (networks == nullptr) return;
  for (auto& entry : *networks) {
    if (version < ApiVersion{1, 44}) erase(entry.value().if_object(), "DNSNames");
    if (version < ApiVersion{1, 48}) erase(entry.value().if_object(), "GwPriority");
  }
}

void shim_container_list(json::Value& containers, ApiVersion version) {
  for (json::Value& container : containers.as_array()) {
    if (version < ApiVersion{1, 46}) erase(find_object(container, {"HostConfig"}), "Annotations");
    object* networks = find_object(container, {"NetworkSettings", "Networks"});
    if (networks == nullptr) continue;
    for (auto& entry : *networks) {
      if (version < ApiVersion{1, 44}) erase(entry.value().if_object(), "DNSNames");
      if (version < ApiVersion{1, 48}) erase(entry.value().if_object(), "GwPriority");
    }
  }
}

void shim_image_inspect(json::Value& image, ApiVersion version) {
  object& members = image.as_object();
  if (version < ApiVersion{1, 44}) {
    members["VirtualSize"] = members["Size"];
    if (!members.contains("Created")) members["Created"] = "0001-01-01T00:00:00Z";
  }
  if (version < ApiVersion{1, 45}) members["Container"] = "";
  object* config = find_object(image, {"Config"});
  if (version < ApiVersion{1, 50} && config != nullptr) {
    for (const char* name : kLegacyFalse) (*config)[name] = false;
    for (const char* name : kLegacyEmpty) (*config)[name] = "";
  }
  if (version < ApiVersion{1, 45} && config != nullptr) members["ContainerConfig"] = *config;
}

void shim_image_list(json::Value& images, ApiVersion version) {
  for (json::Value& image : images.as_array()) {
    object& members = image.as_object();
    if (version < ApiVersion{1, 44}) members["VirtualSize"] = members["Size"];
    if (version < ApiVersion{1, 51}) members["Containers"] = -1;
    const bool nameless =
        members["RepoTags"].as_array().empty() && members["RepoDigests"].as_array().empty();
    if (version < ApiVersion{1, 43} && nameless) {
      members["RepoTags"] = {"<none>:<none>"};
      members["RepoDigests"] = {"<none>@<none>"};
    }
  }
}

void shim_info(json::Value& info, ApiVersion version) {
  object& members = info.as_object();
  if (version >= ApiVersion{1, 50}) {
    members.erase("BridgeNfIptables");
    members.erase("BridgeNfIp6tables");
  }
  if (version < ApiVersion{1, 49}) {
    members.erase("FirewallBackend");
    for (const char* name : {"ContainerdCommit", "RuncCommit", "InitCommit"})
      if (object* commit = members[name].if_object()) (*commit)["Expected"] = (*commit)["ID"];
    if (object* registry = members["RegistryConfig"].if_object()) {
      (*registry)["AllowNondistributableArtifactsCIDRs"] = nullptr;
      (*registry)["AllowNondistributableArtifactsHostnames"] = nullptr;
    }
  }
  if (version >= ApiVersion{1, 44}) return;
  if (object* runtimes = members["Runtimes"].if_object())
    for (auto& runtime : *runtimes) erase(runtime.value().if_object(), "status");
}

}  // namespace wherry::api
