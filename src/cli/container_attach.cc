// start, attach, exec.
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include "base/strings.h"
#include "cli/attachment.h"
#include "cli/create_options.h"
#include "cli/handlers.h"
#include "cli/json_access.h"
#include "cli/output.h"
#include "spec/json.h"

namespace wherry::cli {
namespace {

namespace bj = boost::json;

constexpr std::string_view kDetachedText = "read escape sequence\n";

std::string container_path(const std::string& container, std::string_view rest) {
  return fmt::format("/containers/{}{}", container, rest);
}

int start_detached(const Invocation& invocation) {
  auto engine = invocation.session.engine();
  if (!engine) return fail(engine.error());
  std::vector<std::string> failed;
  for (const std::string& name : invocation.arguments) {
    const auto started =
        (*engine)->call({.method = "POST", .path = container_path(name, "/start")});
    if (started) {
      print(name + "\n");
    } else {
      fail(started.error());
      failed.push_back(name);
    }
  }
  if (failed.empty()) return 0;
  print_error(fmt::format("Error: failed to start containers: {}\n", join(failed, ", ")));
  return 1;
}

int start_attached(const Invocation& invocation) {
  if (invocation.arguments.size() > 1) {
    print_error("you cannot start and attach multiple containers at once\n");
    return 1;
  }
  auto engine = invocation.session.engine();
  if (!engine) return fail(engine.error());
  const std::string& name = invocation.arguments[0];
  const auto inspected = (*engine)->call_json({.path = container_path(name, "/json")});
  if (!inspected) return fail(inspected.error());
  const std::string id = text_at(*inspected, "Id");
  const bj::value& config = at(*inspected, "Config");
  const bool interactive = invocation.flags.on("interactive");
  if (auto checked = check_terminal(interactive, bool_at(config, "Tty")); !checked)
    return fail(checked.error());
  auto attachment = Attachment::open(invocation.session,
                                     {.container = id,
                                      .tty = bool_at(config, "Tty"),
                                      .use_stdin = interactive && bool_at(config, "OpenStdin"),
                                      .detach_keys = invocation.flags.text("detach-keys")});
  if (!attachment) return fail(attachment.error());
  const bool removed = bool_at(at(*inspected, "HostConfig"), "AutoRemove");
  auto wait = ExitWait::begin(**engine, id, removed ? "removed" : "next-exit");
  if (!wait) return fail(wait.error());
  if (auto started = (*engine)->call({.method = "POST", .path = container_path(id, "/start")});
      !started) {
    attachment->reset();
    if (removed) static_cast<void>(wait->exit_code());
    return fail(started.error());
  }
  (*attachment)->follow_size();
  const auto end = (*attachment)->run();
  attachment->reset();
  if (end && *end == PumpEnd::Detached) return 0;
  const auto code = wait->exit_code();
  return code ? *code : fail(code.error());
}

// Why a container cannot be attached to; "" if it can.
std::string refusal(const bj::value& state) {
  if (!bool_at(state, "Running")) return "You cannot attach to a stopped container, start it first";
  if (bool_at(state, "Paused")) return "You cannot attach to a paused container, unpause it first";
  if (bool_at(state, "Restarting"))
    return "You cannot attach to a restarting container, wait until it is running";
  return "";
}

struct ExecRequest {
  bj::object create;
  bj::object start;
  bool tty = false;
  bool detach = false;
  bool interactive = false;
  std::string keys;
};

Result<ExecRequest> exec_request(const Invocation& invocation) {
  const Flags& flags = invocation.flags;
  std::vector<std::string> environment;
  for (const std::string& file : flags.list("env-file")) {
    for (std::string& line : TRY(read_pairs_file(file, BareKey::FromEnvironment)))
      environment.push_back(std::move(line));
  }
  for (const std::string& given : flags.list("env")) {
    const char* value = given.find('=') == std::string::npos ? std::getenv(given.c_str()) : nullptr;
    environment.push_back(value == nullptr ? given : fmt::format("{}={}", given, value));
  }
  ExecRequest request{
      .tty = flags.on("tty"), .detach = flags.on("detach"), .interactive = flags.on("interactive")};
  request.keys = flags.text("detach-keys");
  if (request.keys.empty()) request.keys = TRY(invocation.session.config())->text("detachKeys");
  const TerminalSize size = terminal_size(STDOUT_FILENO);
  const bool attaches = !request.detach;
  request.create["User"] = flags.text("user");
  request.create["Privileged"] = flags.on("privileged");
  request.create["Tty"] = request.tty;
  if (request.tty && attaches) request.create["ConsoleSize"] = {size.rows, size.columns};
  request.create["AttachStdin"] = attaches && request.interactive;
  request.create["AttachStderr"] = attaches;
  request.create["AttachStdout"] = attaches;
  request.create["Detach"] = request.detach;
  request.create["DetachKeys"] = request.keys;
  request.create["Env"] = environment.empty()
                              ? bj::value(nullptr)
                              : bj::value(bj::array(environment.begin(), environment.end()));
  request.create["WorkingDir"] = flags.text("workdir");
  request.create["Cmd"] = bj::array(invocation.arguments.begin() + 1, invocation.arguments.end());
  request.start = {{"Detach", request.detach}, {"Tty", request.tty}};
  if (request.tty && attaches) request.start["ConsoleSize"] = {size.rows, size.columns};
  return request;
}

client::Call exec_start_call(const std::string& id, const ExecRequest& request) {
  return {.method = "POST",
          .path = fmt::format("/exec/{}/start", id),
          .body = json::write_value(request.start) + "\n",
          .content_type = "application/json"};
}

Result<PumpEnd> run_exec(Session& session, client::Engine& engine, const std::string& id,
                         const ExecRequest& request) {
  const bool raw = request.tty && request.interactive;
  PumpOptions options{.tty = request.tty, .use_stdin = request.interactive};
  if (raw) options.detach_keys = TRY(detach_bytes(session, request.keys));
  auto stream = TRY(engine.hijack(exec_start_call(id, request)));
  std::optional<RawTerminal> terminal;
  if (raw && is_terminal(STDIN_FILENO)) terminal.emplace(TRY(RawTerminal::enter(STDIN_FILENO)));
  const std::vector<int> numbers = request.tty ? std::vector<int>{SIGWINCH} : std::vector<int>{};
  const SignalQueue signals = TRY(SignalQueue::catch_signals(numbers));
  const auto resize = [&engine, path = fmt::format("/exec/{}/resize", id)](int) {
    send_terminal_size(engine, path);
  };
  options.signals = &signals;
  options.on_signal = resize;
  if (request.tty && is_terminal(STDIN_FILENO)) resize(SIGWINCH);
  return StreamPump(std::move(stream.raw), std::move(options)).run();
}

Result<int> exec(const Invocation& invocation) {
  const ExecRequest request = TRY(exec_request(invocation));
  client::Engine* engine = TRY(invocation.session.engine());
  const std::string& container = invocation.arguments[0];
  TRY(engine->call({.path = container_path(container, "/json")}));
  if (!request.detach) TRY(check_terminal(request.interactive, request.tty));
  const auto created = TRY(engine->call_json({.method = "POST",
                                              .path = container_path(container, "/exec"),
                                              .body = json::write_value(request.create) + "\n",
                                              .content_type = "application/json"}));
  const std::string id = text_at(created, "Id");
  if (id.empty()) return Error::internal("exec ID empty");
  if (request.detach) {
    TRY(engine->call(exec_start_call(id, request)));
    return 0;
  }
  if (TRY(run_exec(invocation.session, *engine, id, request)) == PumpEnd::Detached) {
    print_error(kDetachedText);
    return 1;
  }
  const auto inspected = TRY(engine->call_json({.path = fmt::format("/exec/{}/json", id)}));
  return static_cast<int>(number_at(inspected, "ExitCode"));
}

}  // namespace

int start_containers(const Invocation& invocation) {
  const bool attached = invocation.flags.on("attach") || invocation.flags.on("interactive");
  return attached ? start_attached(invocation) : start_detached(invocation);
}

int attach_container(const Invocation& invocation) {
  auto engine = invocation.session.engine();
  if (!engine) return fail(engine.error());
  const std::string& name = invocation.arguments[0];
  auto wait = ExitWait::begin(**engine, name, "");
  const auto inspected = (*engine)->call_json({.path = container_path(name, "/json")});
  if (!inspected) return fail(inspected.error());
  if (const std::string why = refusal(at(*inspected, "State")); !why.empty()) {
    print_error(why + "\n");
    return 1;
  }
  if (!wait) return fail(wait.error());
  const bj::value& config = at(*inspected, "Config");
  const bool use_stdin = !invocation.flags.on("no-stdin") && bool_at(config, "OpenStdin");
  if (auto checked = check_terminal(use_stdin, bool_at(config, "Tty")); !checked)
    return fail(checked.error());
  auto attachment =
      Attachment::open(invocation.session, {.container = name,
                                            .tty = bool_at(config, "Tty"),
                                            .use_stdin = use_stdin,
                                            .sig_proxy = invocation.flags.on("sig-proxy"),
                                            .detach_keys = invocation.flags.text("detach-keys")});
  if (!attachment) return fail(attachment.error());
  // It may have stopped in between: then nobody would ever end the stream.
  const auto again = (*engine)->call_json({.path = container_path(name, "/json")});
  if (again && !bool_at(at(*again, "State"), "Running")) {
    attachment->reset();
    print_error(refusal(at(*again, "State")) + "\n");
    return 1;
  }
  (*attachment)->follow_size();
  const auto end = (*attachment)->run();
  attachment->reset();
  if (end && *end == PumpEnd::Detached) {
    print_error(kDetachedText);
    return 1;
  }
  const auto code = wait->exit_code();
  return code ? *code : fail(code.error());
}

int exec_in_container(const Invocation& invocation) {
  const auto code = exec(invocation);
  return code ? *code : fail(code.error());
}

}  // namespace wherry::cli
