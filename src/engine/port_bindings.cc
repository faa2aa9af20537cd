#include "engine/port_bindings.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/strings.h"
#include "engine/validate.h"
#include "network/ipv6.h"

namespace wherry::engine {
namespace {

using network::PortRequest;
using network::Protocol;
using network::PublishedPort;
using spec::docker::PortBinding;
using spec::docker::PortMap;

constexpr std::size_t kMostExposed = 65536;

struct NamedProtocol {
  std::string_view name;
  Protocol protocol;
};
constexpr std::array<NamedProtocol, 3> kProtocols = {
    {{"tcp", Protocol::Tcp}, {"udp", Protocol::Udp}, {"sctp", Protocol::Sctp}}};

std::string_view protocol_name(Protocol protocol) {
  return std::ranges::find(kProtocols, protocol, &NamedProtocol::protocol)->name;
}

struct Port {
  std::uint16_t number = 0;
  Protocol protocol = Protocol::Tcp;
};

Error bad_port(std::string_view text) {
  return Error::invalid(fmt::format("invalid port specification: {}", quote(text)));
}

// "80/tcp"; "80" is TCP.
Result<Port> port_from(std::string_view text) {
  const auto parts = cut(text, '/');
  const auto number = parse_u64(parts ? parts->before : text);
  const std::string_view name = parts ? parts->after : "tcp";
  const auto protocol = std::ranges::find(kProtocols, name, &NamedProtocol::name);
  if (!number || *number == 0 || *number > 65535 || protocol == kProtocols.end())
    return bad_port(text);
  return Port{static_cast<std::uint16_t>(*number), protocol->protocol};
}

struct Range {
  std::uint16_t first = 0;
  std::uint16_t last = 0;
};
// "", "0", "8080" or "8000-8010".
Result<Range> range_from(std::string_view text) {
  if (text.empty()) return Range{};
  const auto parts = cut(text, '-');
  const auto first = parse_u64(parts ? parts->before : text);
  const auto last = parts ? parse_u64(parts->after) : first;
  if (!first || !last || *first > *last || *last > 65535 || (parts && *first == 0))
    return bad_port(text);
  return Range{static_cast<std::uint16_t>(*first), static_cast<std::uint16_t>(*last)};
}

Result<PortRequest> request_from(const Port& port, const PortBinding& binding) {
  const Range range = TRY(range_from(binding.host_port));
  if (!binding.host_ip.empty() && !network::parse_ip(binding.host_ip))
    return Error::invalid(fmt::format("invalid IP address: {}", binding.host_ip));
  return PortRequest{.protocol = port.protocol,
                     .container_port = port.number,
                     .host_ip = binding.host_ip,
                     .first = range.first,
                     .last = range.last};
}

std::string port_text(std::uint16_t number, Protocol protocol) {
  return fmt::format("{}/{}", number, protocol_name(protocol));
}

bool has_bindings(const spec::docker::HostConfig& host) {
  return host.port_bindings &&
         std::ranges::any_of(*host.port_bindings, [](const auto& entry) {
           return entry.second && !entry.second->empty();
         });
}

}  // namespace

Result<> check_ports(const spec::docker::ContainerConfig& config,
                     const spec::docker::HostConfig& host, std::vector<std::string>& warnings) {
  if (config.exposed_ports && config.exposed_ports->size() > kMostExposed)
    return Error::invalid("too many exposed ports");
  if (config.exposed_ports)
    for (const auto& [port, nothing] : *config.exposed_ports) TRY(port_from(port));
  if (host.port_bindings)
    for (const auto& [text, bindings] : *host.port_bindings) {
      const Port port = TRY(port_from(text));
      if (!bindings) continue;
      for (const PortBinding& binding : *bindings) TRY(request_from(port, binding));
    }
  const bool joins = joined_container(host.network_mode).has_value();
  if (joins && (has_bindings(host) || host.publish_all_ports))
    return Error::invalid(
        "conflicting options: port publishing and the container type network mode");
  if (joins && config.exposed_ports && !config.exposed_ports->empty())
    return Error::invalid("conflicting options: port exposing and the container type network mode");
  if (host.network_mode == "host" && has_bindings(host))
    warnings.emplace_back("Published ports are discarded when using host network mode");
  return {};
}

Result<std::vector<PortRequest>> port_requests(const ContainerRecord& record) {
  const spec::docker::HostConfig& host = record.host_config;
  std::vector<PortRequest> requests;
  if (host.port_bindings)
    for (const auto& [text, bindings] : *host.port_bindings) {
      const Port port = TRY(port_from(text));
      if (!bindings) continue;
      for (const PortBinding& binding : *bindings)
        requests.push_back(TRY(request_from(port, binding)));
    }
  if (host.publish_all_ports && record.config.exposed_ports)
    for (const auto& [text, nothing] : *record.config.exposed_ports) {
      if (host.port_bindings && host.port_bindings->contains(text)) continue;
      const Port port = TRY(port_from(text));
      requests.push_back(TRY(request_from(port, {})));
    }
  std::ranges::stable_partition(requests, [](const PortRequest& request) {
    return request.first != 0 && request.first == request.last;
  });
  return requests;
}

PortMap port_map(const ContainerRecord& record, std::span<const PublishedPort> published) {
  PortMap ports;
  if (record.config.exposed_ports)
    for (const auto& [text, nothing] : *record.config.exposed_ports)
      ports.try_emplace(text.contains('/') ? text : text + "/tcp", std::nullopt);
  for (const PublishedPort& port : published) {
    auto& bindings = ports[port_text(port.container_port, port.protocol)];
    if (!bindings) bindings.emplace();
    bindings->push_back({port.host_ip, std::to_string(port.host_port)});
  }
  return ports;
}

std::vector<PublishedPort> published_from(const PortMap& ports) {
  std::vector<PublishedPort> published;
  for (const auto& [text, bindings] : ports) {
    const auto port = port_from(text);
    if (!port || !bindings) continue;
    for (const PortBinding& binding : *bindings)
      if (const auto range = range_from(binding.host_port); range && range->first != 0)
        published.push_back({port->protocol, port->number, binding.host_ip, range->first});
  }
  return published;
}

std::vector<spec::docker::PortSummary> port_summaries(const PortMap& ports) {
  std::vector<spec::docker::PortSummary> shown;
  for (const auto& [text, bindings] : ports) {
    const auto port = port_from(text);
    if (!port) continue;
    const std::string type(protocol_name(port->protocol));
    if (!bindings || bindings->empty()) {
      shown.push_back({.ip = "", .private_port = port->number, .public_port = 0, .type = type});
      continue;
    }
    for (const PortBinding& binding : *bindings)
      if (const auto range = range_from(binding.host_port))
        shown.push_back({.ip = binding.host_ip,
                         .private_port = port->number,
                         .public_port = range->first,
                         .type = type});
  }
  return shown;
}

}  // namespace wherry::engine
