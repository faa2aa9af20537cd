// The text of /etc/resolv.conf, /etc/hosts and /etc/hostname of a container, as docker
// writes them. Pure functions; the engine reads the host's files and writes the results.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace wherry::network {

// What --dns, --dns-search and --dns-option replace; empty lists keep the host's values.
struct DnsOverrides {
  std::vector<std::string> servers;
  std::vector<std::string> search;  // "." alone: no search list
  std::vector<std::string> options;
};

// The host's resolver configuration: /run/systemd/resolve/resolv.conf where /etc/resolv.conf
// names systemd's stub (127.0.0.53) alone, else /etc/resolv.conf; "" where there is none.
std::string host_resolv_conf();

// An IPv4 or IPv6 address, without a zone or brackets.
bool is_ip_address(const std::string& text);

// The addresses of its `nameserver` lines, in order.
std::vector<std::string> nameservers(std::string_view resolv_conf);

// For containers with a namespace of their own: nameservers of the loopback are dropped
// because they would be the container's own; with none left, Google's public ones are
// used, as docker does.
std::string resolv_conf(std::string_view host, const DnsOverrides& overrides);

// With --network host: the host's own text byte for byte, or with what was overridden; servers
// of the loopback stay, they answer here.
std::string host_network_resolv_conf(std::string_view host, const DnsOverrides& overrides);

// For containers of a user network: the embedded resolver at 127.0.0.11 is their only server,
// and what else docker writes there: ndots:0 unless the container or the host says otherwise,
// and comments that name the upstream servers ("# ExtServers: [...]"), which tools read.
std::string resolver_resolv_conf(std::string_view host, const DnsOverrides& overrides);

// Whom the embedded resolver asks: the overrides, or the host's servers, loopback included,
// for it asks from the host; Google's public ones if there are none. At most three, as docker.
std::vector<std::string> upstream_servers(std::string_view host, const DnsOverrides& overrides);

struct HostsEntry {
  std::string ip;
  std::string name;
};

struct HostsRequest {
  std::string hostname;  // as given to --hostname, with or without a domain
  std::string domainname;
  std::vector<std::string> ips;   // one of each network; none with --network none
  std::vector<HostsEntry> extra;  // --add-host, written before the container's own lines
};
std::string hosts(const HostsRequest& request);
// The container's own line for one of its addresses, with its newline.
std::string own_hosts_line(const HostsRequest& request, const std::string& ip);

// "name:ip" or "name=ip" (IPv6 in brackets or bare), as --add-host takes it: the first '=', else
// the first ':', ends the name. "host-gateway"
// becomes `gateway`.
Result<HostsEntry> parse_add_host(std::string_view text, std::string_view gateway);

// /etc/hostname: the name and a newline.
std::string hostname_file(std::string_view hostname);

}  // namespace wherry::network
