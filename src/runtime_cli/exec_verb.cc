// exec: one more process in a running container.
#include <fmt/format.h>

#include <algorithm>
#include <climits>

#include "base/strings.h"
#include "runtime/prepare.h"
#include "runtime_cli/config.h"
#include "runtime_cli/container.h"
#include "runtime_cli/foreground.h"
#include "runtime_cli/hooks.h"
#include "runtime_cli/start.h"
#include "runtime_cli/verbs.h"
#include "spec/oci_runtime_json.h"

namespace wherry::runtime_cli {
namespace {

using spec::oci::Process;

Result<std::uint32_t> parse_id(std::string_view text, const char* what) {
  const auto number = parse_u64(text);
  if (!number || *number > 0x7fffffff)
    return Error::invalid(fmt::format("{} must be a number: {}", what, quote(text)));
  return static_cast<std::uint32_t>(*number);
}

// --user uid[:gid], numbers only, as in runc.
Result<> set_user(const std::string& text, Process& process) {
  if (text.empty()) return {};
  const auto parts = cut(text, ':');
  process.user.uid = TRY(parse_id(parts ? parts->before : std::string_view(text), "user"));
  if (parts) process.user.gid = TRY(parse_id(parts->after, "group"));
  return {};
}

// --cap: into every set but the ambient one, as runc does for exec.
void add_capabilities(const std::vector<std::string>& names, Process& process) {
  if (names.empty()) return;
  if (!process.capabilities) process.capabilities.emplace();
  for (const std::string& name : names)
    for (auto* set : {&process.capabilities->bounding, &process.capabilities->effective,
                      &process.capabilities->permitted})
      set->push_back(name);
}

Result<> apply_flags(const Options& options, Process& process) {
  process.terminal = options.has("tty");
  process.cwd = options.value("cwd", process.cwd);
  for (const std::string& entry : options.all("env")) {
    const std::string name = entry.substr(0, entry.find('=') + 1);
    if (!name.empty()) std::erase_if(process.env, [&](const std::string& old) { return old.starts_with(name); });
    process.env.push_back(entry);
  }
  TRY(set_user(options.value("user"), process));
  for (const std::string& gid : options.all("additional-gids"))
    process.user.additional_gids.push_back(TRY(parse_id(gid, "additional gid")));
  add_capabilities(options.all("cap"), process);
  if (options.has("no-new-privs")) process.no_new_privileges = true;
  process.apparmor_profile = options.value("apparmor", process.apparmor_profile);
  return {};
}

// From -p, or the container's own process with the command and flags of the line.
Result<Process> process_of(const Options& options, const spec::oci::Config& config) {
  const std::string file = options.value("process");
  if (!file.empty()) {
    const std::string text = TRY(sys::read_file(file.c_str(), json::kMaximumBytes));
    Process process = TRY(parse_process(text));
    if (!process.oom_score_adj) process.oom_score_adj = config.process->oom_score_adj;
    return process;
  }
  if (options.arguments.size() < 2) return Error::invalid("exec needs a command or --process");
  Process process = *config.process;
  process.args.assign(options.arguments.begin() + 1, options.arguments.end());
  TRY(apply_flags(options, process));
  return process;
}

// --cgroup: a group below the container's own, which it made itself.
Result<sys::Cgroup> group_of(const Options& options, const Container& container) {
  const std::string below = options.value("cgroup");
  const sys::Cgroup own = TRY(container.cgroup());
  if (below.empty() || !own) return own;
  const auto names = split(below, '/');
  if (std::ranges::find(names, "..") != names.end() || below.contains(':') || below.size() > PATH_MAX)
    return Error::invalid(fmt::format("--cgroup: {} is not a path below the container's group", quote(below)));
  sys::Cgroup group(own.layout(), own.path() + (below.starts_with('/') ? "" : "/") + below);
  if (group.open_directories().empty()) return Error::not_found(fmt::format("--cgroup: the container has no group {}", quote(below)));
  return group;
}

Result<> check_terminal(const Process& process, const Options& options) {
  if (process.terminal && options.has("detach") && !options.has("console-socket"))
    return Error::invalid("cannot allocate tty if the runtime will detach without a --console-socket");
  return {};
}

}  // namespace

Result<int> exec_in_container(const Context& context) {
  const Options& options = context.options;
  const Container container = TRY(Container::load(context.root, options.arguments[0]));
  const std::string status = container.status();
  if (status == "stopped") return Error::conflict("cannot exec in a stopped container");
  if (status == "paused") return Error::conflict("cannot exec in a paused container");
  const auto target = container.process();
  if (!target) return Error::conflict("cannot exec in a container that is not running");

  const spec::oci::Config config = TRY(container.config());
  Process process = TRY(process_of(options, config));
  complete_environment(options, TRY(runtime::open_process_root(container.record().pid, *target)), process);
  TRY(check_terminal(process, options));
  const auto& seccomp = config.linux_.seccomp;
  runtime::ExecRequest request{.process = &process,
                               .seccomp = seccomp ? &*seccomp : nullptr,
                               .target = &*target};
  request.cgroup = TRY(group_of(options, container));
  request.preserved_fds = TRY(preserved_fds(options));
  auto prepared = TRY(runtime::prepare_exec(std::move(request)));
  for (const std::string& warning : prepared.warnings) context.warn(warning);

  const SignalGate gate = TRY(SignalGate::open());
  runtime::Stdio stdio = TRY(stdio_of(prepared.plan));
  runtime::Launch launch =
      TRY(runtime::launch(prepared.plan, std::move(prepared.fds), std::move(stdio)));
  const Callbacks callbacks{.when_waiting = {}, .when_listening = [&](const sys::Fd& listener) {
    return send_listener(*seccomp, listener, hook_state(container.record(), "running", container.record().pid), launch.pid);
  }};
  const sys::Fd terminal = TRY(await_ready(launch, prepared.plan, options, callbacks));
  TRY(write_pid_file(options, launch.pid));
  TRY(send_pidfd(options.value("pidfd-socket"), launch.pidfd, "setns"));
  TRY(go_and_confirm(launch, prepared.plan));
  if (options.has("detach")) return 0;
  const sys::ExitStatus ended = TRY(attend(launch.pidfd, gate, terminal));
  return ended.code;
}

}  // namespace wherry::runtime_cli
