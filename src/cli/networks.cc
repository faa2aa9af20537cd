// network create, ls, inspect (in inspect.cc), rm, connect, disconnect, prune; port.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "base/strings.h"
#include "cli/handlers.h"
#include "cli/human.h"
#include "cli/json_access.h"
#include "cli/list_format.h"
#include "cli/natural_order.h"
#include "cli/network_options.h"
#include "cli/output.h"
#include "cli/ports.h"
#include "cli/network_pools.h"
#include "spec/json.h"

namespace wherry::cli {

namespace bj = boost::json;

namespace {

constexpr std::string_view kPruneWarning =
    "WARNING! This will remove all custom networks not used by at least one container.\n"
    "Are you sure you want to continue? [y/N] ";

// pflag's stringSlice: every value may hold several, separated by commas.
std::vector<std::string> slice(const Flags& flags, std::string_view name) {
  std::vector<std::string> values;
  for (const std::string& text : flags.list(name))
    for (const std::string_view part : split(text, ',')) values.emplace_back(part);
  return values;
}

bj::object pairs_of(const std::vector<std::string>& texts) {
  bj::object object;
  for (const std::string& text : texts) {
    const auto pair = cut(text, '=');
    object[pair ? pair->before : std::string_view(text)] =
        bj::string(pair ? pair->after : std::string_view{});
  }
  return object;
}

Result<bj::object> create_body(const Invocation& invocation) {
  const Flags& flags = invocation.flags;
  PoolFlags pools;
  pools.subnets = slice(flags, "subnet");
  pools.ranges = slice(flags, "ip-range");
  pools.gateways = slice(flags, "gateway");
  for (const std::string& text : flags.list("aux-address"))
    if (const auto pair = cut(text, '='))
      pools.auxiliary[std::string(pair->before)] = std::string(pair->after);
  bj::object ipam;
  ipam["Driver"] = flags.text("ipam-driver");
  ipam["Options"] = pairs_of(flags.list("ipam-opt"));
  ipam["Config"] = TRY(pool_configuration(pools));
  bj::object body;
  body["Driver"] = flags.text("driver");
  body["Scope"] = flags.text("scope");
  if (flags.given("ipv6")) body["EnableIPv6"] = flags.on("ipv6");
  if (flags.given("ipv4")) body["EnableIPv4"] = flags.on("ipv4");
  body["IPAM"] = std::move(ipam);
  body["Internal"] = flags.on("internal");
  body["Attachable"] = flags.on("attachable");
  body["Ingress"] = false;
  body["ConfigOnly"] = false;
  body["ConfigFrom"] = nullptr;
  body["Options"] = pairs_of(flags.list("opt"));
  body["Labels"] = pairs_of(flags.list("label"));
  body["Name"] = invocation.arguments[0];
  return body;
}

ListStyle network_style() {
  ListStyle style{.type = "*formatter.networkContext"};
  style.default_table = "{{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.Scope}}";
  style.headings = {{"CreatedAt", "CREATED AT"}, {"Driver", "DRIVER"},     {"ID", "NETWORK ID"},
                    {"IPv4", "IPV4"},            {"IPv6", "IPV6"},         {"Internal", "INTERNAL"},
                    {"Labels", "LABELS"},        {"Name", "NAME"},         {"Scope", "SCOPE"}};
  return style;
}

std::string go_bool(bool value) { return value ? "true" : "false"; }

bj::object row_of(const bj::value& network, bool whole_id) {
  const std::string id = text_at(network, "Id");
  std::vector<std::string> labels;
  for (const auto& label : members(at(network, "Labels")))
    labels.push_back(fmt::format("{}={}", std::string_view(label.key()), string_of(label.value())));
  bj::object row;
  row["CreatedAt"] = text_at(network, "Created");
  row["Driver"] = text_at(network, "Driver");
  row["ID"] = whole_id ? id : short_id(id);
  row["IPv4"] = go_bool(bool_at(network, "EnableIPv4"));
  row["IPv6"] = go_bool(bool_at(network, "EnableIPv6"));
  row["Internal"] = go_bool(bool_at(network, "Internal"));
  row["Labels"] = join(labels, ",");
  row["Name"] = text_at(network, "Name");
  row["Scope"] = text_at(network, "Scope");
  return row;
}

client::Call filtered(std::string method, std::string path, const Flags& flags) {
  client::Call call{.method = std::move(method), .path = std::move(path)};
  const std::string text = encode_filters(parse_filters(flags.list("filter")));
  if (!text.empty()) call.query["filters"] = text;
  return call;
}

bool confirmed() {
  print(kPruneWarning);
  char answer[64] = {};
  const ssize_t size = ::read(STDIN_FILENO, answer, sizeof answer - 1);
  const std::string text = to_lower(trim(std::string_view(answer, size > 0 ? static_cast<std::size_t>(size) : 0)));
  return text == "y" || text == "yes";
}

// "80/tcp -> 0.0.0.0:8080"; IPv6 addresses in brackets.
std::string published_at(const bj::value& binding) {
  const std::string ip = text_at(binding, "HostIp");
  const std::string port = text_at(binding, "HostPort");
  return ip.contains(':') ? fmt::format("[{}]:{}", ip, port) : fmt::format("{}:{}", ip, port);
}

std::vector<std::string> all_ports(const bj::value& ports) {
  std::vector<std::string> lines;
  for (const auto& port : members(ports))
    for (const bj::value& binding : elements(port.value()))
      lines.push_back(fmt::format("{} -> {}", std::string_view(port.key()), published_at(binding)));
  return lines;
}

// In docker's order, which is that of the text: numbers in it count as numbers.
void print_sorted(std::vector<std::string> lines) {
  std::ranges::sort(lines, natural_less);
  for (const std::string& line : lines) print(line + "\n");
}

int post_membership(const Invocation& invocation, std::string_view verb, const bj::object& body) {
  auto engine = invocation.session.engine();
  if (!engine) return fail(engine.error());
  const auto done = (*engine)->call(
      {.method = "POST",
       .path = fmt::format("/networks/{}/{}", invocation.arguments[0], verb),
       .body = json::write_value(body) + "\n",
       .content_type = "application/json"});
  return done ? 0 : fail(done.error());
}

}  // namespace

int create_network(const Invocation& invocation) {
  const auto body = create_body(invocation);
  if (!body) return fail(body.error());
  auto engine = invocation.session.engine();
  if (!engine) return fail(engine.error());
  const auto answer = (*engine)->call_json({.method = "POST",
                                            .path = "/networks/create",
                                            .body = json::write_value(*body) + "\n",
                                            .content_type = "application/json"});
  if (!answer) return fail(answer.error());
  if (const std::string warning = text_at(*answer, "Warning"); !warning.empty())
    print_error(fmt::format("WARNING: {}\n", warning));
  print(text_at(*answer, "Id") + "\n");
  return 0;
}

int list_networks(const Invocation& invocation) {
  const Flags& flags = invocation.flags;
  auto config = invocation.session.config();
  if (!config) return fail(config.error());
  std::string text = flags.text("format");
  const bool quiet = flags.on("quiet");
  if (text.empty() && !quiet) text = (*config)->text("networksFormat");
  const ListStyle style = network_style();
  ListFormat format = list_format(text, style);
  if (quiet && (text.empty() || text == "table")) format = {.text = "{{.ID}}"};
  auto engine = invocation.session.engine();
  if (!engine) return fail(engine.error());
  const auto answer = (*engine)->call_json(filtered("GET", "/networks", flags));
  if (!answer) return fail(answer.error());
  std::vector<bj::object> rows;
  for (const bj::value& network : elements(*answer))
    rows.push_back(row_of(network, flags.on("no-trunc")));
  std::ranges::stable_sort(rows, {}, [](const bj::object& row) {
    return std::string(row.at("Name").as_string());
  });
  const auto shown = format_rows(format, style, rows);
  if (!shown) return fail(shown.error());
  print(*shown);
  return 0;
}

int remove_networks(const Invocation& invocation) {
  auto engine = invocation.session.engine();
  if (!engine) return fail(engine.error());
  int code = 0;
  for (const std::string& name : invocation.arguments) {
    // docker's client looks first, to ask before it removes a swarm's ingress network.
    static_cast<void>((*engine)->call({.path = fmt::format("/networks/{}", name)}));
    const auto done =
        (*engine)->call({.method = "DELETE", .path = fmt::format("/networks/{}", name)});
    if (done) {
      print(name + "\n");
      continue;
    }
    const bool absent = done.error().kind() == ErrorKind::NotFound;
    if (absent && invocation.flags.on("force")) continue;
    // Without the prefix that fail() gives a single error: docker's form for lists.
    print_error(done.error().message() + "\n");
    code = 1;
  }
  if (code != 0) print_error("exit status 1\n");
  return code;
}

int connect_network(const Invocation& invocation) {
  const Flags& flags = invocation.flags;
  bj::object endpoint = endpoint_settings();
  endpoint["IPAMConfig"] = bj::object();
  bj::object& addresses = endpoint["IPAMConfig"].as_object();
  if (const std::string ip = flags.text("ip"); !ip.empty()) addresses["IPv4Address"] = ip;
  if (const std::string ip = flags.text("ip6"); !ip.empty()) addresses["IPv6Address"] = ip;
  if (const auto ips = slice(flags, "link-local-ip"); !ips.empty())
    addresses["LinkLocalIPs"] = bj::array(ips.begin(), ips.end());
  const auto aliases = slice(flags, "alias");
  endpoint["Aliases"] = bj::array(aliases.begin(), aliases.end());
  if (const auto links = slice(flags, "link"); !links.empty())
    endpoint["Links"] = bj::array(links.begin(), links.end());
  endpoint["DriverOpts"] = bj::object();
  endpoint["GwPriority"] = flags.number("gw-priority");
  return post_membership(
      invocation, "connect",
      {{"Container", invocation.arguments[1]}, {"EndpointConfig", std::move(endpoint)}});
}

int disconnect_network(const Invocation& invocation) {
  return post_membership(
      invocation, "disconnect",
      {{"Container", invocation.arguments[1]}, {"Force", invocation.flags.on("force")}});
}

int prune_networks(const Invocation& invocation) {
  if (!invocation.flags.on("force") && !confirmed()) {
    print_error("network prune has been cancelled\n");
    return 1;
  }
  auto engine = invocation.session.engine();
  if (!engine) return fail(engine.error());
  const auto answer = (*engine)->call_json(filtered("POST", "/networks/prune", invocation.flags));
  if (!answer) return fail(answer.error());
  const auto& deleted = elements(at(*answer, "NetworksDeleted"));
  if (deleted.empty()) return 0;
  print("Deleted Networks:\n");
  for (const bj::value& name : deleted) print(string_of(name) + "\n");
  print("\n");
  return 0;
}

int print_ports(const Invocation& invocation) {
  auto engine = invocation.session.engine();
  if (!engine) return fail(engine.error());
  const std::string& name = invocation.arguments[0];
  const auto container = (*engine)->call_json({.path = fmt::format("/containers/{}/json", name)});
  if (!container) return fail(container.error());
  const bj::value& ports = at(at(*container, "NetworkSettings"), "Ports");
  if (invocation.arguments.size() == 1) {
    print_sorted(all_ports(ports));
    return 0;
  }
  const std::string& wanted = invocation.arguments[1];
  const std::string key = wanted.contains('/') ? wanted : wanted + "/tcp";
  const auto& bindings = elements(at(ports, key));
  std::vector<std::string> lines;
  for (const bj::value& binding : bindings) lines.push_back(published_at(binding));
  print_sorted(std::move(lines));
  if (!bindings.empty()) return 0;
  print_error(fmt::format("Error: No public port '{}' published for {}\n", key, name));
  return 1;
}

}  // namespace wherry::cli
