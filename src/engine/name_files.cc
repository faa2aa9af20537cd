#include "engine/name_files.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"
#include "engine/dns.h"
#include "engine/validate.h"
#include "sys/fd.h"

namespace wherry::engine {
namespace {

using spec::docker::HostConfig;
using spec::docker::items;

constexpr const char* kHostHosts = "/etc/hosts";
// What stands in for host-gateway when a request is only checked.
constexpr std::string_view kAnyGateway = "0.0.0.0";

std::vector<std::string> chosen(const spec::docker::Strings& own,
                                const std::vector<std::string>& of_engine) {
  return own && !own->empty() ? *own : of_engine;
}

// host-gateway is the default bridge's address on every network, as in docker: the host
// answers there wherever the container is.
std::string host_gateway(Core& core) {
  for (const auto& network : core.networks->descriptions())
    if (network.name == "bridge") return network.gateway;
  return {};
}

Result<std::string> hosts_text(Core& core, const ContainerRecord& record, const NameFiles& files) {
  const auto extra = items(record.host_config.extra_hosts);
  // docker: the host's own file, unless there is something to add.
  if (record.host_config.network_mode == "host" && extra.empty())
    if (auto text = sys::read_file(kHostHosts)) return std::move(*text);
  network::HostsRequest request{.hostname = files.hostname, .domainname = record.config.domainname};
  for (const auto& endpoint : core.networks->endpoints(record.id)) {
    if (!endpoint.ip.empty()) request.ips.push_back(endpoint.ip);
    if (!endpoint.ip6.empty()) request.ips.push_back(endpoint.ip6);
  }
  for (const std::string& text : extra)
    request.extra.push_back(TRY(network::parse_add_host(text, host_gateway(core))));
  request.extra.insert(request.extra.end(), files.linked.begin(), files.linked.end());
  return network::hosts(request);
}

std::string own_line(const ContainerRecord& record, const std::string& ip) {
  return network::own_hosts_line(
      {.hostname = record.config.hostname, .domainname = record.config.domainname}, ip);
}

Result<> check_line(const spec::docker::Strings& list, std::string_view what) {
  for (const std::string& text : items(list))
    if (text.empty() || std::ranges::any_of(text, [](unsigned char c) { return c <= ' ' || c == 127; }))
      return Error::invalid(fmt::format("invalid {}: {}", what, quote(text)));
  return {};
}

}  // namespace

Result<> check_names(const HostConfig& host) {
  if (joined_container(host.network_mode)) {
    if (!items(host.dns).empty())
      return Error::invalid("conflicting options: dns and the network mode");
    if (!items(host.extra_hosts).empty())
      return Error::invalid("conflicting options: custom host-to-IP mapping and the network mode");
  }
  for (const std::string& server : items(host.dns))
    if (!network::is_ip_address(server))
      return Error::invalid(fmt::format("invalid IP address in Dns: {}", quote(server)));
  TRY(check_line(host.dns_search, "DnsSearch"));
  TRY(check_line(host.dns_options, "DnsOptions"));
  TRY(check_line(host.extra_hosts, "ExtraHosts"));
  for (const std::string& text : items(host.extra_hosts))
    TRY(network::parse_add_host(text, kAnyGateway));
  return {};
}

network::DnsOverrides dns_overrides(const Options& options, const HostConfig& host) {
  return {.servers = chosen(host.dns, options.dns),
          .search = chosen(host.dns_search, options.dns_search),
          .options = chosen(host.dns_options, options.dns_options)};
}

std::string resolv_conf_text(const Core& core, const ContainerRecord& record, NameService service) {
  const network::DnsOverrides overrides = dns_overrides(core.options, record.host_config);
  const std::string host = network::host_resolv_conf();
  if (record.host_config.network_mode == "host")
    return network::host_network_resolv_conf(host, overrides);
  return service == NameService::Resolver ? network::resolver_resolv_conf(host, overrides)
                                          : network::resolv_conf(host, overrides);
}

Result<> write_name_files(Core& core, const ContainerRecord& record, const NameFiles& files) {
  TRY(sys::make_directories(files.directory, 0710));
  const sys::Fd directory = TRY(sys::open_at({}, files.directory.c_str(), O_PATH | O_DIRECTORY));
  const auto put = [&](const char* name, const std::string& text) {
    return sys::replace_file_at(directory, name, text, 0644, sys::Durable::No);
  };
  TRY(put("hostname", network::hostname_file(files.hostname)));
  TRY(put("hosts", TRY(hosts_text(core, record, files))));
  return put("resolv.conf", resolv_conf_text(core, record, has_resolver(core, record.id)
                                                               ? NameService::Resolver
                                                               : NameService::Host));
}

Result<> add_own_address(Core& core, const ContainerRecord& record, const std::string& ip) {
  const std::string path = core.directory_of(record.id) + "/hosts";
  const sys::Fd file = TRY(sys::open_at({}, path.c_str(), O_WRONLY | O_APPEND | O_NOFOLLOW));
  return sys::write_all(file, own_line(record, ip));
}

Result<> remove_own_address(Core& core, const ContainerRecord& record, const std::string& ip) {
  const std::string path = core.directory_of(record.id) + "/hosts";
  std::string text = TRY(sys::read_file(path.c_str()));
  const std::string line = own_line(record, ip);
  const std::size_t at = text.find(line);
  if (at == std::string::npos || (at > 0 && text[at - 1] != '\n')) return {};
  text.erase(at, line.size());
  // In place: the file is mounted.
  const sys::Fd file = TRY(sys::open_at({}, path.c_str(), O_WRONLY | O_TRUNC | O_NOFOLLOW));
  return sys::write_all(file, text);
}

}  // namespace wherry::engine
