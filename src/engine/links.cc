#include "engine/links.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/log.h"
#include "base/strings.h"
#include "engine/endpoints.h"
#include "engine/validate.h"

namespace wherry::engine {
namespace {

using spec::docker::items;

constexpr std::size_t kMaximumLinks = 256;
constexpr const char* kBridge = "bridge";

struct Named {
  std::string target;
  std::string alias;
};

std::string last_part(std::string_view path) {
  return std::string(path.substr(path.rfind('/') + 1));  // npos + 1 == 0
}

Result<Named> parse_link(const std::string& text) {
  if (text.empty()) return Error::invalid("empty string specified for links");
  const auto parts = split(text, ':');
  if (parts.size() > 2) return Error::invalid("bad format for links: " + text);
  if (parts.size() == 1) return Named{text, text};
  if (parts[0].starts_with('/')) return Named{last_part(parts[0]), last_part(parts[1])};
  return Named{std::string(parts[0]), std::string(parts[1])};
}

struct Stored {
  ContainerId target;
  std::string alias;
};
std::vector<Stored> stored_links(const ContainerRecord& record) {
  std::vector<Stored> links;
  for (const std::string& text : items(record.host_config.links))
    if (const auto parts = cut(text, ':'))
      links.push_back({ContainerId(std::string(parts->before)), std::string(parts->after)});
  return links;
}

bool links_to(const ContainerRecord& record, const ContainerId& target) {
  return std::ranges::any_of(stored_links(record),
                             [&](const Stored& link) { return link.target == target; });
}

Result<LiveLink> live_link(const ContainerRecord& record, const Stored& link, Container& target) {
  const auto details = target.details.lock();
  const std::string& name = details->record.name;
  if (!details->state.has_process())
    return Error::conflict(fmt::format("Cannot link to a non running container: /{} AS /{}/{}",
                                       name, record.name, link.alias));
  const auto bridge = details->state.endpoints.find(kBridge);
  if (bridge == details->state.endpoints.end() || !bridge->second)
    return Error::conflict(
        fmt::format("Cannot link to /{}, as it does not belong to the default network", name));
  return LiveLink{details->record, link.alias, bridge->second->ip_address};
}

struct Port {
  std::uint64_t number = 0;
  std::string protocol;
  auto operator<=>(const Port&) const = default;
};

// By number, and tcp before udp.
std::vector<Port> ports_of(const ContainerRecord& record) {
  std::set<Port> ports;
  for (const auto& [text, nothing] : record.config.exposed_ports.value_or(std::map<std::string, spec::docker::Nothing>{})) {
    const auto parts = cut(text, '/');
    const auto number = parse_u64(parts ? parts->before : std::string_view(text));
    if (number)
      ports.insert({.number = *number, .protocol = parts ? std::string(parts->after) : "tcp"});
  }
  return {ports.begin(), ports.end()};
}

std::string variable(std::string_view alias, const Port& port) {
  return fmt::format("{}_PORT_{}_{}", alias, port.number, to_upper(port.protocol));
}

// docker says runs of three ports and more as a range, too.
void add_ranges(std::vector<std::string>& environment, std::string_view alias,
                const std::string& ip, const std::vector<Port>& ports) {
  for (std::size_t first = 0; first < ports.size();) {
    std::size_t last = first;
    while (last + 1 < ports.size() && ports[last + 1].number == ports[last].number + 1 &&
           ports[last + 1].protocol == ports[first].protocol)
      ++last;
    const Port& from = ports[first];
    const Port& to = ports[last];
    const std::string name = variable(alias, from);
    if (last > first + 1) {
      const std::string url = from.protocol + "://" + ip;
      environment.push_back(fmt::format("{}_START={}:{}", name, url, from.number));
      environment.push_back(fmt::format("{}_PORT_START={}", name, from.number));
      environment.push_back(fmt::format("{}_END={}:{}", name, url, to.number));
      environment.push_back(fmt::format("{}_PORT_END={}", name, to.number));
    }
    first = last + 1;
  }
}

void add_link(std::vector<std::string>& environment, const std::string& name,
              const LiveLink& link) {
  std::string alias = to_upper(link.alias);
  std::ranges::replace(alias, '-', '_');
  const std::vector<Port> ports = ports_of(link.target);
  if (!ports.empty())
    environment.push_back(fmt::format("{}_PORT={}://{}:{}", alias, ports.front().protocol, link.ip,
                                      ports.front().number));
  add_ranges(environment, alias, link.ip, ports);
  for (const Port& port : ports) {
    const std::string key = variable(alias, port);
    environment.push_back(fmt::format("{}={}://{}:{}", key, port.protocol, link.ip, port.number));
    environment.push_back(fmt::format("{}_ADDR={}", key, link.ip));
    environment.push_back(fmt::format("{}_PORT={}", key, port.number));
    environment.push_back(fmt::format("{}_PROTO={}", key, port.protocol));
  }
  environment.push_back(fmt::format("{}_NAME=/{}/{}", alias, name, link.alias));
  for (const std::string& entry : items(link.target.config.env)) {
    const auto parts = cut(entry, '=');
    if (parts && parts->before != "HOME" && parts->before != "PATH")
      environment.push_back(fmt::format("{}_ENV_{}", alias, entry));
  }
}

std::string hosts_line(const network::HostsEntry& entry) {
  return entry.ip + "\t" + entry.name + "\n";
}

// The linked names' line of the hosts file becomes `line`, in place: it is mounted.
Result<> change_hosts(Core& core, const ContainerRecord& record, const LiveLink& link,
                      const std::string& line) {
  const std::string path = core.directory_of(record.id) + "/hosts";
  std::string text = TRY(sys::read_file(path.c_str()));
  // The third name, the target's own, may have changed.
  const std::size_t names =
      text.find("\t" + link.alias + " " + link.target.config.hostname);
  if (names == std::string::npos) return {};
  const std::size_t newline = text.rfind('\n', names);
  const std::size_t begin = newline == std::string::npos ? 0 : newline + 1;
  const std::size_t end = text.find('\n', names);
  text.replace(begin, end == std::string::npos ? end : end + 1 - begin, line);
  const sys::Fd file = TRY(sys::open_at({}, path.c_str(), O_WRONLY | O_TRUNC | O_NOFOLLOW));
  return sys::write_all(file, text);
}

}  // namespace

Result<> settle_links(Core& core, ContainerRecord& record) {
  auto& host = record.host_config;
  if (items(host.links).empty()) return {};
  const std::string& mode = host.network_mode;
  if (mode == "host" || joined_container(mode))
    return Error::invalid(fmt::format(
        "conflicting options: {} type networking can't be used with links. This would result in "
        "undefined behavior",
        mode == "host" ? "host" : "container"));
  std::vector<std::string> stored;
  for (const std::string& text : items(host.links)) {
    const Named link = TRY(parse_link(text));
    const auto target = core.containers->find(link.target);
    if (!target)
      return Error::invalid(fmt::format("could not get container for {}: {}", link.target,
                                        target.error().message()));
    if ((*target)->record().host_config.network_mode == "host")
      return Error::invalid(
          "conflicting options: host type networking can't be used with links. This would result "
          "in undefined behavior");
    stored.push_back((*target)->id().str() + ":" + link.alias);
  }
  if (stored.size() > kMaximumLinks)
    return Error::invalid(fmt::format("more than {} links", kMaximumLinks));
  // On a user network the endpoint's links count.
  host.links = is_user_defined(mode) ? spec::docker::Strings{} : spec::docker::Strings(stored);
  return {};
}

spec::docker::Strings shown_links(Core& core, const ContainerRecord& record) {
  std::vector<std::string> shown;
  for (const Stored& link : stored_links(record))
    if (const ContainerPtr target = core.containers->find_id(link.target))
      shown.push_back(
          fmt::format("/{}:/{}/{}", target->record().name, record.name, link.alias));
  if (shown.empty()) return {};
  return spec::docker::Strings(std::move(shown));
}

Result<std::vector<LiveLink>> live_links(Core& core, const ContainerRecord& record) {
  std::vector<LiveLink> links;
  for (const Stored& link : stored_links(record))
    if (const ContainerPtr target = core.containers->find_id(link.target))
      links.push_back(TRY(live_link(record, link, *target)));
  return links;
}

std::vector<network::HostsEntry> link_hosts(const std::vector<LiveLink>& links) {
  std::vector<network::HostsEntry> entries;
  for (const LiveLink& link : links) {
    std::string names = link.alias + " " + link.target.config.hostname;
    if (link.alias != link.target.name) names += " " + link.target.name;
    entries.push_back({link.ip, names});
  }
  return entries;
}

std::vector<std::string> link_environment(const std::string& name,
                                          const std::vector<LiveLink>& links) {
  std::vector<std::string> environment;
  for (const LiveLink& link : links) add_link(environment, name, link);
  return environment;
}

// Takes the link out of the record; what it was.
static Result<Stored> forget_link(Core& core, Container& owner, std::string_view alias) {
  Stored found;
  {
    const auto details = owner.details.lock();
    std::vector<std::string> kept = items(details->record.host_config.links);
    const std::string ending = fmt::format(":{}", alias);
    const auto at = std::ranges::find_if(kept, [&](const std::string& text) { return text.ends_with(ending); });
    if (at == kept.end())
      return Error::not_found(fmt::format("No such container: {}/{}", details->record.name, alias));
    found = {ContainerId(at->substr(0, at->find(':'))), std::string(alias)};
    kept.erase(at);
    details->record.host_config.links = kept.empty() ? spec::docker::Strings{} : spec::docker::Strings(kept);
  }
  TRY(core.containers->save_record(owner));
  return found;
}

Result<> remove_link(Core& core, const std::string& name) {
  const auto parts = cut(name, '/');
  if (!parts) {
    TRY(core.containers->find(name));
    return Error::conflict("Conflict, cannot remove the default link name of the container");
  }
  const auto owner = core.containers->find(parts->before);
  if (!owner) return Error::not_found(fmt::format("No such container: {}", name));
  const std::lock_guard operation((*owner)->operation);
  const Stored removed = TRY(forget_link(core, **owner, parts->after));
  if (!(*owner)->state().has_process()) return {};
  const ContainerRecord record = (*owner)->record();
  std::vector<ContainerId> targets;
  for (const Stored& link : stored_links(record)) targets.push_back(link.target);
  TRY(core.networks->link(record.id, targets));
  const ContainerPtr target = core.containers->find_id(removed.target);
  if (!target) return {};
  return change_hosts(core, record, {target->record(), removed.alias, ""}, "");
}

void open_links(Core& core, const ContainerRecord& record) {
  std::vector<ContainerId> targets;
  for (const Stored& link : stored_links(record)) targets.push_back(link.target);
  if (targets.empty()) return;
  if (auto opened = core.networks->link(record.id, targets); !opened)
    log::warning("container {}: links: {}", record.id.short_form(), opened.error().message());
}

void tell_linked(Core& core, const ContainerRecord& target) {
  if (!core.containers->were_linked()) return;
  for (const ContainerPtr& container : core.containers->all()) {
    // Few containers have links: only their records are copied.
    const auto linked = [&]() -> std::optional<ContainerRecord> {
      const auto details = container->details.lock();
      if (!links_to(details->record, target.id) || !details->state.has_process()) return std::nullopt;
      return details->record;
    }();
    if (!linked) continue;
    const ContainerRecord& record = *linked;
    open_links(core, record);
    const auto links = live_links(core, record);
    if (!links) continue;
    for (const LiveLink& link : *links)
      if (link.target.id == target.id)
        if (auto changed = change_hosts(core, record, link, hosts_line(link_hosts({link}).front())); !changed)
          log::warning("container {}: hosts file: {}", record.id.short_form(),
                       changed.error().message());
  }
}

}  // namespace wherry::engine
