#include <fmt/format.h>

#include <chrono>
#include <thread>
#include <utility>

#include "base/log.h"
#include "base/strings.h"
#include "base/time.h"
#include "engine/lifecycle.h"
#include "engine/links.h"
#include "engine/oci_config.h"
#include "runtime/prepare.h"
#include "runtime/user.h"

namespace wherry::engine {
namespace {

using spec::docker::ExecCreateRequest;
using spec::docker::items;

constexpr std::size_t kNonceBytes = 16;
constexpr std::string_view kDefaultDetachKeys = "\x10\x11";

std::string command_text(const ExecCreateRequest& request) {
  return join(request.cmd.list(), " ");
}

keeper::Target target_of(const Exec& exec) {
  return {.container = exec.container.str(), .exec = exec.id.str()};
}

void publish_exec_event(Core& core, const ContainerRecord& record, const Exec& exec,
                        const std::string& action, std::map<std::string, std::string> extra = {}) {
  extra["execID"] = exec.id.str();
  publish_event(core, record, action, std::move(extra));
}

struct Host {  // the container that an exec runs in
  ContainerRecord record;
  State state;
  std::shared_ptr<const sys::Pidfd> pidfd;
  std::vector<std::string> link_environment = {};
};

Result<Host> running_host(Core& core, const Exec& exec) {
  const ContainerPtr container = core.containers->find_id(exec.container);
  if (!container) return Error::not_found(fmt::format("No such container: {}", exec.container.str()));
  const auto details = container->details.lock();
  TRY(check_running(details->state, details->record.id.str()));
  // docker: execs end with the run that they were made for.
  if (details->state.nonce != exec.container_nonce)
    return Error::conflict(fmt::format("container {} has been restarted since exec {} was created",
                                       exec.container.str(), exec.id.str()));
  return Host{details->record, details->state, details->pidfd};
}

Result<sys::Fd> root_of(const Host& host) {
  return runtime::open_process_root(static_cast<pid_t>(host.state.pid), *host.pidfd);
}

// docker refuses a user that is not there before there is an exec; it is looked up again at start.
Result<> check_user(const Host& host, const ExecCreateRequest& request) {
  if (request.user.empty()) return {};
  const sys::Fd root = TRY(root_of(host));
  TRY(runtime::resolve_user(root, request.user, {}));
  return {};
}

Result<spec::oci::Process> make_process(const Host& host, const ExecCreateRequest& request,
                                        const ExecStartOptions& options) {
  const ContainerRecord& record = host.record;
  spec::oci::Process process;
  const sys::Fd root = TRY(root_of(host));
  const std::string& user_text = request.user.empty() ? record.config.user : request.user;
  // docker adds --group-add to an exec only where it keeps the container's own user.
  const std::vector<std::string> none;
  const auto& extra_groups = request.user.empty() ? items(record.host_config.group_add) : none;
  const runtime::ResolvedUser user = TRY(runtime::resolve_user(root, user_text, extra_groups));
  process.terminal = request.tty;
  if (const auto& size = options.console_size) process.console_size = spec::oci::Box{size->height, size->width};
  process.user = {.uid = user.uid, .gid = user.gid, .umask = std::nullopt, .additional_gids = user.additional_gids};
  process.args = request.cmd.list();
  std::vector<std::string> variables = host.link_environment;
  variables.insert(variables.end(), items(record.config.env).begin(),
                   items(record.config.env).end());
  process.env = make_environment({.hostname = record.config.hostname,
                                  .tty = request.tty,
                                  .config_env = std::move(variables),
                                  .extra = items(request.env),
                                  .home = user.home});
  process.cwd = request.working_dir.empty() ? record.config.working_dir : request.working_dir;
  if (process.cwd.empty()) process.cwd = "/";
  spec::docker::HostConfig rights = record.host_config;
  rights.privileged = rights.privileged || request.privileged;
  process.capabilities = capability_sets(TRY(capabilities_of(rights)), user.uid);
  const SecurityOptions security = TRY(parse_security_options(items(rights.security_opt), false));
  process.no_new_privileges = security.no_new_privileges;
  process.oom_score_adj = rights.oom_score_adj;
  process.rlimits = rlimits_of(rights);
  return process;
}

keeper::StartRequest start_request(const Exec& exec, const ExecStartOptions& options) {
  keeper::StartRequest request;
  request.target = target_of(exec);
  request.nonce = random_hex(kNonceBytes);
  request.stdio.tty = exec.request.tty;
  request.stdio.open_stdin = exec.request.attach_stdin && !options.detach;
  request.stdio.stdin_once = true;
  request.stdio.discard = options.detach;
  if (const auto& size = options.console_size)
    request.stdio.window = {static_cast<std::uint16_t>(size->height), static_cast<std::uint16_t>(size->width)};
  return request;
}

// Up to the moment before the program runs.
Result<keeper::StartedProcess> prepare_process(Core& core, const Exec& exec,
                                               const ExecStartOptions& options) {
  Host host = TRY(running_host(core, exec));
  // As docker: what the links are now; nothing where a target has ended.
  if (const auto links = live_links(core, host.record))
    host.link_environment = link_environment(host.record.name, *links);
  const spec::oci::Process process = TRY(make_process(host, exec.request, options));
  ContainerRecord rights = host.record;
  rights.host_config.privileged = rights.host_config.privileged || exec.request.privileged;
  const auto seccomp = TRY(seccomp_of(rights, host_facts(core).has_apparmor));
  runtime::ExecRequest request;
  request.process = &process;
  request.seccomp = seccomp ? &*seccomp : nullptr;
  request.target = host.pidfd.get();
  request.cgroup = cgroup_of(core, host.state.cgroup);
  runtime::Prepared prepared = TRY(runtime::prepare_exec(std::move(request)));
  keeper::StartFds fds;
  fds.plan = TRY(sys::sealed_memfd("plan", runtime::encode(prepared.plan)));
  fds.fds = std::move(prepared.fds);
  if (options.detach) return core.keeper->exec_start(start_request(exec, options), fds);
  return core.keeper->start(start_request(exec, options), fds);
}

// The runtime speaks of a container's init; of an exec docker says it shorter.
Error exec_error(const Error& cause) {
  std::string text = cause.message();
  constexpr std::string_view init = "error during container init: ";
  if (const auto at = text.find(init); at != text.npos) text.erase(at, init.size());
  if (text.starts_with("unable to start container process"))
    text = "OCI runtime exec failed: exec failed: " + text;
  const bool command_at_fault = start_failure_code(text) != 128;
  return {command_at_fault ? ErrorKind::InvalidArgument : cause.kind(), cause.errno_value(), text};
}

Result<> claim(Exec& exec) {
  const auto progress = exec.progress.lock();
  if (progress->phase == Exec::Phase::Running || progress->phase == Exec::Phase::Starting)
    return Error::conflict(fmt::format("exec {} is already running", exec.id.str()));
  if (progress->phase == Exec::Phase::Ended)
    return Error::conflict(fmt::format("exec command {} has already run", exec.id.str()));
  progress->phase = Exec::Phase::Starting;
  return {};
}

void end_exec(Exec& exec, std::int64_t exit_code) {
  {
    const auto progress = exec.progress.lock();
    progress->phase = Exec::Phase::Ended;
    progress->pid = 0;
    progress->pidfd.reset();
    progress->exit_code = exit_code;
    progress->ended_unix_s = to_unix_seconds(now());
  }
  exec.ended.notify_all();
}

// docker: the form of the stream is what the start asks for, whatever the process has.
Result<> attach_client(Core& core, const Exec& exec, const ExecStartOptions& options,
                       HijackedConnection& connection) {
  const ExecCreateRequest& request = exec.request;
  std::string detach_keys(kDefaultDetachKeys);
  if (!request.detach_keys.empty()) detach_keys = TRY(parse_detach_keys(request.detach_keys));
  keeper::AttachRequest attach;
  attach.target = target_of(exec);
  attach.want_stdin = request.attach_stdin;
  attach.want_stdout = request.attach_stdout;
  // Raw bytes of two streams could not be told apart: docker leaves the second one out.
  attach.want_stderr = request.attach_stderr && !(options.tty && !request.tty);
  attach.framing = options.tty ? keeper::Framing::Raw : keeper::Framing::Framed;
  if (request.tty) attach.detach_keys = std::move(detach_keys);
  attach.already_read = std::move(connection.already_read);
  TRY(core.keeper->attach(attach, connection.fd));
  return {};
}

void tell_on_stream(const ExecStartOptions& options, const sys::Fd& writer, const Error& error) {
  const std::string text = error.message() + "\r\n";
  std::string bytes;
  if (!options.tty) {
    const auto size = static_cast<std::uint32_t>(text.size());
    bytes = {static_cast<char>(LogStream::Stdout), 0, 0, 0, static_cast<char>(size >> 24),
             static_cast<char>(size >> 16), static_cast<char>(size >> 8), static_cast<char>(size)};
  }
  static_cast<void>(sys::write_all(writer, bytes + text));
}

void record_started(Exec& exec, keeper::StartedProcess started) {
  const auto progress = exec.progress.lock();
  // Its end may have been faster.
  if (progress->phase != Exec::Phase::Starting) return;
  progress->phase = Exec::Phase::Running;
  progress->pid = started.process.pid;
  progress->pidfd = std::make_shared<const sys::Pidfd>(std::move(started.pidfd));
}

}  // namespace

Result<std::string> create_exec(Core& core, Container& container, const ExecCreateRequest& request,
                                const std::string& name) {
  if (request.cmd.list().empty()) return Error::invalid("No exec command specified");
  if (!request.detach_keys.empty()) TRY(parse_detach_keys(request.detach_keys));
  auto exec = std::make_shared<Exec>();
  exec->id = ExecId::random();
  exec->request = request;
  Host host;
  {
    const auto details = container.details.lock();
    const bool names_it = details->state.kind() == Status::Paused || details->state.kind() == Status::Restarting;
    TRY(check_running(details->state, names_it ? name : details->record.id.str()));
    host = {details->record, details->state, details->pidfd};
  }
  TRY(check_user(host, request));
  exec->container_nonce = host.state.nonce;
  exec->container = host.record.id;
  core.execs.insert(exec);
  publish_exec_event(core, host.record, *exec, "exec_create: " + command_text(request));
  return exec->id.str();
}

// The process waits before its program while its client is given to the pump, so that not a
// byte is missed; until then the connection is ours, to tell what went wrong on it.
static Result<> run_exec(Core& core, const ExecPtr& exec, const ExecStartOptions& options,
                         HijackedConnection* connection) {
  keeper::StartedProcess started = TRY(prepare_process(core, *exec, options));
  if (connection != nullptr) TRY(attach_client(core, *exec, options, *connection));
  // Before the program runs, so that a client that sees its end finds it running or ended.
  record_started(*exec, std::move(started));
  if (connection != nullptr) TRY(core.keeper->go(target_of(*exec)));
  return {};
}

Result<> start_exec(Core& core, const ExecPtr& exec, const ExecStartOptions& options,
                    const Hijack& hijack) {
  const Host host = TRY(running_host(core, *exec));
  TRY(claim(*exec));
  HijackedConnection connection;
  if (!options.detach) {
    auto hijacked = hijack(options.tty);
    if (!hijacked) {
      end_exec(*exec, 126);
      return std::move(hijacked).error();
    }
    connection = std::move(*hijacked);
  }
  publish_exec_event(core, host.record, *exec, "exec_start: " + command_text(exec->request));
  const Result<> ran = run_exec(core, exec, options, options.detach ? nullptr : &connection);
  if (ran) return {};
  const Error error = exec_error(ran.error());
  const std::int64_t code = start_failure_code(error.message());
  end_exec(*exec, code == 128 ? 126 : code);
  // As docker: once the stream has begun, the error is on it.
  if (connection.fd) tell_on_stream(options, connection.fd, error);
  static_cast<void>(core.keeper->forget(target_of(*exec)));
  return options.detach ? Result<>(Error(error)) : Result<>();
}

void handle_exec_end(Core& core, const keeper::Event& event) {
  if (auto exec = core.execs.find(event.target.exec)) {
    end_exec(**exec, event.exit.code);
    if (const ContainerPtr container = core.containers->find_id((*exec)->container))
      publish_exec_event(core, container->record(), **exec, "exec_die",
                         {{"exitCode", std::to_string(event.exit.code)}});
  }
  static_cast<void>(core.keeper->acknowledge(event.sequence));
  static_cast<void>(core.keeper->forget(event.target));
}

// A client asks as soon as its stream has ended, which may be before the news of the end has
// reached us: a process that is gone is waited for, as long as the keeper may drain its output.
static Exec::Progress settled_progress(Exec& exec) {
  constexpr std::chrono::seconds kDrain{4};
  auto progress = exec.progress.lock();
  const bool gone = progress->phase == Exec::Phase::Running && progress->pidfd &&
                    progress->pidfd->wait_ended(0).value_or(false);
  if (gone)
    exec.ended.wait_for(progress.lock_handle(), kDrain,
                        [&] { return progress->phase == Exec::Phase::Ended; });
  return *progress;
}

Result<spec::docker::ExecInspect> inspect_exec(const ExecPtr& exec) {
  const ExecCreateRequest& request = exec->request;
  const Exec::Progress progress = settled_progress(*exec);
  spec::docker::ExecInspect shown;
  shown.id = exec->id.str();
  shown.running = progress.phase == Exec::Phase::Running || progress.phase == Exec::Phase::Starting;
  shown.exit_code = progress.exit_code;
  shown.pid = progress.pid;
  shown.container_id = exec->container.str();
  shown.open_stdin = request.attach_stdin;
  shown.open_stdout = request.attach_stdout;
  shown.open_stderr = request.attach_stderr;
  shown.can_remove = progress.phase == Exec::Phase::Ended;
  shown.process_config.tty = request.tty;
  shown.process_config.entrypoint = request.cmd.list().front();
  shown.process_config.arguments.assign(request.cmd.list().begin() + 1, request.cmd.list().end());
  shown.process_config.user = request.user;
  shown.process_config.privileged = request.privileged;
  return shown;
}

}  // namespace wherry::engine
