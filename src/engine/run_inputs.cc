#include "engine/run_inputs.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <thread>

#include "base/strings.h"
#include "engine/container_volumes.h"
#include "engine/endpoints.h"
#include "engine/lifecycle.h"
#include "engine/links.h"
#include "engine/name_files.h"
#include "engine/port_bindings.h"
#include "sys/id_map.h"
#include "sys/mount.h"
#include "sys/mount_info.h"
#include "sys/path.h"

namespace wherry::engine {
namespace {

using spec::docker::items;

// A namespace of a running process, by a path that stays right while the descriptor is held.
Result<std::string> open_namespace(const JoinTarget& target, const char* name,
                                   std::vector<sys::Fd>& held) {
  sys::Fd fd = TRY(sys::open_at({}, fmt::format("/proc/{}/ns/{}", target.pid, name).c_str(), O_RDONLY));
  // The pid still is the container's if its pidfd can be signalled after the open.
  TRY_AS("container has ended", target.pidfd->signal(0));
  std::string path = sys::fd_path(fd);
  held.push_back(std::move(fd));
  return path;
}

// A mount can only be copied from inside its own mount namespace (open_tree(2)): a thread goes
// there, and takes that namespace with it when it ends.
Result<sys::Fd> clone_shm_of(const JoinTarget& target) {
  Result<sys::Fd> copy;
  std::thread([&] {
    copy = [&]() -> Result<sys::Fd> {
      if (::unshare(CLONE_FS) < 0) return Error::from_errno(errno, "unshare");
      if (::setns(target.pidfd->fd().get(), CLONE_NEWNS) < 0)
        return Error::from_errno(errno, "enter the mount namespace");
      const sys::Fd root = TRY(sys::open_at({}, "/", O_PATH | O_DIRECTORY));
      const sys::Fd shm = TRY(sys::open_in_root(root, "/dev/shm", {.flags = O_PATH | O_DIRECTORY}));
      return TRY(sys::DetachedMount::clone(shm, "", sys::DetachedMount::Recursive::No)).release();
    }();
  }).join();
  return copy;
}

Result<> join_pid(Core& core, const std::string& name, RunInputs& inputs) {
  const JoinTarget target = TRY(find_join_target(core, name, "PID"));
  inputs.oci.join["pid"] = TRY(open_namespace(target, "pid", inputs.held));
  return {};
}

Result<> join_ipc(Core& core, const std::string& name, RunInputs& inputs) {
  const JoinTarget target =
      TRY_AS("joining IPC namespace of container", find_join_target(core, name, "IPC"));
  const std::string& mode = target.record.host_config.ipc_mode;
  if (mode == "private" || mode == "none")
    return Error::conflict(fmt::format(
        "can't join IPC of container {}: non-shareable IPC (hint: use IpcMode:shareable for the "
        "donor container)",
        target.record.id.str()));
  inputs.oci.join["ipc"] = TRY(open_namespace(target, "ipc", inputs.held));
  inputs.ready_mounts["/dev/shm"] = TRY(clone_shm_of(target));
  return {};
}

// host and none are networks too in inspect and in events, without addresses.
spec::docker::EndpointMap builtin_endpoint(Core& core, const std::string& name) {
  spec::docker::EndpointSettings shown;
  for (const auto& network : core.networks->descriptions())
    if (network.name == name) shown.network_id = network.id.str();
  shown.endpoint_id = random_hex(32);
  return {{name, shown}};
}

// What cannot be published names the endpoint, as docker does.
Result<> publish_ports(Core& core, const ContainerRecord& record, RunInputs& inputs) {
  const auto requests = TRY(port_requests(record));
  auto published = core.networks->publish(record.id, requests);
  if (!published) {
    const auto endpoint = core.networks->endpoint(record.id);
    return std::unexpected(
        std::move(published)
            .error()
            .within(fmt::format("failed to set up container networking: driver failed programming "
                                "external connectivity on endpoint {} ({})",
                                record.name, endpoint ? endpoint->endpoint_id : "")));
  }
  inputs.ports = port_map(record, *published);
  return {};
}

Result<> take_sandbox(Core& core, const ContainerRecord& record, RunInputs& inputs) {
  const std::string& mode = record.host_config.network_mode;
  if (mode == "host") {
    inputs.oci.own_network = false;
    inputs.endpoints = builtin_endpoint(core, mode);
    return {};
  }
  if (mode == "none") {
    network::Sandbox sandbox = TRY(core.networks->take(
        {.container = record.id, .mode = network::Mode::None, .ip = std::nullopt, .mac = std::nullopt}));
    inputs.network_namespace = std::move(sandbox.netns);
    inputs.endpoints = builtin_endpoint(core, mode);
    return {};
  }
  const std::vector<LiveLink> links = TRY(live_links(core, record));
  JoinedNetworks joined =
      TRY_AS("failed to set up container networking", join_networks(core, record));
  inputs.network_namespace = std::move(joined.netns);
  inputs.endpoints = std::move(joined.endpoints);
  inputs.oci.link_environment = link_environment(record.name, links);
  inputs.linked_hosts = link_hosts(links);
  open_links(core, record);
  return publish_ports(core, record, inputs);
}

Result<> set_up_network(Core& core, const ContainerRecord& record, RunInputs& inputs) {
  inputs.oci.directory = core.directory_of(record.id);
  inputs.oci.hostname = record.config.hostname;
  const auto joined = joined_container(record.host_config.network_mode);
  if (!joined) {
    TRY(take_sandbox(core, record, inputs));
    return write_name_files(core, record, {inputs.oci.directory, inputs.oci.hostname, inputs.linked_hosts});
  }
  // The files of the container that owns the namespace are this one's too.
  const JoinTarget target =
      TRY_AS("joining network namespace of container", find_join_target(core, *joined, "network"));
  inputs.network_namespace = TRY(network::open_netns(*target.pidfd));
  inputs.oci.directory = core.directory_of(target.record.id);
  inputs.oci.hostname = target.record.config.hostname;
  return {};
}

// docker makes a missing host directory for -v, never for --mount.
Result<> make_bind_sources(const ContainerRecord& record) {
  for (const ContainerMount& mount : record.mounts) {
    struct stat status {};
    if (!mount.create_source || ::stat(mount.point.source.c_str(), &status) == 0) continue;
    TRY_AS(fmt::format("error while creating mount source path '{}'", mount.point.source),
           sys::make_directories(mount.point.source, 0755));
  }
  return {};
}

// Where the source's own mount is not shared, what the word promises cannot be: docker's check.
Result<> check_propagation(const ContainerRecord& record) {
  for (const ContainerMount& mount : record.mounts) {
    const bool shared = mount.point.propagation.ends_with("shared");
    const bool slave = mount.point.propagation.ends_with("slave");
    if (mount.point.type != "bind" || (!shared && !slave)) continue;
    const auto source = sys::mount_of(mount.point.source);
    if (!source && source.error().errno_value() == ENOENT)
      return Error::invalid(fmt::format("bind source path does not exist: {}", mount.point.source));
    if (!source) return std::unexpected(source.error());
    if (source->shared || (slave && source->slave)) continue;
    return Error::internal(fmt::format("path {} is mounted on {} but it is not a {} mount",
                                       mount.point.source, source->mount_point,
                                       shared ? "shared" : "shared or slave"));
  }
  return {};
}

// The ids on the disk and those that the container sees: those that were asked for, or the source's
// owner for the container's user, and the other way round.
Result<sys::IdMaps> id_maps_of(const ContainerMount& mount, const sys::Fd& source, const runtime::ResolvedUser& user) {
  if (mount.id_map != "owner") return sys::parse_id_maps(mount.id_map);
  struct stat owner {};
  if (::fstat(source.get(), &owner) < 0) return Error::from_errno(errno, "stat " + mount.point.source);
  return sys::IdMaps{sys::swapped_ids(owner.st_uid, user.uid), sys::swapped_ids(owner.st_gid, user.gid)};
}

Result<sys::Fd> mount_with_other_ids(const Core& core, const ContainerMount& mount,
                                     const runtime::ResolvedUser& user) {
  using Recursive = sys::DetachedMount::Recursive;
  const Recursive recursive = mount.options.front() == "rbind" ? Recursive::Yes : Recursive::No;
  auto clone = sys::DetachedMount::clone({}, mount.point.source, recursive);
  if (!clone && clone.error().errno_value() == ENOENT)
    return Error::invalid(fmt::format("bind source path does not exist: {}", mount.point.source));
  sys::DetachedMount detached = TRY(std::move(clone));
  const sys::IdMaps maps = TRY(id_maps_of(mount, detached.fd(), user));
  const sys::Fd user_namespace = TRY(sys::make_user_namespace(maps, core.options.keeper_program));
  TRY_AS(fmt::format("idmap of {}", mount.point.source), detached.map_ids(user_namespace, recursive));
  return detached.release();
}

Result<> mount_binds_with_other_ids(Core& core, const ContainerRecord& record, RunInputs& inputs) {
  for (const ContainerMount& mount : record.mounts)
    if (!mount.id_map.empty())
      inputs.ready_mounts[mount.point.destination] = TRY(mount_with_other_ids(core, mount, inputs.oci.user));
  return {};
}

Result<> mount_root(Core& core, const ContainerRecord& record, RunInputs& inputs) {
  using Contents = snapshot::MountOptions::Contents;
  const Contents contents = record.host_config.auto_remove ? Contents::Discarded : Contents::Kept;
  inputs.rootfs = TRY(core.snapshots->mount(record.id, {.contents = contents}));
  inputs.oci.user = TRY(runtime::resolve_user(inputs.rootfs, record.config.user,
                                              items(record.host_config.group_add)));
  const std::string& directory = record.config.working_dir;
  if (!directory.empty() && directory != "/")
    TRY_AS("Cannot mkdir", sys::make_directories_in_root(inputs.rootfs, directory, 0755));
  TRY(mount_binds_with_other_ids(core, record, inputs));
  return mount_volumes(core, record, inputs);
}

}  // namespace

Result<JoinTarget> find_join_target(Core& core, const std::string& name, std::string_view what) {
  const ContainerPtr container = TRY(core.containers->find(name));
  const auto details = container->details.lock();
  if (details->state.kind() == Status::Restarting)
    return Error::conflict(fmt::format(
        "Container {} is restarting, wait until the container is running", name));
  if (!details->state.has_process() || !details->pidfd)
    return Error::conflict(
        fmt::format("cannot join {} namespace of a non running container: container {} is {}", what,
                    details->record.name, details->state.status));
  return JoinTarget{details->record, details->pidfd, details->state.pid};
}

Result<std::string> cgroup_path_of(const Core& core, const ContainerRecord& record) {
  const std::string& asked = record.host_config.cgroup_parent;
  if (asked.empty()) return core.cgroup_parent + "/" + record.id.str();
  std::string path;
  for (const std::string_view part : split(asked, '/')) {
    if (part == "..") return Error::invalid(fmt::format("invalid cgroup-parent: {}", quote(asked)));
    if (!part.empty() && part != ".") path += fmt::format("/{}", part);
  }
  return path + "/" + record.id.str();
}

Result<RunInputs> gather_run_inputs(Core& core, const ContainerRecord& record) {
  RunInputs inputs;
  inputs.oci.cgroup_mode = core.cgroups->mode();
  inputs.oci.init_program = core.options.init_program;
  inputs.oci.host_has_apparmor = host_facts(core).has_apparmor;
  TRY(make_bind_sources(record));
  TRY(check_propagation(record));
  TRY(set_up_network(core, record, inputs));
  if (const auto name = joined_container(record.host_config.pid_mode))
    TRY(join_pid(core, *name, inputs));
  if (const auto name = joined_container(record.host_config.ipc_mode))
    TRY(join_ipc(core, *name, inputs));
  TRY(mount_root(core, record, inputs));
  return inputs;
}

}  // namespace wherry::engine
