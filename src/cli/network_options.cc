#include "cli/network_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>

#include "base/strings.h"

namespace wherry::cli {

namespace bj = boost::json;

namespace {

constexpr std::array<std::string_view, 4> kBuiltIn = {"bridge", "host", "none", "default"};

struct Attachment {
  std::string name;
  std::vector<std::string> aliases;
  std::vector<std::string> links;
  std::vector<std::string> link_local;
  std::map<std::string, std::string> driver_options;
  std::string ip;
  std::string ip6;
  std::string mac;
  std::int64_t gateway_priority = 0;
  bool long_form = false;
};

bool is_user_defined(std::string_view name) {
  return std::ranges::find(kBuiltIn, name) == kBuiltIn.end() && !name.starts_with("container:");
}

Result<> take_driver_option(Attachment& attachment, std::string_view value) {
  const auto pair = cut(value, '=');
  if (!pair || trim(pair->before).empty())
    return Error::invalid("invalid key value pair format in driver options");
  attachment.driver_options[std::string(trim(to_lower(pair->before)))] = trim(pair->after);
  return {};
}

Result<> take_field(Attachment& attachment, std::string_view key, std::string_view value) {
  if (key == "name") {
    attachment.name = value;
  } else if (key == "alias") {
    attachment.aliases.emplace_back(value);
  } else if (key == "ip") {
    attachment.ip = value;
  } else if (key == "ip6") {
    attachment.ip6 = value;
  } else if (key == "mac-address") {
    attachment.mac = value;
  } else if (key == "gw-priority") {
    const auto number = parse_i64(value);
    if (!number) return Error::invalid(fmt::format("invalid gw-priority: {}", value));
    attachment.gateway_priority = *number;
  } else if (key == "driver-opt") {
    return take_driver_option(attachment, value);
  } else if (key == "link-local-ip") {
    attachment.link_local.emplace_back(value);
  } else {
    return Error::invalid(fmt::format("invalid field key {}", key));
  }
  return {};
}

// "bridge", or docker's long form "name=mine,alias=x".
Result<Attachment> attachment_from(const std::string& text) {
  Attachment attachment;
  attachment.name = text;
  if (text.find('=') == std::string::npos) return attachment;
  attachment.name.clear();
  attachment.long_form = true;
  for (const std::string_view field : split(text, ',')) {
    const auto pair = cut(field, '=');
    if (!pair) return Error::invalid(fmt::format("invalid field {}", field));
    TRY(take_field(attachment, trim(to_lower(pair->before)), trim(pair->after)));
  }
  return attachment;
}

Result<std::vector<Attachment>> attachments_of(const Flags& flags) {
  std::vector<Attachment> attachments;
  for (const std::string& network : flags.list("network")) {
    Attachment next = TRY(attachment_from(network));
    const auto same = std::ranges::find(attachments, next.name, &Attachment::name);
    if (same != attachments.end())
      return Error::invalid(fmt::format("network {} is specified multiple times",
                                        quote(next.name)));
    attachments.push_back(std::move(next));
  }
  if (attachments.empty()) attachments.push_back({.name = "default"});
  return attachments;
}

// The flags speak of the first network.
Result<> add_flags(const Flags& flags, Attachment& first) {
  const auto conflict = [](std::string_view what) {
    return Error::invalid(
        fmt::format("conflicting options: cannot specify both --{} and per-network {}", what,
                    what == "network-alias" ? "alias" : what == "ip" ? "IPv4 address"
                    : what == "ip6" ? "IPv6 address"
                    : what == "link-local-ip" ? "link-local IP addresses" : what));
  };
  const auto aliases = flags.list("network-alias");
  const std::string ip = flags.text("ip");
  const std::string mac = flags.text("mac-address");
  if (!aliases.empty() && !first.aliases.empty()) return conflict("network-alias");
  if (!ip.empty() && !first.ip.empty()) return conflict("ip");
  const std::string ip6 = flags.text("ip6");
  if (!ip6.empty() && !first.ip6.empty()) return conflict("ip6");
  if (!mac.empty() && !first.mac.empty()) return conflict("mac-address");
  const auto link_local = flags.list("link-local-ip");
  if (!link_local.empty() && !first.link_local.empty()) return conflict("link-local-ip");
  if (!link_local.empty()) first.link_local = link_local;
  first.aliases.insert(first.aliases.end(), aliases.begin(), aliases.end());
  // The default bridge's are in HostConfig.
  if (is_user_defined(first.name)) first.links = flags.list("link");
  if (!ip.empty()) first.ip = ip;
  if (!ip6.empty()) first.ip6 = ip6;
  if (!mac.empty()) first.mac = mac;
  return {};
}

bj::object endpoint_of(const Attachment& attachment) {
  bj::object endpoint = endpoint_settings();
  bj::object addresses;
  if (!attachment.ip.empty()) addresses["IPv4Address"] = attachment.ip;
  if (!attachment.ip6.empty()) addresses["IPv6Address"] = attachment.ip6;
  if (!attachment.link_local.empty())
    addresses["LinkLocalIPs"] = bj::array(attachment.link_local.begin(), attachment.link_local.end());
  if (!addresses.empty()) endpoint["IPAMConfig"] = std::move(addresses);
  if (!attachment.aliases.empty())
    endpoint["Aliases"] = bj::array(attachment.aliases.begin(), attachment.aliases.end());
  if (!attachment.links.empty())
    endpoint["Links"] = bj::array(attachment.links.begin(), attachment.links.end());
  if (!attachment.driver_options.empty()) {
    bj::object options;
    for (const auto& [key, value] : attachment.driver_options) options[key] = value;
    endpoint["DriverOpts"] = std::move(options);
  }
  endpoint["MacAddress"] = attachment.mac;
  endpoint["GwPriority"] = attachment.gateway_priority;
  return endpoint;
}

struct Range {
  std::uint16_t first = 0;
  std::uint16_t last = 0;
};

std::optional<Range> range_from(std::string_view text) {
  const auto parts = cut(text, '-');
  const auto first = parse_u64(parts ? parts->before : text);
  const auto last = parts ? parse_u64(parts->after) : first;
  if (!first || !last || *first > *last || *last > 65535) return std::nullopt;
  return Range{static_cast<std::uint16_t>(*first), static_cast<std::uint16_t>(*last)};
}

struct Mapping {
  std::string ip;
  std::string host;
  std::string container;
  std::string protocol = "tcp";
};

bool is_protocol(std::string_view name) {
  return name == "tcp" || name == "udp" || name == "sctp";
}

// From the right: container port, host port, and what is left is the address.
Mapping short_form(std::string_view text) {
  Mapping mapping;
  if (const auto slash = text.rfind('/'); slash != text.npos) {
    mapping.protocol = to_lower(text.substr(slash + 1));
    text = text.substr(0, slash);
  }
  const auto colon = text.rfind(':');
  if (colon == text.npos) {
    mapping.container = text;
    return mapping;
  }
  mapping.container = text.substr(colon + 1);
  text = text.substr(0, colon);
  const auto second = text.rfind(':');
  mapping.host = second == text.npos ? text : text.substr(second + 1);
  if (second != text.npos) mapping.ip = text.substr(0, second);
  if (mapping.ip.starts_with('[') && mapping.ip.ends_with(']'))
    mapping.ip = mapping.ip.substr(1, mapping.ip.size() - 2);
  return mapping;
}

Result<Mapping> long_form(std::string_view text) {
  Mapping mapping;
  for (const std::string_view field : split(text, ',')) {
    const auto pair = cut(field, '=');
    if (!pair) return Error::invalid(fmt::format("invalid field: {}", field));
    if (pair->before == "target") mapping.container = pair->after;
    else if (pair->before == "published") mapping.host = pair->after;
    else if (pair->before == "protocol") mapping.protocol = to_lower(pair->after);
    else if (pair->before != "mode")
      return Error::invalid(fmt::format("invalid field key: {}", pair->before));
  }
  return mapping;
}

Result<> add_mapping(std::string_view text, const Mapping& mapping, PortOptions& ports) {
  const auto invalid = [&](std::string_view what, std::string_view value) {
    return Error::invalid(fmt::format("invalid {}: {}", what, value));
  };
  if (mapping.container.empty())
    return Error::invalid(fmt::format("no port specified: {}<empty>", text));
  const auto inner = range_from(mapping.container);
  if (!inner || inner->first == 0) return invalid("containerPort", mapping.container);
  const auto outer = mapping.host.empty() ? Range{} : range_from(mapping.host);
  if (!outer) return invalid("hostPort", mapping.host);
  if (!is_protocol(mapping.protocol)) return invalid("proto", mapping.protocol);
  const bool one = inner->first == inner->last;
  const bool several_outside = outer->first != outer->last;
  if (!mapping.host.empty() && !one && outer->last - outer->first != inner->last - inner->first)
    return Error::invalid(fmt::format("invalid ranges specified for container and host Ports: {} and {}",
                                      mapping.container, mapping.host));
  for (std::uint32_t port = inner->first; port <= inner->last; ++port) {
    const std::string key = fmt::format("{}/{}", port, mapping.protocol);
    std::string host;
    // One port of the container's takes any of a range on the host.
    if (!mapping.host.empty() && one && several_outside) host = mapping.host;
    else if (!mapping.host.empty() && outer->first != 0)
      host = fmt::format("{}", outer->first + (port - inner->first));
    ports.exposed[key] = bj::object();
    bj::value& bindings = ports.bindings[key];
    if (!bindings.is_array()) bindings = bj::array();
    bindings.as_array().push_back({{"HostIp", mapping.ip}, {"HostPort", host}});
  }
  return {};
}

Result<> add_exposed(const std::string& text, PortOptions& ports) {
  if (text.contains(':'))
    return Error::invalid(fmt::format("invalid port format for --expose: {}", text));
  const auto parts = cut(text, '/');
  const std::string protocol = parts ? to_lower(parts->after) : "tcp";
  const auto range = range_from(parts ? parts->before : std::string_view(text));
  if (!range || range->first == 0 || !is_protocol(protocol))
    return Error::invalid(fmt::format("invalid range format for --expose: {}, error: invalid port",
                                      text));
  for (std::uint32_t port = range->first; port <= range->last; ++port)
    ports.exposed[fmt::format("{}/{}", port, protocol)] = bj::object();
  return {};
}

}  // namespace

bj::object endpoint_settings() {
  return {{"IPAMConfig", nullptr},   {"Links", nullptr},         {"Aliases", nullptr},
          {"MacAddress", ""},        {"DriverOpts", nullptr},    {"GwPriority", 0},
          {"NetworkID", ""},         {"EndpointID", ""},         {"Gateway", ""},
          {"IPAddress", ""},         {"IPPrefixLen", 0},         {"IPv6Gateway", ""},
          {"GlobalIPv6Address", ""}, {"GlobalIPv6PrefixLen", 0}, {"DNSNames", nullptr}};
}

Result<NetworkOptions> network_options(const Flags& flags) {
  std::vector<Attachment> attachments = TRY(attachments_of(flags));
  TRY(add_flags(flags, attachments.front()));
  NetworkOptions options;
  options.mode = attachments.front().name;
  for (const Attachment& attachment : attachments) {
    const bool wishes = !attachment.aliases.empty() || !attachment.ip.empty() || !attachment.ip6.empty() ||
                        !attachment.mac.empty() || attachment.gateway_priority != 0 ||
                        !attachment.link_local.empty();
    // docker's client says nothing of a predefined network that nothing is asked of.
    const bool plain = attachment.name == "bridge" || attachment.name == "host" ||
                       attachment.name == "none" || attachment.name.starts_with("container:");
    if (plain && !wishes && attachments.size() == 1) continue;
    if (attachment.name.starts_with("container:") && attachments.size() == 1) continue;
    options.endpoints[attachment.name] = endpoint_of(attachment);
  }
  if (attachments.size() > 1)
    for (const Attachment& attachment : attachments)
      if (!is_user_defined(attachment.name) && attachment.name != "bridge")
        return Error::invalid(
            "conflicting options: cannot attach both user-defined and non-user-defined "
            "network-modes");
  return options;
}

Result<PortOptions> port_options(const Flags& flags) {
  PortOptions ports;
  for (const std::string& text : flags.list("publish")) {
    const Mapping mapping = text.contains('=') ? TRY(long_form(text)) : short_form(text);
    TRY(add_mapping(text, mapping, ports));
  }
  for (const std::string& text : flags.list("expose")) TRY(add_exposed(text, ports));
  return ports;
}

}  // namespace wherry::cli
