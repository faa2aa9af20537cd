#include "cli/create_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <map>
#include <set>

#include "base/strings.h"
#include "cli/devices.h"
#include "cli/dns_flags.h"
#include "cli/json_access.h"
#include "cli/mounts.h"
#include "cli/network_options.h"
#include "cli/values.h"
#include "client/engine.h"
#include "spec/json.h"
#include "sys/fd.h"

namespace wherry::cli {

namespace bj = boost::json;

namespace {

constexpr std::size_t kMaximumFileBytes = 16U << 20;

bj::value list_or_null(const std::vector<std::string>& values) {
  if (values.empty()) return nullptr;
  return bj::value(bj::array(values.begin(), values.end()));
}

// "a=b" pairs as an object; a bare key has the value "".
bj::object object_of(const std::vector<std::string>& pairs) {
  bj::object object;
  for (const std::string& text : pairs) {
    const auto pair = cut(text, '=');
    object[pair ? pair->before : std::string_view(text)] =
        bj::string(pair ? pair->after : std::string_view{});
  }
  return object;
}

Result<std::vector<std::string>> environment_of(const Flags& flags) {
  std::vector<std::string> environment;
  for (const std::string& file : flags.list("env-file")) {
    for (std::string& line : TRY(read_pairs_file(file, BareKey::FromEnvironment)))
      environment.push_back(std::move(line));
  }
  const std::size_t from_files = environment.size();
  for (const std::string& given : flags.list("env")) {
    const char* value = given.find('=') == std::string::npos ? std::getenv(given.c_str()) : nullptr;
    std::string text = value == nullptr ? given : fmt::format("{}={}", given, value);
    const std::string_view name = std::string_view(text).substr(0, text.find('='));
    // Of one name the last --env counts; a file's line stays, for the engine to override.
    const auto same =
        std::find_if(environment.begin() + static_cast<std::ptrdiff_t>(from_files),
                     environment.end(), [&](const std::string& other) {
                       return std::string_view(other).substr(0, other.find('=')) == name;
                     });
    if (same == environment.end()) {
      environment.push_back(std::move(text));
    } else {
      *same = std::move(text);
    }
  }
  return environment;
}

Result<std::vector<std::string>> labels_of(const Flags& flags) {
  std::vector<std::string> labels;
  for (const std::string& file : flags.list("label-file")) {
    for (std::string& line : TRY(read_pairs_file(file, BareKey::Drop)))
      labels.push_back(std::move(line));
  }
  for (const std::string& label : flags.list("label")) labels.push_back(label);
  return labels;
}

// "net_admin" is CAP_NET_ADMIN; sorted, each once; null where there is none.
bj::value capabilities_of(const std::vector<std::string>& given) {
  std::set<std::string> names;
  for (const std::string& text : given) {
    std::string name(trim(text));
    for (char& c : name) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    if (name != "ALL" && !name.starts_with("CAP_")) name.insert(0, "CAP_");
    names.insert(std::move(name));
  }
  return list_or_null({names.begin(), names.end()});
}

Result<bj::object> restart_policy(const Flags& flags) {
  const std::string text = flags.text("restart");
  const auto pair = cut(text, ':');
  const std::string_view name = pair ? pair->before : std::string_view(text);
  if (pair && name.empty())
    return Error::invalid("invalid restart policy format: no policy provided before colon");
  std::int64_t count = 0;
  if (pair && !pair->after.empty()) {
    const auto number = parse_i64(pair->after);
    if (!number)
      return Error::invalid(
          "invalid restart policy format: maximum retry count must be an integer");
    count = *number;
  }
  const bool none = name.empty() || name == "no";
  if (flags.on("rm") && !none)
    return Error::invalid("conflicting options: cannot specify both --restart and --rm");
  return bj::object{{"Name", bj::string(name)}, {"MaximumRetryCount", count}};
}

Result<std::string> seccomp_option(std::string_view path) {
  auto text = sys::read_file(std::string(path).c_str(), kMaximumFileBytes);
  if (!text) {
    return Error::invalid(fmt::format("opening seccomp profile ({0}) failed: open {0}: {1}", path,
                                      to_lower(std::strerror(text.error().errno_value()))));
  }
  const auto profile = client::parse_json(*text);
  if (!profile)
    return Error::invalid(fmt::format("compacting json for seccomp profile ({}) failed: {}", path,
                                      profile.error().message()));
  return "seccomp=" + json::write_value(*profile);
}

struct SecurityOptions {
  bj::value options = nullptr;
  bj::value masked_paths = nullptr;
  bj::value readonly_paths = nullptr;
};

Result<SecurityOptions> security_options(const Flags& flags) {
  SecurityOptions security;
  bj::array options;
  for (const std::string& option : flags.list("security-opt")) {
    auto pair = cut(option, '=');
    if (!pair && option != "no-new-privileges") pair = cut(option, ':');
    if (!pair && option != "no-new-privileges")
      return Error::invalid(fmt::format("Invalid --security-opt: {}", quote(option)));
    if (option == "systempaths=unconfined") {
      security.masked_paths = bj::array();
      security.readonly_paths = bj::array();
    } else if (pair && pair->before == "seccomp" && pair->after != "unconfined" &&
               pair->after != "builtin") {
      options.emplace_back(TRY(seccomp_option(pair->after)));
    } else {
      options.emplace_back(option);
    }
  }
  if (!flags.list("security-opt").empty()) security.options = options;
  return security;
}

Result<bj::object> log_config(const Flags& flags) {
  const std::string driver = flags.text("log-driver");
  const auto options = flags.list("log-opt");
  if (driver == "none" && !options.empty())
    return Error::invalid("invalid logging opts for driver none");
  return bj::object{{"Type", driver}, {"Config", object_of(options)}};
}

// Docker checks these words itself; ipc it leaves to the engine.
Result<> check_namespaces(const Flags& flags) {
  const std::string pid = flags.text("pid");
  const bool joins = pid.starts_with("container:") && pid.size() > 10;
  if (!pid.empty() && pid != "host" && !joins) return Error::invalid("--pid: invalid PID mode");
  const std::string uts = flags.text("uts");
  if (!uts.empty() && uts != "host") return Error::invalid("--uts: invalid UTS mode");
  const std::string cgroup = flags.text("cgroupns");
  if (!cgroup.empty() && cgroup != "host" && cgroup != "private")
    return Error::invalid("--cgroupns: invalid CGROUP mode");
  return {};
}

struct Volumes {
  bj::object anonymous;
  bj::array binds;
};

Result<Volumes> volumes_of(const Flags& flags) {
  Volumes volumes;
  for (const std::string& text : flags.list("volume")) {
    const Volume volume = TRY(parse_volume(text));
    if (volume.anonymous) {
      volumes.anonymous[volume.text] = bj::object();
    } else {
      // docker's client keeps each text once.
      const bj::value bind(volume.text);
      if (std::ranges::find(volumes.binds, bind) == volumes.binds.end()) volumes.binds.push_back(bind);
    }
  }
  return volumes;
}

bj::object tmpfs_of(const Flags& flags) {
  bj::object mounts;
  for (const std::string& text : flags.list("tmpfs")) {
    const auto pair = cut(text, ':');
    mounts[pair ? pair->before : std::string_view(text)] =
        bj::string(pair ? pair->after : std::string_view{});
  }
  return mounts;
}

bj::array ulimits_of(const Flags& flags) {
  std::map<std::string, Ulimit> limits;
  for (const std::string& text : flags.list("ulimit")) {
    if (auto limit = parse_ulimit(text)) limits[limit->name] = *limit;
  }
  bj::array array;
  for (const auto& [name, limit] : limits)
    array.push_back({{"Name", name}, {"Hard", limit.hard}, {"Soft", limit.soft}});
  return array;
}

std::int64_t memory_of(const Flags& flags, std::string_view name) {
  const std::string text = flags.text(name);
  return text.empty() ? 0 : parse_swap(text).value_or(0);
}

void add_streams(const Flags& flags, Background background, CreateOptions& options) {
  std::set<std::string> attach;
  for (const std::string& stream : flags.list("attach")) attach.insert(to_lower(stream));
  options.tty = flags.on("tty");
  options.open_stdin = flags.on("interactive");
  options.auto_remove = flags.on("rm");
  if (background == Background::Yes) return;
  const bool all = attach.empty();
  options.attach_stdin = options.open_stdin || attach.contains("stdin");
  options.attach_stdout = all || attach.contains("stdout");
  options.attach_stderr = all || attach.contains("stderr");
}

Result<> add_config(const Flags& flags, const std::vector<std::string>& arguments,
                    CreateOptions& options) {
  bj::object& config = options.config;
  config["Hostname"] = flags.text("hostname");
  config["Domainname"] = "";
  config["User"] = flags.text("user");
  config["AttachStdin"] = options.attach_stdin;
  config["AttachStdout"] = options.attach_stdout;
  config["AttachStderr"] = options.attach_stderr;
  config["Tty"] = options.tty;
  config["OpenStdin"] = options.open_stdin;
  config["StdinOnce"] = options.open_stdin && options.attach_stdin;
  config["Env"] = list_or_null(TRY(environment_of(flags)));
  config["Cmd"] = list_or_null({arguments.begin() + 1, arguments.end()});
  config["Image"] = arguments[0];
  config["Volumes"] = TRY(volumes_of(flags)).anonymous;
  config["WorkingDir"] = flags.text("workdir");
  config["Entrypoint"] = flags.given("entrypoint") ? bj::value(bj::array{flags.text("entrypoint")})
                                                   : bj::value(nullptr);
  config["OnBuild"] = nullptr;
  config["Labels"] = object_of(TRY(labels_of(flags)));
  if (!flags.text("stop-signal").empty()) config["StopSignal"] = flags.text("stop-signal");
  if (flags.given("stop-timeout")) config["StopTimeout"] = flags.number("stop-timeout");
  return {};
}

// The lists of servers and domains are never null, that of hosts is.
Result<> add_names(const Flags& flags, bj::object& host) {
  bj::array servers;
  bj::array search;
  std::vector<std::string> hosts;
  for (const std::string& text : flags.list("dns"))
    servers.emplace_back(TRY(parse_dns_server(text)));
  for (const std::string& text : flags.list("dns-search"))
    search.emplace_back(TRY(parse_dns_search(text)));
  for (const std::string& text : flags.list("add-host"))
    hosts.push_back(TRY(parse_extra_host(text)));
  const std::vector<std::string> options = flags.list("dns-option");
  host["Dns"] = std::move(servers);
  host["DnsOptions"] = bj::array(options.begin(), options.end());
  host["DnsSearch"] = std::move(search);
  host["ExtraHosts"] = list_or_null(hosts);
  return {};
}

Result<> add_isolation(const Flags& flags, bj::object& host) {
  TRY(check_namespaces(flags));
  const SecurityOptions security = TRY(security_options(flags));
  host["CapAdd"] = capabilities_of(flags.list("cap-add"));
  host["CapDrop"] = capabilities_of(flags.list("cap-drop"));
  host["CgroupnsMode"] = flags.text("cgroupns");
  TRY(add_names(flags, host));
  host["GroupAdd"] = list_or_null(flags.list("group-add"));
  host["IpcMode"] = flags.text("ipc");
  host["Cgroup"] = "";
  host["Links"] = list_or_null(flags.list("link"));
  host["OomScoreAdj"] = flags.number("oom-score-adj");
  host["PidMode"] = flags.text("pid");
  host["Privileged"] = flags.on("privileged");
  host["PublishAllPorts"] = false;
  host["ReadonlyRootfs"] = flags.on("read-only");
  host["SecurityOpt"] = security.options;
  if (bj::object tmpfs = tmpfs_of(flags); !tmpfs.empty()) host["Tmpfs"] = std::move(tmpfs);
  host["UTSMode"] = flags.text("uts");
  host["UsernsMode"] = "";
  host["ShmSize"] = memory_of(flags, "shm-size");
  if (bj::object sysctls = object_of(flags.list("sysctl")); !sysctls.empty())
    host["Sysctls"] = std::move(sysctls);
  host["Isolation"] = "";
  host["MaskedPaths"] = security.masked_paths;
  host["ReadonlyPaths"] = security.readonly_paths;
  return {};
}

Result<> add_resources(const Flags& flags, bj::object& host) {
  const std::string cpus = flags.text("cpus");
  host["CpuShares"] = flags.number("cpu-shares");
  host["Memory"] = memory_of(flags, "memory");
  host["NanoCpus"] = cpus.empty() ? 0 : parse_cpus(cpus).value_or(0);
  host["CgroupParent"] = flags.text("cgroup-parent");
  host["BlkioWeight"] = 0;
  for (const std::string_view name :
       {"BlkioWeightDevice", "BlkioDeviceReadBps", "BlkioDeviceWriteBps", "BlkioDeviceReadIOps",
        "BlkioDeviceWriteIOps"}) {
    host[name] = bj::array();
  }
  for (const std::string_view name :
       {"CpuPeriod", "CpuQuota", "CpuRealtimePeriod", "CpuRealtimeRuntime"})
    host[name] = 0;
  host["CpusetCpus"] = flags.text("cpuset-cpus");
  host["CpusetMems"] = "";
  DeviceOptions devices = TRY(parse_devices(flags.list("device")));
  host["Devices"] = std::move(devices.devices);
  host["DeviceCgroupRules"] = list_or_null(flags.list("device-cgroup-rule"));
  host["DeviceRequests"] =
      devices.requests.empty() ? bj::value(nullptr) : bj::value(std::move(devices.requests));
  host["MemoryReservation"] = 0;
  host["MemorySwap"] = memory_of(flags, "memory-swap");
  const std::int64_t swappiness = flags.number("memory-swappiness");
  if (swappiness < -1 || swappiness > 100)
    return Error::invalid(
        fmt::format("invalid value: {}. Valid memory swappiness range is 0-100", swappiness));
  host["MemorySwappiness"] = swappiness;
  host["OomKillDisable"] = false;
  host["PidsLimit"] = flags.number("pids-limit");
  host["Ulimits"] = ulimits_of(flags);
  for (const std::string_view name :
       {"CpuCount", "CpuPercent", "IOMaximumIOps", "IOMaximumBandwidth"})
    host[name] = 0;
  bj::array mounts;
  for (const std::string& text : flags.list("mount")) mounts.push_back(TRY(parse_mount(text)));
  if (!mounts.empty()) host["Mounts"] = std::move(mounts);
  if (flags.given("init")) host["Init"] = flags.on("init");
  return {};
}

}  // namespace

Result<CreateOptions> create_options(const Flags& flags, const std::vector<std::string>& arguments,
                                     Background background, TerminalSize console) {
  CreateOptions options;
  add_streams(flags, background, options);
  TRY(add_config(flags, arguments, options));
  bj::object& host = options.host_config;
  const bj::array binds = TRY(volumes_of(flags)).binds;
  NetworkOptions networks = TRY(network_options(flags));
  PortOptions ports = TRY(port_options(flags));
  host["Binds"] = binds.empty() ? bj::value(nullptr) : bj::value(binds);
  host["ContainerIDFile"] = flags.text("cidfile");
  host["LogConfig"] = TRY(log_config(flags));
  host["NetworkMode"] = networks.mode;
  host["PortBindings"] = std::move(ports.bindings);
  host["RestartPolicy"] = TRY(restart_policy(flags));
  host["AutoRemove"] = options.auto_remove;
  host["VolumeDriver"] = flags.text("volume-driver");
  host["VolumesFrom"] = list_or_null(flags.list("volumes-from"));
  host["ConsoleSize"] = {console.rows, console.columns};
  TRY(add_isolation(flags, host));
  TRY(add_resources(flags, host));
  host["PublishAllPorts"] = flags.on("publish-all");
  if (!ports.exposed.empty()) options.config["ExposedPorts"] = std::move(ports.exposed);
  options.endpoints = std::move(networks.endpoints);
  return options;
}

std::string CreateOptions::body() const {
  bj::object body = config;
  body["HostConfig"] = host_config;
  body["NetworkingConfig"] = {{"EndpointsConfig", endpoints}};
  return json::write_value(body) + "\n";
}

Result<std::vector<std::string>> read_pairs_file(const std::string& path, BareKey bare) {
  const auto text = sys::read_file(path.c_str(), kMaximumFileBytes);
  if (!text)
    return Error::invalid(
        fmt::format("open {}: {}", path, to_lower(std::strerror(text.error().errno_value()))));
  std::vector<std::string> pairs;
  std::string_view rest = *text;
  if (rest.starts_with("\xef\xbb\xbf")) rest.remove_prefix(3);
  for (std::string_view line : split(rest, '\n')) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    line.remove_prefix(std::min(line.find_first_not_of(" \t\v\f"), line.size()));
    if (line.empty() || line[0] == '#') continue;
    const auto pair = cut(line, '=');
    const std::string name(pair ? pair->before : line);
    if (name.empty())
      return Error::invalid(
          fmt::format("invalid env file ({}): no variable name on line '{}'", path, line));
    if (name.find_first_of(" \t") != std::string::npos) {
      return Error::invalid(
          fmt::format("invalid env file ({}): variable '{}' contains whitespaces", path, name));
    }
    const char* value = pair || bare == BareKey::Drop ? nullptr : std::getenv(name.c_str());
    if (pair) {
      pairs.emplace_back(line);
    } else if (value != nullptr) {
      pairs.push_back(fmt::format("{}={}", name, value));
    }
  }
  return pairs;
}

}  // namespace wherry::cli
