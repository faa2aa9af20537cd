#include "daemon/options.h"

#include <fmt/format.h>

#include <array>

#include "base/strings.h"

namespace wherry::daemon {
namespace {

Result<bool> to_bool(const std::string& text) {
  for (const char* word : {"1", "t", "T", "TRUE", "true", "True"})
    if (text == word) return true;
  for (const char* word : {"0", "f", "F", "FALSE", "false", "False"})
    if (text == word) return false;
  return Error::invalid(fmt::format("strconv.ParseBool: parsing {}: invalid syntax", quote(text)));
}

Result<std::int64_t> to_number(const std::string& text) {
  const auto number = parse_i64(text);
  if (!number)
    return Error::invalid(fmt::format("strconv.ParseInt: parsing {}: invalid syntax", quote(text)));
  return *number;
}

// "64m", "1g", "67108864".
Result<std::int64_t> to_bytes(const std::string& text) {
  const std::size_t digits = text.find_first_not_of("0123456789");
  const auto number = parse_i64(std::string_view(text).substr(0, digits));
  const std::string unit = digits == std::string::npos ? "" : to_lower(text.substr(digits));
  using Unit = std::pair<std::string_view, int>;
  constexpr auto kUnits = std::to_array<Unit>({{"", 0},
                                               {"b", 0},
                                               {"k", 10},
                                               {"kb", 10},
                                               {"kib", 10},
                                               {"m", 20},
                                               {"mb", 20},
                                               {"mib", 20},
                                               {"g", 30},
                                               {"gb", 30},
                                               {"gib", 30}});
  for (const auto& [name, shift] : kUnits)
    if (number && unit == name && *number < (INT64_C(1) << 32)) return *number << shift;
  return Error::invalid(fmt::format("invalid size: '{}'", text));
}

template <auto member>
Result<> set_text(Config& config, const Values& values) {
  config.*member = values.back();
  return {};
}
template <auto member>
Result<> set_engine_text(Config& config, const Values& values) {
  config.engine.*member = values.back();
  return {};
}
template <auto member>
Result<> set_engine_list(Config& config, const Values& values) {
  config.engine.*member = values;
  return {};
}
template <auto member>
Result<> set_bool(Config& config, const Values& values) {
  config.*member = TRY(to_bool(values.back()));
  return {};
}
template <auto member>
Result<> set_engine_bool(Config& config, const Values& values) {
  config.engine.*member = TRY(to_bool(values.back()));
  return {};
}

template <auto member>
Result<> set_bridge_text(Config& config, const Values& values) {
  config.engine.bridge.*member = values.back();
  return {};
}

Result<> set_ipv6(Config& config, const Values& values) {
  config.engine.bridge.ipv6 = TRY(to_bool(values.back()));
  return {};
}

// docker's 0 is the usual one.
Result<> set_mtu(Config& config, const Values& values) {
  const std::int64_t mtu = TRY(to_number(values.back()));
  if (mtu < 0 || (mtu != 0 && (mtu < 68 || mtu > 65535)))
    return Error::invalid(fmt::format("invalid default MTU: {}", mtu));
  if (mtu != 0) config.engine.mtu = static_cast<unsigned>(mtu);
  return {};
}

// "base=10.200.0.0/16,size=24"
Result<network::PoolSetting> to_pool(const std::string& text) {
  network::PoolSetting pool;
  for (const std::string_view part : split(text, ',')) {
    const auto halves = cut(part, '=');
    if (!halves) return Error::invalid(fmt::format("invalid field '{}' must be a key=value pair", part));
    const std::string value(halves->after);
    if (halves->before == "base") pool.base = value;
    else if (halves->before == "size") {
      const auto size = parse_u64(value);
      if (!size || *size > 128)
        return Error::invalid(fmt::format("invalid size value: {} (must be integer)", quote(value)));
      pool.size = static_cast<unsigned>(*size);
    } else {
      return Error::invalid(fmt::format("unexpected key '{}' in '{}'", halves->before, part));
    }
  }
  return pool;
}

Result<> set_address_pools(Config& config, const Values& values) {
  for (const std::string& value : values)
    config.engine.address_pools.push_back(TRY(to_pool(value)));
  TRY(network::AddressPools::from(config.engine.address_pools));
  return {};
}

Result<> set_hosts(Config& config, const Values& values) {
  config.hosts = values;
  return {};
}

Result<> set_group(Config& config, const Values& values) {
  config.group = values.back();
  config.group_given = true;
  return {};
}

Result<> set_log_level(Config& config, const Values& values) {
  const std::string& level = values.back();
  if (level == "debug" || level == "trace")
    config.log_level = log::Level::Debug;
  else if (level == "info")
    config.log_level = log::Level::Info;
  else if (level == "warn" || level == "warning")
    config.log_level = log::Level::Warning;
  else if (level == "error" || level == "fatal" || level == "panic")
    config.log_level = log::Level::Error;
  else
    return Error::invalid(fmt::format("invalid logging level: {}", level));
  return {};
}

Result<> set_debug(Config& config, const Values& values) {
  config.engine.debug = TRY(to_bool(values.back()));
  if (config.engine.debug) config.log_level = log::Level::Debug;
  return {};
}

// Containers always outlive the engine here: what docker's default (false) asks for is not done.
Result<> set_live_restore(Config& /*config*/, const Values& values) {
  if (TRY(to_bool(values.back()))) return {};
  return Error(ErrorKind::NotImplemented,
               "wherry: 'live-restore=false' is not available in wherry " WHERRY_VERSION
               ": containers outlive the engine");
}

// Only "no": that is docker's explicit word for TCP without TLS.
Result<> set_tls(Config& config, const Values& values) {
  config.plain_tcp = !TRY(to_bool(values.back()));
  if (config.plain_tcp) return {};
  return Error(ErrorKind::NotImplemented,
               "wherry: flag '--tls' is not available in wherry " WHERRY_VERSION);
}

Result<> set_shm_size(Config& config, const Values& values) {
  config.engine.default_shm_size_bytes = TRY(to_bytes(values.back()));
  return {};
}

Result<> set_downloads(Config& config, const Values& values) {
  const std::int64_t number = TRY(to_number(values.back()));
  if (number <= 0)
    return Error::invalid(fmt::format("invalid max concurrent downloads: {}", number));
  config.engine.maximum_concurrent_downloads = static_cast<std::size_t>(number);
  return {};
}

Result<> set_shutdown_timeout(Config& config, const Values& values) {
  config.engine.shutdown_timeout_s = TRY(to_number(values.back()));
  return {};
}

Result<> set_log_options(Config& config, const Values& values) {
  for (const std::string& value : values) {
    const auto halves = cut(value, '=');
    config.engine.log_options[std::string(halves ? halves->before : value)] =
        halves ? std::string(halves->after) : "";
  }
  return {};
}

Result<> set_ready_fd(Config& config, const Values& values) {
  config.ready_fd = static_cast<int>(TRY(to_number(values.back())));
  return {};
}

using EngineOptions = engine::Options;
using network::DefaultBridge;

constexpr std::array kAvailable = {
    Option{"bip", 0, "bip", Kind::Text, "Address of the default bridge, with its prefix length",
           set_bridge_text<&DefaultBridge::bip>},
    Option{"bip6", 0, "bip6", Kind::Text, "IPv6 address of the default bridge, with its prefix length",
           set_bridge_text<&DefaultBridge::bip6>},
    Option{"cgroup-parent", 0, "cgroup-parent", Kind::Text, "Cgroup below which containers get theirs",
           set_engine_text<&EngineOptions::cgroup_parent>},
    Option{"check", 0, "", Kind::Bool, "Print as JSON what this host has and lacks, and exit",
           set_bool<&Config::check>},
    Option{"cleanup", 0, "", Kind::Bool,
           "Remove every container, the keeper and the network of these roots, and exit",
           set_bool<&Config::cleanup>},
    Option{"config-file", 0, "", Kind::Text, "File with these settings as JSON",
           set_text<&Config::config_file>},
    Option{"data-root", 0, "data-root", Kind::Text, "Folder of images, containers and the database",
           set_engine_text<&EngineOptions::data_root>},
    Option{"debug", 'D', "debug", Kind::Bool, "Log what is of use to developers", set_debug},
    Option{"default-address-pool", 0, "default-address-pools", Kind::Objects,
           "Where subnets of networks come from, as base=CIDR,size=LENGTH; may be repeated",
           set_address_pools},
    Option{"default-gateway", 0, "default-gateway", Kind::Text,
           "Default gateway of containers on the default bridge, where it is not the bridge",
           set_bridge_text<&DefaultBridge::gateway>},
    Option{"default-gateway-v6", 0, "default-gateway-v6", Kind::Text, "The same for IPv6",
           set_bridge_text<&DefaultBridge::gateway6>},
    Option{"default-shm-size", 0, "default-shm-size", Kind::Text, "Size of /dev/shm where a container asks for none",
           set_shm_size},
    Option{"dns", 0, "dns", Kind::List, "Name server of containers; may be repeated", set_engine_list<&EngineOptions::dns>},
    Option{"dns-opt", 0, "dns-opts", Kind::List, "Options line of resolv.conf; may be repeated",
           set_engine_list<&EngineOptions::dns_options>},
    Option{"dns-search", 0, "dns-search", Kind::List, "Search domain of containers; may be repeated",
           set_engine_list<&EngineOptions::dns_search>},
    Option{"exec-root", 0, "exec-root", Kind::Text, "Folder of what only matters while containers run",
           set_engine_text<&EngineOptions::exec_root>},
    Option{"fixed-cidr", 0, "fixed-cidr", Kind::Text,
           "Where addresses of containers on the default bridge come from, as CIDR",
           set_bridge_text<&DefaultBridge::fixed_cidr>},
    Option{"fixed-cidr-v6", 0, "fixed-cidr-v6", Kind::Text, "The same for IPv6",
           set_bridge_text<&DefaultBridge::fixed_cidr6>},
    Option{"group", 'G', "group", Kind::Text, "Group that may use the socket", set_group},
    Option{"help", 0, "", Kind::Bool, "Print this text", set_bool<&Config::show_help>},
    Option{"host", 'H', "hosts", Kind::List, "Address to listen on; may be repeated", set_hosts},
    Option{"icc", 0, "icc", Kind::Bool,
           "Let containers of the default bridge reach each other",
           set_engine_bool<&EngineOptions::icc>},
    Option{"insecure-registry", 0, "insecure-registries", Kind::List,
           "Registry that may speak plain HTTP; host or CIDR",
           set_engine_list<&EngineOptions::insecure_registries>},
    Option{"ip", 0, "ip", Kind::Text,
           "IPv4 address that ports of the default bridge are published on if none is named",
           set_bridge_text<&DefaultBridge::host_binding>},
    Option{"ipv6", 0, "ipv6", Kind::Bool, "Give containers of the default bridge IPv6 addresses",
           set_ipv6},
    Option{"label", 0, "labels", Kind::List, "Label of this engine, as key=value",
           set_engine_list<&EngineOptions::labels>},
    Option{"live-restore", 0, "live-restore", Kind::Bool,
           "Containers outlive the engine; cannot be switched off", set_live_restore},
    Option{"log-driver", 0, "log-driver", Kind::Text, "Log driver where a container asks for none",
           set_engine_text<&EngineOptions::log_driver>},
    Option{"log-level", 'l', "log-level", Kind::Text,
           "Least severity that is logged: debug, info, warn, error or fatal",
           set_log_level},
    Option{"log-opt", 0, "log-opts", Kind::Map, "Option of that log driver, as key=value",
           set_log_options},
    Option{"max-concurrent-downloads", 0, "max-concurrent-downloads", Kind::Text,
           "Layers downloaded at once", set_downloads},
    Option{"mtu", 0, "mtu", Kind::Text, "MTU of the default bridge and of its containers", set_mtu},
    Option{"pidfile", 'p', "pidfile", Kind::Text, "File that the process id is written to",
           set_text<&Config::pidfile>},
    Option{"ready-fd", 0, "", Kind::Text, "Write a byte to this descriptor when ready",
           set_ready_fd},
    Option{"registry-mirror", 0, "registry-mirrors", Kind::List, "Registry asked before Docker Hub; may be repeated",
           set_engine_list<&EngineOptions::registry_mirrors>},
    Option{"shutdown-timeout", 0, "shutdown-timeout", Kind::Text,
           "Seconds that a shutdown may take", set_shutdown_timeout},
    Option{"storage-driver", 's', "storage-driver", Kind::Text, "overlay or copy instead of the one that fits",
           set_engine_text<&EngineOptions::storage_driver>},
    Option{"strict-ports", 0, "strict-ports", Kind::Bool,
           "Published ports obey the host's own input rules",
           set_engine_bool<&EngineOptions::strict_ports>},
    Option{"tls", 0, "tls", Kind::Bool, "Use TLS; \"false\" allows tcp:// without it", set_tls},
    Option{"tlsverify", 0, "tlsverify", Kind::Bool,
           "Use TLS and verify the remote; \"false\" allows tcp:// without it", set_tls},
    Option{"validate", 0, "", Kind::Bool, "Check the settings and exit",
           set_bool<&Config::validate>},
    Option{"version", 'v', "", Kind::Bool, "Print the version",
           set_bool<&Config::show_version>},
};

constexpr Option unavailable(std::string_view flag, Kind kind, std::string_view key) {
  return {flag, 0, key, kind, "", nullptr};
}

constexpr std::array kUnavailable = {
    unavailable("add-runtime", Kind::Map, "runtimes"),
    unavailable("allow-direct-routing", Kind::Bool, "allow-direct-routing"),
    unavailable("authorization-plugin", Kind::List, "authorization-plugins"),
    Option{"bridge", 'b', "bridge", Kind::Text, "", nullptr},
    unavailable("bridge-accept-fwmark", Kind::Text, "bridge-accept-fwmark"),
    unavailable("cdi-spec-dir", Kind::List, "cdi-spec-dirs"),
    unavailable("containerd", Kind::Text, "containerd"),
    unavailable("containerd-namespace", Kind::Text, "containerd-namespace"),
    unavailable("containerd-plugins-namespace", Kind::Text, "containerd-plugins-namespace"),
    unavailable("cpu-rt-period", Kind::Text, "cpu-rt-period"),
    unavailable("cpu-rt-runtime", Kind::Text, "cpu-rt-runtime"),
    unavailable("cri-containerd", Kind::Bool, "cri-containerd"),
    unavailable("default-cgroupns-mode", Kind::Text, "default-cgroupns-mode"),
    unavailable("default-ipc-mode", Kind::Text, "default-ipc-mode"),
    unavailable("default-network-opt", Kind::Map, "default-network-opts"),
    unavailable("default-runtime", Kind::Text, "default-runtime"),
    unavailable("default-ulimit", Kind::Map, "default-ulimits"),
    unavailable("exec-opt", Kind::List, "exec-opts"),
    unavailable("experimental", Kind::Bool, "experimental"),
    unavailable("feature", Kind::Map, "features"),
    unavailable("firewall-backend", Kind::Text, "firewall-backend"),
    unavailable("host-gateway-ip", Kind::List, "host-gateway-ip"),
    unavailable("http-proxy", Kind::Text, "http-proxy"),
    unavailable("https-proxy", Kind::Text, "https-proxy"),
    unavailable("init", Kind::Bool, "init"),
    unavailable("init-path", Kind::Text, "init-path"),
    unavailable("ip-forward", Kind::Bool, "ip-forward"),
    unavailable("ip-forward-no-drop", Kind::Bool, "ip-forward-no-drop"),
    unavailable("ip-masq", Kind::Bool, "ip-masq"),
    unavailable("ip6tables", Kind::Bool, "ip6tables"),
    unavailable("iptables", Kind::Bool, "iptables"),
    unavailable("log-format", Kind::Text, "log-format"),
    unavailable("max-concurrent-uploads", Kind::Text, "max-concurrent-uploads"),
    unavailable("max-download-attempts", Kind::Text, "max-download-attempts"),
    unavailable("metrics-addr", Kind::Text, "metrics-addr"),
    unavailable("network-control-plane-mtu", Kind::Text, "network-control-plane-mtu"),
    unavailable("no-new-privileges", Kind::Bool, "no-new-privileges"),
    unavailable("no-proxy", Kind::Text, "no-proxy"),
    unavailable("node-generic-resource", Kind::List, "node-generic-resources"),
    unavailable("raw-logs", Kind::Bool, "raw-logs"),
    unavailable("rootless", Kind::Bool, "rootless"),
    unavailable("seccomp-profile", Kind::Text, "seccomp-profile"),
    unavailable("selinux-enabled", Kind::Bool, "selinux-enabled"),
    unavailable("storage-opt", Kind::List, "storage-opts"),
    unavailable("swarm-default-advertise-addr", Kind::Text, "swarm-default-advertise-addr"),
    unavailable("tlscacert", Kind::Text, "tlscacert"),
    unavailable("tlscert", Kind::Text, "tlscert"),
    unavailable("tlskey", Kind::Text, "tlskey"),
    unavailable("userland-proxy", Kind::Bool, "userland-proxy"),
    unavailable("userland-proxy-path", Kind::Text, "userland-proxy-path"),
    unavailable("userns-remap", Kind::Text, "userns-remap"),
    unavailable("", Kind::Map, "builder"),
    unavailable("", Kind::Bool, "default-init"),
    unavailable("", Kind::Text, "default-stop-timeout"),
    unavailable("", Kind::List, "host-gateway-ips"),
    unavailable("", Kind::Text, "min-api-version"),
    unavailable("", Kind::Text, "network-diagnostic-port"),
    unavailable("", Kind::Map, "nri-opts"),
    unavailable("", Kind::Map, "proxies"),
    unavailable("", Kind::Text, "swarm-raft-election-tick"),
    unavailable("", Kind::Text, "swarm-raft-heartbeat-tick"),
};

std::vector<Option> all_options() {
  std::vector<Option> all(kAvailable.begin(), kAvailable.end());
  all.insert(all.end(), kUnavailable.begin(), kUnavailable.end());
  return all;
}

template <class Predicate>
const Option* find(Predicate matches) {
  for (const Option& option : options())
    if (matches(option)) return &option;
  return nullptr;
}

}  // namespace

std::span<const Option> options() {
  static const std::vector<Option> all = all_options();
  return all;
}

const Option* find_flag(std::string_view name) {
  if (name.empty()) return nullptr;
  return find([&](const Option& option) { return option.flag == name; });
}

const Option* find_shorthand(char letter) {
  return find([&](const Option& option) { return option.shorthand == letter; });
}

const Option* find_key(std::string_view key) {
  if (key.empty()) return nullptr;
  return find([&](const Option& option) { return option.key == key; });
}

std::string help_text() {
  std::string out =
      "\nUsage:  wherryd [OPTIONS]\n\nThe engine of wherry: containers behind docker's API.\n\n"
      "Options:\n";
  for (const Option& option : options()) {
    if (option.flag.empty()) continue;
    const std::string names = fmt::format(
        "{}--{}{}", option.shorthand != 0 ? fmt::format("-{}, ", option.shorthand) : "    ",
        option.flag,
        option.kind == Kind::Bool   ? ""
        : option.kind == Kind::List ? " list"
        : option.kind == Kind::Map  ? " map"
        : option.kind == Kind::Objects ? " pool-options"
                                    : " string");
    out += fmt::format("  {:<42}{}\n", names,
                       option.apply == nullptr ? "(not available yet)" : option.help);
  }
  return out;
}

}  // namespace wherry::daemon
