#include "engine/dns.h"

#include <fcntl.h>

#include <algorithm>

#include "base/log.h"
#include "base/strings.h"
#include "engine/name_files.h"
#include "network/files.h"
#include "network/name_redirect.h"
#include "resolver/resolver.h"

namespace wherry::engine {
namespace {

std::vector<resolver::Link> links_of(const std::vector<NetworkMember>& members) {
  std::vector<resolver::Link> links;
  for (const NetworkMember& member : members) {
    for (const std::string& text : member.links) {
      // Without an alias it is a name that the network has anyway.
      const auto parts = cut(text, ':');
      if (parts) links.push_back({std::string(parts->after), std::string(parts->before)});
    }
  }
  return links;
}

resolver::Container describe(const Core& core, const ContainerRecord& record,
                             const std::vector<NetworkMember>& members) {
  const network::DnsOverrides overrides = dns_overrides(core.options, record.host_config);
  resolver::Container container{.id = record.id.str(), .links = links_of(members)};
  container.upstreams = network::upstream_servers(network::host_resolv_conf(), overrides);
  const bool leaves = std::ranges::any_of(members, [](const auto& one) { return !one.internal; });
  container.forward = leaves ? resolver::Forward::Yes : resolver::Forward::No;
  const bool ndots = std::ranges::any_of(
      overrides.options, [](const std::string& option) { return option.starts_with("ndots:"); });
  container.ndots = ndots ? resolver::Ndots::Given : resolver::Ndots::Ours;
  for (const NetworkMember& member : members)
    if (member.user_defined)
      container.attachments.push_back({.network_id = member.network.str(),
                                       .network_name = member.network_name,
                                       .ipv4 = member.ip,
                                       .ipv6 = member.ip6,
                                       .names = member.names});
  return container;
}

Result<> redirect(const sys::Fd& netns, const resolver::SocketPorts& ports) {
  return network::redirect_names(netns, {.udp = ports.udp, .tcp = ports.tcp});
}

// Null unless it runs: the process of an earlier run has ended, and its end would end the next's.
std::shared_ptr<const sys::Pidfd> running_process(Container& container) {
  const auto details = container.details.lock();
  return details->state.has_process() ? details->pidfd : nullptr;
}

// A running container that joins its first user network or leaves its last one: its file is
// mounted, so it is written in place; a file that the container has changed is left alone.
Result<> change_resolv_conf(Core& core, const ContainerRecord& record, NameService service) {
  const NameService before =
      service == NameService::Resolver ? NameService::Host : NameService::Resolver;
  const std::string path = core.directory_of(record.id) + "/resolv.conf";
  if (TRY(sys::read_file(path.c_str())) != resolv_conf_text(core, record, before)) return {};
  const sys::Fd file = TRY(sys::open_at({}, path.c_str(), O_WRONLY | O_TRUNC | O_NOFOLLOW));
  return sys::write_all(file, resolv_conf_text(core, record, service));
}

class DnsListener final : public NetworkListener {
 public:
  explicit DnsListener(Core& core) : core_(core) {}

  void joined(const NetworkMember& member, const sys::Fd& netns) override {
    refresh(member.container, &netns);
  }
  void left(const NetworkMember& member) override { refresh(member.container, nullptr); }
  void renamed(const NetworkMember& member) override { refresh(member.container, nullptr); }

 private:
  // The whole of a container's names, again: the resolver replaces what it has.
  void refresh(const ContainerId& id, const sys::Fd* netns) {
    const std::vector<NetworkMember> members = core_.members.of(id);
    const bool on_user_network =
        std::ranges::any_of(members, [](const auto& one) { return one.user_defined; });
    const ContainerPtr container = core_.containers->find_id(id);
    const bool known = core_.resolver->find(id.str()).has_value();
    if (!container || (!on_user_network && !known)) return core_.resolver->remove(id.str());
    const auto process = running_process(*container);
    if (process && known != on_user_network)
      report(id, change_resolv_conf(core_, container->record(),
                                    known ? NameService::Host : NameService::Resolver));
    if (!on_user_network) return core_.resolver->remove(id.str());
    auto described = describe(core_, container->record(), members);
    if (!known && netns == nullptr) return;
    report(id, known ? core_.resolver->update(std::move(described))
                     : core_.resolver->add(std::move(described), *netns));
    if (process && !known) core_.resolver->started(id.str(), process->fd());
  }

  // A container without names still runs and has its addresses.
  static void report(const ContainerId& id, const Result<>& done) {
    if (!done) log::error("container {}: {}", id.short_form(), done.error().message());
  }

  Core& core_;
};

}  // namespace

Result<> open_dns(Core& core) {
  core.resolver = TRY(resolver::Resolver::open({.run_directory = core.options.exec_root + "/resolver",
                                                .program = core.options.unpack_program,
                                                .redirect = redirect}));
  core.members.set_listener(std::make_unique<DnsListener>(core));
  return {};
}

void settle_dns(Core& core) {
  for (const ContainerPtr& container : core.containers->all())
    if (const auto pidfd = running_process(*container))
      core.resolver->started(container->id().str(), pidfd->fd());
  // Without it containers run and have addresses: no reason to keep the engine down.
  if (auto settled = core.resolver->settle(); !settled)
    log::error("embedded DNS: {}", settled.error().message());
}

bool has_resolver(Core& core, const ContainerId& id) {
  return std::ranges::any_of(core.members.of(id),
                             [](const NetworkMember& one) { return one.user_defined; });
}

}  // namespace wherry::engine
