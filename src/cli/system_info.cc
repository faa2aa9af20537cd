// info.
#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"
#include "cli/go_template.h"
#include "cli/handlers.h"
#include "cli/human.h"
#include "cli/json_access.h"
#include "cli/output.h"

namespace wherry::cli {
namespace {

namespace bj = boost::json;


std::string yes_or_no(bool value) {
  return value ? "true" : "false";
}

class InfoText {
 public:
  explicit InfoText(const bj::value& info) : info_(info) {}

  std::string text() {
    add_counts();
    add_plugins();
    add_runtime();
    add_security();
    add_host();
    add_registries();
    return std::move(out_) + "\n";
  }

 private:
  void line(std::string_view name, const std::string& value, std::size_t indent = 1) {
    out_ += fmt::format("{:{}}{}: {}\n", "", indent, name, value);
  }
  void number(std::string_view name, std::string_view key, std::size_t indent = 1) {
    line(name, fmt::format("{}", number_at(info_, key)), indent);
  }
  void text(std::string_view name, std::string_view key) { line(name, text_at(info_, key)); }
  void text_if_set(std::string_view name, std::string_view key) {
    if (!text_at(info_, key).empty()) text(name, key);
  }
  void list(std::string_view name, const bj::array& values) {
    if (values.empty()) return;
    out_ += fmt::format(" {}:\n", name);
    for (const bj::value& value : values) out_ += fmt::format("  {}\n", string_of(value));
  }

  void add_counts() {
    number("Containers", "Containers");
    number("Running", "ContainersRunning", 2);
    number("Paused", "ContainersPaused", 2);
    number("Stopped", "ContainersStopped", 2);
    number("Images", "Images");
    text_if_set("Server Version", "ServerVersion");
    text("Storage Driver", "Driver");
    for (const bj::value& pair : elements(at(info_, "DriverStatus"))) {
      const bj::array& cells = elements(pair);
      if (cells.size() == 2) line(string_of(cells[0]), string_of(cells[1]), 2);
    }
    text_if_set("Logging Driver", "LoggingDriver");
    text_if_set("Cgroup Driver", "CgroupDriver");
    text_if_set("Cgroup Version", "CgroupVersion");
  }

  void plugins(std::string_view name) {
    std::vector<std::string> names;
    for (const bj::value& plugin : elements(at(at(info_, "Plugins"), name)))
      names.push_back(string_of(plugin));
    if (!names.empty() || name != "Authorization") line(name, join(names, " "), 2);
  }

  void add_plugins() {
    out_ += " Plugins:\n";
    for (const std::string_view kind : {"Volume", "Network", "Authorization", "Log"}) plugins(kind);
    list("CDI spec directories", elements(at(info_, "CDISpecDirs")));
    line("Swarm", text_at(at(info_, "Swarm"), "LocalNodeState"));
  }

  void commit(std::string_view name, std::string_view key) {
    const bj::value& commit = at(info_, key);
    if (commit.is_object()) line(name, text_at(commit, "ID"));
  }

  void add_runtime() {
    std::vector<std::string> names;
    for (const auto& runtime : members(at(info_, "Runtimes"))) names.emplace_back(runtime.key());
    if (!names.empty()) line("Runtimes", join(names, " "));
    text_if_set("Default Runtime", "DefaultRuntime");
    text_if_set("Init Binary", "InitBinary");
    commit("containerd version", "ContainerdCommit");
    commit("runc version", "RuncCommit");
    commit("init version", "InitCommit");
  }

  void add_security() {
    const bj::array& options = elements(at(info_, "SecurityOptions"));
    if (options.empty()) return;
    out_ += " Security Options:\n";
    for (const bj::value& option : options) {
      const std::string all = string_of(option);
      for (const std::string_view field : split(all, ',')) {
        const auto pair = cut(field, '=');
        if (!pair) continue;
        if (pair->before == "name") {
          out_ += fmt::format("  {}\n", pair->after);
        } else {
          std::string name(pair->before);
          if (!name.empty() && name[0] >= 'a' && name[0] <= 'z')
            name[0] = static_cast<char>(name[0] - 32);
          out_ += fmt::format("   {}: {}\n", name, pair->after);
        }
      }
    }
  }

  void add_host() {
    text_if_set("Kernel Version", "KernelVersion");
    text_if_set("Operating System", "OperatingSystem");
    text_if_set("OSType", "OSType");
    text_if_set("Architecture", "Architecture");
    number("CPUs", "NCPU");
    line("Total Memory", binary_size(static_cast<double>(number_at(info_, "MemTotal"))));
    text_if_set("Name", "Name");
    text_if_set("ID", "ID");
    text("Docker Root Dir", "DockerRootDir");
    line("Debug Mode", yes_or_no(bool_at(info_, "Debug")));
    if (bool_at(info_, "Debug")) {
      number("File Descriptors", "NFd", 2);
      number("Goroutines", "NGoroutines", 2);
      line("System Time", text_at(info_, "SystemTime"), 2);
      number("EventsListeners", "NEventsListener", 2);
    }
    text_if_set("HTTP Proxy", "HttpProxy");
    text_if_set("HTTPS Proxy", "HttpsProxy");
    text_if_set("No Proxy", "NoProxy");
    list("Labels", elements(at(info_, "Labels")));
    line("Experimental", yes_or_no(bool_at(info_, "ExperimentalBuild")));
  }

  void add_registries() {
    const bj::value& config = at(info_, "RegistryConfig");
    if (config.is_object()) {
      out_ += " Insecure Registries:\n";
      for (const auto& index : members(at(config, "IndexConfigs"))) {
        if (!bool_at(index.value(), "Secure"))
          out_ += fmt::format("  {}\n", std::string_view(index.key()));
      }
      for (const bj::value& range : elements(at(config, "InsecureRegistryCIDRs")))
        out_ += fmt::format("  {}\n", string_of(range));
      list("Registry Mirrors", elements(at(config, "Mirrors")));
    }
    line("Live Restore Enabled", yes_or_no(bool_at(info_, "LiveRestoreEnabled")));
    text_if_set("Product License", "ProductLicense");
    const auto& pools = elements(at(info_, "DefaultAddressPools"));
    if (!pools.empty()) out_ += " Default Address Pools:\n";
    for (const bj::value& pool : pools)
      out_ += fmt::format("   Base: {}, Size: {}\n", text_at(pool, "Base"), number_at(pool, "Size"));
  }

  const bj::value& info_;
  std::string out_;
};

bj::object client_info(const std::string& context) {
  return {{"Debug", false},
          {"Version", WHERRY_VERSION},
          {"DefaultAPIVersion", client::kApiVersion},
          {"GitCommit", ""},
          {"GoVersion", ""},
          {"Os", "linux"},
          {"Arch", "amd64"},
          {"BuildTime", ""},
          {"Context", context},
          {"Plugins", bj::array()},
          {"Warnings", nullptr}};
}

int print_formatted(const std::string& format, const bj::value& info, const std::string& context) {
  bj::object data = members(info);
  data["ClientInfo"] = client_info(context);
  if (format == "json" || format == "{{json .}}") {
    print(go_json(data) + "\n");
    return 0;
  }
  const auto parsed = GoTemplate::parse(format, {.name = "", .struct_type = "system.dockerInfo"});
  if (!parsed) {
    print_error(fmt::format("template parsing error: {}\n", parsed.error().message()));
    return kTemplateErrorCode;
  }
  const auto text = parsed->execute(data);
  if (!text) {
    print("\n");
    return fail(text.error());
  }
  print(*text + "\n");
  return 0;
}

}  // namespace

int print_info(const Invocation& invocation) {
  invocation.session.do_not_start_engine();
  const std::string format = invocation.flags.text("format");
  const auto context = invocation.session.context_name();
  if (!context) return fail(context.error());
  auto engine = invocation.session.engine();
  if (!engine) return fail(engine.error());
  const auto info = (*engine)->call_json({.path = "/info"});
  if (!format.empty()) return info ? print_formatted(format, *info, *context) : fail(info.error());
  print(fmt::format("Client:\n Version:    {}\n Context:    {}\n Debug Mode: false\n\nServer:\n",
                    WHERRY_VERSION, *context));
  if (!info) return fail(info.error());
  print(InfoText(*info).text());
  for (const bj::value& warning : elements(at(*info, "Warnings")))
    print_error(string_of(warning) + "\n");
  return 0;
}

}  // namespace wherry::cli
