#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/time.h"
#include "base/undo.h"
#include "engine/container_volumes.h"
#include "engine/endpoints.h"
#include "engine/image_merge.h"
#include "engine/lifecycle.h"
#include "engine/links.h"
#include "engine/log_config.h"
#include "engine/mount_request.h"
#include "engine/port_bindings.h"
#include "engine/unavailable.h"

namespace wherry::engine {
namespace {

using spec::docker::ContainerCreateRequest;

Result<std::optional<spec::Platform>> wanted_platform(const std::string& platform) {
  if (platform.empty()) return std::nullopt;
  return TRY(spec::parse_platform(platform));
}

std::string host_name() {
  std::string name(256, '\0');
  if (::gethostname(name.data(), name.size() - 1) < 0) return "localhost";
  return name.c_str();
}

void settle_hostname(ContainerRecord& record) {
  std::string& hostname = record.config.hostname;
  const auto& host = record.host_config;
  if (!hostname.empty() || joined_container(host.network_mode)) return;
  const bool of_host = host.uts_mode == "host" || host.network_mode == "host";
  hostname = of_host ? host_name() : record.id.short_form();
}

// Everything that can be judged without the image.
Result<ContainerRecord> checked_request(Core& core, const ContainerCreateRequest& request,
                                        std::vector<std::string>& warnings) {
  TRY(check_available(request));
  const HostFacts facts = host_facts(core);
  ContainerRecord record;
  record.id = ContainerId::random();
  record.created = format_rfc3339_nano(now());
  record.config = request;
  record.host_config = request.host_config.value_or(spec::docker::HostConfig{});
  TRY(validate_config(record.config, record.host_config));
  TRY(validate_host_config(record.host_config, facts));
  fill_defaults(record.host_config, facts, warnings);
  TRY(settle_log_config(record.host_config.log_config, core.options.log_driver,
                        core.options.log_options));
  if (request.networking_config && request.networking_config->endpoints_config)
    record.endpoints = *request.networking_config->endpoints_config;
  TRY(settle_endpoints(core, record));
  TRY(settle_links(core, record));
  TRY(check_ports(record.config, record.host_config, warnings));
  return record;
}

Result<> merge_image(Core& core, ContainerRecord& record, const image::Resolved& image,
                     std::vector<std::string>& warnings) {
  const auto& healthcheck = image.config.config.healthcheck;
  if (healthcheck && !healthcheck->test.empty() && healthcheck->test.front() != "NONE")
    warnings.emplace_back("wherry: the image's HEALTHCHECK is not run by wherry " WHERRY_VERSION);
  TRY(merge_image_config(record.config, image.config.config));
  CommandLine command = command_line_of(record.config);
  record.path = std::move(command.path);
  record.args = std::move(command.args);
  record.image_id = image.id.str();
  record.driver = core.snapshots->name();
  record.mounts = TRY(resolve_mounts({.host_config = record.host_config,
                                      .volumes = record.config.volumes,
                                      .inherited = TRY(inherited_mounts(core, record.host_config))}));
  const auto is_image = [](const ContainerMount& mount) { return mount.point.type == "image"; };
  if (std::ranges::any_of(record.mounts, is_image))
    warnings.emplace_back("Image mount is an experimental feature");
  settle_hostname(record);
  return {};
}

}  // namespace

HostFacts host_facts(const Core& core) {
  HostFacts facts;
  facts.cgroup_mode = core.cgroups->mode();
  facts.has_pids_limit = core.cgroups->find("pids") != nullptr;
  facts.has_apparmor = ::access("/sys/kernel/security/apparmor", F_OK) == 0;
  const auto* memory = core.cgroups->find("memory");
  // v2 has swap.max with the controller; v1 only with swap accounting.
  facts.has_swap_limit =
      memory != nullptr &&
      (memory->unified ||
       ::access((memory->mount_point + "/memory.memsw.limit_in_bytes").c_str(), F_OK) == 0);
  facts.has_swappiness =
      memory != nullptr && !memory->unified &&
      ::access((memory->mount_point + "/memory.swappiness").c_str(), F_OK) == 0;
  facts.default_shm_size_bytes = core.options.default_shm_size_bytes;
  return facts;
}

Result<spec::docker::ContainerCreateResponse> create_container(
    Core& core, const std::string& name, const std::string& platform,
    const ContainerCreateRequest& request) {
  spec::docker::ContainerCreateResponse response;
  ContainerRecord record = TRY(checked_request(core, request, response.warnings));
  if (record.config.image.empty() && record.config.cmd.list().empty() &&
      record.config.entrypoint.list().empty())
    return Error::invalid("no command specified");
  if (record.config.image.empty()) return Error::invalid("invalid reference format");
  // The lease keeps the image's layers until our row names the image.
  const image::Resolved image =
      TRY(core.images->resolve(record.config.image, TRY(wanted_platform(platform))));
  TRY(merge_image(core, record, image, response.warnings));

  Undo undo;
  record.name = TRY(core.containers->reserve_name(name, record.id));
  undo.add([&, taken = record.name]() noexcept { core.containers->release_name(taken); });
  TRY(core.directories->create(record.id));
  undo.add([&, id = record.id]() noexcept { static_cast<void>(core.directories->discard(id)); });
  TRY(core.snapshots->create_container(record.id, image.diff_ids));
  undo.add([&, id = record.id]() noexcept {
    static_cast<void>(core.snapshots->remove_container(id));
  });

  TRY(make_volumes(core, record, undo));
  TRY(fill_volumes(core, record));

  auto container = std::make_shared<Container>();
  container->details.lock()->record = record;
  TRY(core.containers->insert(container));
  undo.commit();
  core.volumes->settle(record.id);
  publish_event(core, record, "create");
  response.id = record.id.str();
  return response;
}

}  // namespace wherry::engine
