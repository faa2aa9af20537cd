#include "runtime_cli/config.h"

#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <span>

#include "base/strings.h"
#include "runtime/syscall_numbers.h"
#include "runtime_cli/check.h"
#include "runtime_cli/check_words.h"
#include "spec/oci_runtime_json.h"

namespace wherry::runtime_cli {
namespace {

// Sections and fields of other platforms, which no struct of ours has.
constexpr std::array<std::string_view, 5> kForeignSections{"solaris", "windows", "vm", "zos", "freebsd"};
constexpr std::array<std::string_view, 2> kForeignProcess{"commandLine", "user.username"};

// Members without which the struct around them says nothing; the reader takes what is missing as 0.
// (Strings that must be there are refused as empty ones.)
constexpr std::array<std::string_view, 28> kRequired{
    "linux.uidMappings[].containerID", "linux.uidMappings[].hostID", "linux.uidMappings[].size",
    "linux.gidMappings[].containerID", "linux.gidMappings[].hostID", "linux.gidMappings[].size",
    "mounts[].uidMappings[].containerID", "mounts[].uidMappings[].hostID", "mounts[].uidMappings[].size",
    "mounts[].gidMappings[].containerID", "mounts[].gidMappings[].hostID", "mounts[].gidMappings[].size",
    "linux.resources.devices[].allow", "linux.resources.hugepageLimits[].limit",
    "linux.resources.network.priorities[].priority",
    "linux.resources.blockIO.weightDevice[].major", "linux.resources.blockIO.weightDevice[].minor",
    "linux.resources.blockIO.throttleReadBpsDevice[].major", "linux.resources.blockIO.throttleReadBpsDevice[].minor",
    "linux.resources.blockIO.throttleWriteBpsDevice[].major", "linux.resources.blockIO.throttleWriteBpsDevice[].minor",
    "linux.resources.blockIO.throttleReadIOPSDevice[].major", "linux.resources.blockIO.throttleReadIOPSDevice[].minor",
    "linux.resources.blockIO.throttleWriteIOPSDevice[].major", "linux.resources.blockIO.throttleWriteIOPSDevice[].minor",
    "linux.seccomp.syscalls[].args[].index", "linux.seccomp.syscalls[].args[].value", "linux.seccomp.syscalls[].args[].op"};
constexpr std::array<std::string_view, 5> kRequiredOfProcess{"rlimits[].hard", "rlimits[].soft", "consoleSize.height",
                                                            "consoleSize.width", "cwd"};

// Empty strings, arrays and objects ask for nothing.
bool asks_for_nothing(const json::Value& value) {
  if (value.is_string()) return value.get_string().empty();
  if (value.is_array()) return value.get_array().empty();
  if (value.is_object()) return value.get_object().empty();
  return value.is_null();
}

const json::Value* find_at(const json::Value& value, std::string_view path) {
  const json::Value* found = &value;
  for (const std::string_view name : split(path, '.')) {
    if (!found->is_object()) return nullptr;
    found = json::detail::find_member(found->get_object(), name);
    if (found == nullptr) return nullptr;
  }
  return found;
}

Result<> refuse(const json::Value& value, std::span<const std::string_view> paths) {
  for (const std::string_view path : paths) {
    const json::Value* found = find_at(value, path);
    if (found != nullptr && !asks_for_nothing(*found)) return at(path, not_available());
  }
  return {};
}

Result<> require_at(const json::Value& value, std::string_view path) {  // NOLINT(misc-no-recursion): by the path
  if (path.starts_with("[]")) {
    if (!value.is_array()) return {};
    for (std::size_t i = 0; i < value.get_array().size(); ++i)
      if (auto found = require_at(value.get_array()[i], path.substr(2)); !found)
        return below(fmt::format("[{}]", i), found.error());
    return {};
  }
  if (path.starts_with('.')) path.remove_prefix(1);
  if (!value.is_object()) return {};
  const std::size_t end = std::min(path.find_first_of(".["), path.size());
  const std::string_view name = path.substr(0, end);
  const json::Value* member = json::detail::find_member(value.get_object(), name);
  const bool missing = member == nullptr || member->is_null();
  if (end == path.size()) return missing ? at(name, wrong("must be set")) : Result<>{};
  return missing ? Result<>{} : at(name, require_at(*member, path.substr(end)));
}

Result<> require(const json::Value& value, std::span<const std::string_view> paths) {
  for (const std::string_view path : paths) TRY(require_at(value, path));
  return {};
}

// The reader's ".a.b[1]: reason" without its first dot.
Error of_reader(const Error& error) {
  const std::string& text = error.message();
  return {error.kind(), text.starts_with('.') ? text.substr(1) : text};
}

Result<> check_members_of_process(const json::Value& process) {
  TRY(refuse(process, kForeignProcess));
  return require(process, kRequiredOfProcess);
}

template <class T>
Result<T> read_as(const json::Value& value) {
  auto read = json::from_value<T>(value);
  if (!read) return of_reader(read.error());
  return read;
}

// Rules of a config name what else a container may use: its /dev always works, as with runc and
// crun. The engine's configs have these rules themselves.
void allow_default_devices(spec::oci::Config& config) {
  if (!config.linux_.resources || config.linux_.resources->devices.empty()) return;
  struct Row {
    const char* type;
    std::optional<std::int64_t> major;
    std::optional<std::int64_t> minor;
    const char* access;
  };
  static constexpr std::array kRows{
      Row{"c", {}, {}, "m"}, Row{"b", {}, {}, "m"}, Row{"c", 1, 3, "rwm"}, Row{"c", 1, 5, "rwm"},
      Row{"c", 1, 7, "rwm"}, Row{"c", 1, 8, "rwm"}, Row{"c", 1, 9, "rwm"}, Row{"c", 5, 0, "rwm"},
      Row{"c", 5, 2, "rwm"}, Row{"c", 136, {}, "rwm"}};
  for (const Row& row : kRows)
    config.linux_.resources->devices.push_back(
        {.allow = true, .type = row.type, .major = row.major, .minor = row.minor, .access = row.access});
}

Result<> check_annotated_seccomp(const spec::oci::Config& config) {
  const auto found = config.annotations.find("run.oci.seccomp_fail_unknown_syscall");
  if (found == config.annotations.end() || found->second == "0" || !config.linux_.seccomp) return {};
  using runtime::Machine;
  const auto known = [](const std::string& name) {
    return std::ranges::any_of(std::array{Machine::X86_64, Machine::I386, Machine::Aarch64, Machine::Arm},
                               [&](Machine one) { return runtime::syscall_number(one, name).has_value(); });
  };
  for (const auto& rule : config.linux_.seccomp->syscalls)
    for (const std::string& name : rule.names)
      if (!known(name)) return Error::invalid(fmt::format("linux.seccomp.syscalls: system call {} is not known", quote(name)));
  return {};
}

}  // namespace

void complete_hooks(spec::oci::Config& config) {
  if (!config.hooks) return;
  spec::oci::Hooks& hooks = *config.hooks;
  for (auto* list : {&hooks.prestart, &hooks.create_runtime, &hooks.create_container, &hooks.start_container,
                     &hooks.poststart, &hooks.poststop})
    for (spec::oci::Hook& hook : *list) {
      if (hook.env) continue;
      hook.env.emplace();
      for (char** entry = ::environ; entry != nullptr && *entry != nullptr; ++entry) hook.env->emplace_back(*entry);
    }
}

Result<spec::oci::Config> parse_config(std::string_view text) {
  const json::Value value = TRY_AS("config.json", json::parse_value(text));
  TRY_AS("config.json", refuse(value, kForeignSections));
  if (const json::Value* process = find_at(value, "process"))
    TRY_AS("config.json", at("process", check_members_of_process(*process)));
  TRY_AS("config.json", require(value, kRequired));
  auto config = TRY_AS("config.json", read_as<spec::oci::Config>(value));
  TRY_AS("config.json", check_config(config));
  TRY_AS("config.json", check_annotated_seccomp(config));
  allow_default_devices(config);
  complete_hooks(config);
  return config;
}

Result<spec::oci::Process> parse_process(std::string_view text) {
  const json::Value value = TRY_AS("process.json", json::parse_value(text));
  TRY_AS("process.json", check_members_of_process(value));
  auto process = TRY_AS("process.json", read_as<spec::oci::Process>(value));
  TRY_AS("process.json", check_process(process));
  return process;
}

Result<spec::oci::Resources> parse_resources(std::string_view text) {
  constexpr std::string_view kPath = "linux.resources.";
  const json::Value value = TRY_AS("resources", json::parse_value(text));
  for (const std::string_view path : kRequired)
    if (path.starts_with(kPath)) TRY_AS("resources", require_at(value, path.substr(kPath.size())));
  return TRY_AS("resources", read_as<spec::oci::Resources>(value));
}

}  // namespace wherry::runtime_cli
