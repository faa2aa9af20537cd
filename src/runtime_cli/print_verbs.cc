// list, ps, spec, features.
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/strings.h"
#include "runtime/defaults.h"
#include "runtime_cli/container.h"
#include "runtime_cli/verbs.h"
#include "spec/oci_runtime_json.h"
#include "sys/capability.h"

namespace wherry::runtime_cli {
namespace {

using json::Value;

struct Row {
  Record record;
  std::string status;
};

std::vector<Row> all_rows(const Context& context) {
  std::vector<Row> rows;
  for (const std::string& id : Container::list(context.root)) {
    const auto container = Container::load(context.root, id);
    if (container) rows.push_back({container->record(), container->status()});
  }
  return rows;
}

Value to_json(const Row& row) {
  boost::json::object object;
  object["ociVersion"] = spec::oci::kRuntimeSpecVersion;
  object["id"] = row.record.id;
  object["pid"] = row.status == "stopped" ? 0 : row.record.pid;
  object["status"] = row.status;
  object["bundle"] = row.record.bundle;
  object["rootfs"] = row.record.rootfs;
  object["created"] = row.record.created;
  object["owner"] = "root";
  return object;
}

void print_table(const std::vector<Row>& rows) {
  std::size_t id_width = 4;
  std::size_t bundle_width = 8;
  for (const Row& row : rows) {
    id_width = std::max(id_width, row.record.id.size() + 2);
    bundle_width = std::max(bundle_width, row.record.bundle.size() + 2);
  }
  fmt::print("{:<{}}{:<12}{:<12}{:<{}}{:<32}OWNER\n", "ID", id_width, "PID", "STATUS", "BUNDLE",
             bundle_width, "CREATED");
  for (const Row& row : rows)
    fmt::print("{:<{}}{:<12}{:<12}{:<{}}{:<32}root\n", row.record.id, id_width,
               row.status == "stopped" ? 0 : row.record.pid, row.status, row.record.bundle,
               bundle_width, row.record.created);
}

std::string command_of(pid_t pid) {
  auto text = sys::read_file(fmt::format("/proc/{}/cmdline", pid).c_str());
  if (!text) return {};
  for (char& letter : *text)
    if (letter == '\0') letter = ' ';
  return std::string(trim(*text));
}

Result<std::string> format_of(const Context& context) {
  const std::string format = context.options.value("format", "table");
  if (format == "table" || format == "json") return format;
  return Error::invalid(fmt::format("invalid format option {}", quote(format)));
}

Value strings(std::initializer_list<const char*> values) {
  boost::json::array array;
  for (const char* value : values) array.emplace_back(value);
  return array;
}

// What runs with the caller's ids alone: a user namespace, the host's network, no limits.
void make_rootless(spec::oci::Config& config) {
  auto& settings = config.linux_;
  std::erase_if(settings.namespaces, [](const auto& one) { return one.type == "network"; });
  settings.namespaces.push_back({.type = "user"});
  settings.uid_mappings = {{.container_id = 0, .host_id = ::geteuid(), .size = 1}};
  settings.gid_mappings = {{.container_id = 0, .host_id = ::getegid(), .size = 1}};
  settings.resources.reset();
  settings.sysctl.clear();
  for (spec::oci::Mount& mount : config.mounts) {
    std::erase_if(mount.options, [](const std::string& word) { return word.starts_with("uid=") || word.starts_with("gid="); });
    if (mount.type == "sysfs")
      mount = {.destination = "/sys", .type = "bind", .source = "/sys", .options = {"rbind", "nosuid", "noexec", "nodev", "ro"}};
  }
}

}  // namespace

Result<int> list_containers(const Context& context) {
  const std::string format = TRY(format_of(context));
  const std::vector<Row> rows = all_rows(context);
  if (context.options.has("quiet")) {
    for (const Row& row : rows) fmt::print("{}\n", row.record.id);
  } else if (format == "json") {
    boost::json::array array;
    for (const Row& row : rows) array.push_back(to_json(row));
    fmt::print("{}\n", json::write_value(array));
  } else {
    print_table(rows);
  }
  return 0;
}

Result<int> list_processes(const Context& context) {
  const std::string format = TRY(format_of(context));
  if (context.options.arguments.size() > 1)
    return Error(ErrorKind::NotImplemented,
                 "options of ps(1) are not available in wherry-runtime " WHERRY_VERSION);
  const Container container = TRY(Container::load(context.root, context.options.arguments[0]));
  const sys::Cgroup group = TRY(container.cgroup());
  const auto pids = TRY(group.processes());
  if (format == "json") {
    fmt::print("[{}]\n", fmt::join(pids, ","));
    return 0;
  }
  fmt::print("{:<8}CMD\n", "PID");
  for (const pid_t pid : pids) fmt::print("{:<8}{}\n", pid, command_of(pid));
  return 0;
}

Result<int> write_spec(const Context& context) {
  const std::string bundle = context.options.value("bundle", ".");
  const std::string file = context.options.value("file", bundle + "/config.json");
  spec::oci::Config config = runtime::default_config(cgroup_layout()->mode());
  config.process->args = {"sh"};
  config.process->terminal = true;
  config.process->env = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                         "TERM=xterm"};
  config.root = spec::oci::Root{.path = "rootfs", .readonly = false};
  config.hostname = "wherry";
  if (context.options.has("rootless")) make_rootless(config);
  const sys::Fd out(::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (!out && errno == EEXIST)
    return Error::conflict(fmt::format("File {} exists. Remove it first", file));
  if (!out) return Error::from_errno(errno, fmt::format("create {}", file));
  TRY(sys::write_all(out, json::write_indented(json::to_value(config), "  ") + "\n"));
  return 0;
}

Result<int> print_features(const Context& /*context*/) {
  boost::json::array capabilities;
  for (unsigned number = 0; !sys::capability_name(number).empty(); ++number)
    capabilities.emplace_back(std::string(sys::capability_name(number)));
  boost::json::object seccomp{
      {"enabled", true},
      {"actions", strings({"SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", "SCMP_ACT_KILL",
                           "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_LOG",
                           "SCMP_ACT_NOTIFY", "SCMP_ACT_TRACE", "SCMP_ACT_TRAP"})},
      {"operators", strings({"SCMP_CMP_EQ", "SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_LE",
                             "SCMP_CMP_LT", "SCMP_CMP_MASKED_EQ", "SCMP_CMP_NE"})},
      {"archs", strings({"SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_AARCH64",
                         "SCMP_ARCH_ARM"})}};
  boost::json::object linux_features{
      {"namespaces", strings({"cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts"})},
      {"capabilities", capabilities},
      {"cgroup", {{"v1", true}, {"v2", true}, {"systemd", true}, {"systemdUser", false}}},
      {"seccomp", seccomp},
      {"mountExtensions", {{"idmap", {{"enabled", true}}}}},
      {"apparmor", {{"enabled", true}}},
      {"selinux", {{"enabled", false}}}};
  boost::json::object features{{"ociVersionMin", "1.0.0"},
                               {"ociVersionMax", spec::oci::kRuntimeSpecVersion},
                               {"hooks", strings({"prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"})},
                               {"linux", linux_features}};
  fmt::print("{}\n", json::write_indented(features, "  "));
  return 0;
}

}  // namespace wherry::runtime_cli
