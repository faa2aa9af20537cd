#include "runtime_cli/program.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdio.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/strings.h"
#include "base/time.h"
#include "runtime/self_protect.h"
#include "runtime_cli/group_claim.h"
#include "runtime_cli/verbs.h"
#include "spec/json.h"
#include "spec/oci_runtime_json.h"
#include "sys/fd.h"

namespace wherry::runtime_cli {
namespace {

constexpr const char* kDefaultRoot = "/run/wherry-runtime";

using Verb = Result<int> (*)(const Context&);
struct VerbRow {
  std::string_view name;
  Verb verb;
};
constexpr std::array kVerbs{
    VerbRow{"create", create_container}, VerbRow{"run", run_container},
    VerbRow{"start", start_container},   VerbRow{"exec", exec_in_container},
    VerbRow{"state", print_state},       VerbRow{"kill", kill_container},
    VerbRow{"delete", delete_container}, VerbRow{"pause", pause_container},
    VerbRow{"resume", resume_container}, VerbRow{"update", update_container},
    VerbRow{"list", list_containers},
    VerbRow{"ps", list_processes},       VerbRow{"spec", write_spec},
    VerbRow{"features", print_features}};

// One line in the form that containerd reads back to find the last error.
std::string log_line(const Options& options, std::string_view level, const std::string& message) {
  const std::string time = format_rfc3339_nano(now());
  if (options.value("log-format", "text") == "json")
    return json::write_value(boost::json::object{{"level", std::string(level)}, {"msg", message}, {"time", time}}) + "\n";
  return fmt::format("time=\"{}\" level={} msg={}\n", time, level, quote(message));
}

void write_log(const Options& options, std::string_view level, const std::string& message) {
  std::string path = options.value("log");
  if (path.starts_with("file:")) path.erase(0, 5);
  if (path.empty()) {
    fmt::print(stderr, "wherry-runtime: {}\n", message);
    return;
  }
  const sys::Fd log(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  const std::string line = log_line(options, level, message);
  if (!log || !sys::write_all(log, line)) fmt::print(stderr, "wherry-runtime: {}\n", message);
}

Result<> check_globals(const Options& options) {
  const std::string format = options.value("log-format", "text");
  if (format != "text" && format != "json")
    return Error::invalid(fmt::format("unknown log-format {}", quote(format)));
  TRY(group_manager(options));
  const std::string log = options.value("log");
  const auto kind = cut(log, ':');
  const bool names_kind = kind && !kind->before.empty() && kind->before.find_first_of("/.") == std::string_view::npos;
  if (names_kind && kind->before != "file") return Error::invalid(fmt::format("unknown log type {}", quote(kind->before)));
  if (options.command != "spec" && options.value("rootless", "auto") == "true")
    return Error(ErrorKind::NotImplemented, "flag --rootless is not available");
  return {};
}

int fail(const Options& options, const Error& error) {
  write_log(options, "error", error.message());
  if (options.has("log")) fmt::print(stderr, "wherry-runtime: {}\n", error.message());
  return 1;
}

// Who calls us by a link named runc or crun looks for that name in what we say.
std::string program_name(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  const std::string_view name = slash == std::string_view::npos ? path : path.substr(slash + 1);
  return name == "runc" || name == "crun" ? std::string(name) : "wherry-runtime";
}

void print_version(const std::string& name) {
  fmt::print("{} version {}{}\nspec: {}\n", name, WHERRY_VERSION, name == "wherry-runtime" ? "" : " (wherry-runtime)",
             spec::oci::kRuntimeSpecVersion);
}

// A container must not be able to write to the file of this program (CVE-2019-5736).
Result<> protect_self(const Options& options, char* const* arguments) {
  const bool clones = options.command == "create" || options.command == "run" ||
                      options.command == "exec";
  return clones ? runtime::run_from_read_only_self(arguments) : Result<>();
}

}  // namespace

void Context::warn(const std::string& message) const {
  write_log(options, "warning", message);
}

int run_program(std::span<char* const> arguments) {
  auto parsed = parse_options(arguments.subspan(1));
  if (!parsed) return fail({}, parsed.error());
  const Options& options = *parsed;
  const std::string name = program_name(arguments[0]);
  if (options.has("version")) {
    print_version(name);
    return 0;
  }
  if (options.has("help") || options.command.empty()) {
    fmt::print("{}", usage(name, options.command));
    return options.has("help") ? 0 : 1;
  }
  if (auto checked = check_globals(options); !checked) return fail(options, checked.error());
  if (auto safe = protect_self(options, arguments.data()); !safe)
    return fail(options, safe.error());
  const Context context{.options = options, .root = options.value("root", kDefaultRoot)};
  const auto row = std::ranges::find(kVerbs, options.command, &VerbRow::name);
  const Result<int> outcome = row->verb(context);
  return outcome ? *outcome : fail(options, outcome.error());
}

}  // namespace wherry::runtime_cli
