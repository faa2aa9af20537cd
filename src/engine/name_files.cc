#include "engine/name_files.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"
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
  for (const auto& [name, endpoint] : files.endpoints)
    if (endpoint && request.ip.empty()) request.ip = endpoint->ip_address;
  for (const std::string& text : extra)
    request.extra.push_back(TRY(network::parse_add_host(text, host_gateway(core))));
  return network::hosts(request);
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

Result<> write_name_files(Core& core, const ContainerRecord& record, const NameFiles& files) {
  TRY(sys::make_directories(files.directory, 0710));
  const sys::Fd directory = TRY(sys::open_at({}, files.directory.c_str(), O_PATH | O_DIRECTORY));
  const auto put = [&](const char* name, const std::string& text) {
    return sys::replace_file_at(directory, name, text, 0644, sys::Durable::No);
  };
  const network::DnsOverrides overrides = dns_overrides(core.options, record.host_config);
  const std::string host = network::host_resolv_conf();
  const bool host_network = record.host_config.network_mode == "host";
  TRY(put("hostname", network::hostname_file(files.hostname)));
  TRY(put("hosts", TRY(hosts_text(core, record, files))));
  return put("resolv.conf", host_network ? network::host_network_resolv_conf(host, overrides)
                                         : network::resolv_conf(host, overrides));
}

}  // namespace wherry::engine
