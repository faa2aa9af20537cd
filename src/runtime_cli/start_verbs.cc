// create, run, start.
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>

#include "base/strings.h"
#include "base/time.h"
#include "base/undo.h"
#include "runtime/launch.h"
#include "runtime/prepare.h"
#include "runtime_cli/config.h"
#include "runtime_cli/container.h"
#include "runtime_cli/foreground.h"
#include "runtime_cli/group_claim.h"
#include "runtime_cli/hooks.h"
#include "runtime_cli/start.h"
#include "runtime_cli/verbs.h"
#include "spec/oci_runtime_json.h"
#include "sys/mount.h"

namespace wherry::runtime_cli {
namespace {

struct Bundle {
  std::string path;
  std::string config_text;
  spec::oci::Config config;
  std::string rootfs;
};

std::string absolute(const std::string& path) {
  char resolved[PATH_MAX];
  return ::realpath(path.c_str(), resolved) == nullptr ? path : std::string(resolved);
}

Result<Bundle> load_bundle(const Options& options) {
  Bundle bundle;
  bundle.path = absolute(options.value("bundle", "."));
  const std::string file = options.value("config", bundle.path + "/config.json");
  bundle.config_text = TRY_AS("bundle", sys::read_file(file.c_str(), json::kMaximumBytes));
  bundle.config = TRY(parse_config(bundle.config_text));
  const std::string& root = bundle.config.root->path;
  bundle.rootfs = absolute(root.starts_with('/') ? root : bundle.path + "/" + root);
  struct stat status {};
  if (::stat(bundle.rootfs.c_str(), &status) < 0)
    return Error::from_errno(errno, fmt::format("config.json: root.path: {}", bundle.rootfs));
  if (!S_ISDIR(status.st_mode))
    return Error::invalid(fmt::format("config.json: root.path: {} is not a directory", bundle.rootfs));
  return bundle;
}

Result<sys::Fd> open_rootfs(const std::string& path) {
  using sys::DetachedMount;
  DetachedMount mount = TRY_AS("root.path", DetachedMount::clone({}, path, DetachedMount::Recursive::Yes));
  TRY(mount.change({.propagation = MS_PRIVATE, .recursive = DetachedMount::Recursive::Yes}));
  return mount.release();
}

// crun's annotation: the groups of the caller in place of the config's.
Result<> keep_groups(spec::oci::User& user) {
  std::array<gid_t, 65536> groups{};
  const int count = ::getgroups(static_cast<int>(groups.size()), groups.data());
  if (count < 0) return Error::from_errno(errno, "getgroups");
  user.additional_gids.assign(groups.begin(), groups.begin() + count);
  return {};
}

enum class Start : std::uint8_t { Now, Later };

// A terminal needs somebody to hold its other end.
Result<> check_terminal(const spec::oci::Config& config, const Options& options, Start when) {
  const bool terminal = config.process && config.process->terminal;
  const bool detached = when == Start::Later || options.has("detach");
  if (terminal && detached && !options.has("console-socket"))
    return Error::invalid("cannot allocate tty if the runtime will detach without a --console-socket");
  if (!terminal && options.has("console-socket"))
    return Error::invalid("cannot use --console-socket: process.terminal is false");
  return {};
}

// The two FIFOs of a detached start, as slots of the plan.
Result<> add_start_fifos(const Container& container, runtime::Prepared& prepared) {
  for (const char* name : {"go", "report"}) {
    const std::string path = container.path(name);
    if (::mkfifo(path.c_str(), 0600) < 0) return Error::from_errno(errno, "create " + path);
    // O_RDWR: the child neither blocks here nor sees an end of file while nobody is there.
    prepared.fds.push_back(TRY(sys::open_at({}, path.c_str(), O_RDWR)));
  }
  const std::size_t old_count = prepared.fds.size() - 2;
  for (runtime::Step& step : prepared.plan.steps)
    if (step.fd != runtime::kNone && step.fd >= old_count) step.fd += 2;
  prepared.plan.go = static_cast<std::uint32_t>(old_count);
  prepared.plan.late_report = prepared.plan.go + 1;
  for (runtime::Step& step : prepared.plan.steps)
    if (step.kind == runtime::StepKind::WaitForGo) step.fd = prepared.plan.go;
  return {};
}

struct Started {
  runtime::Launch launch;
  sys::Fd terminal;
};

class Starter {
 public:
  Starter(const Context& context, Start when) : context_(context), when_(when) {}

  // To the point where the child waits for Go. On an error nothing is left.
  Result<Started> run() {
    const Options& options = context_.options;
    bundle_ = TRY(load_bundle(options));
    TRY(check_terminal(bundle_.config, options, when_));
    // `create` needs no process, `start` does.
    without_process_ = !bundle_.config.process && when_ == Start::Later;
    if (without_process_) bundle_.config.process.emplace();
    container_ = TRY(Container::create(context_.root, options.arguments[0]));
    Undo undo;
    undo.add([this]() noexcept {
      static_cast<void>(container_->remove());
      if (bundle_.config.hooks && hooks_began_)
        run_late_hooks(context_, "poststop", bundle_.config.hooks->poststop,
                       hook_state(container_->record(), "stopped", 0));
    });
    TRY(write_claim());
    TRY(start_group());
    auto prepared = prepare_container();
    if (!prepared && container_->record().systemd_scope.empty())
      container_->record().cgroup_path.clear();  // what was made of it is gone
    prepared_ = TRY(std::move(prepared));
    for (const std::string& warning : prepared_.warnings) context_.warn(warning);
    if (when_ == Start::Later) TRY(add_start_fifos(*container_, prepared_));
    Started started = TRY(start_child(options, prepared_));
    TRY(settle_group());
    TRY(write_running(started.launch.pid));
    TRY(write_pid_file(options, started.launch.pid));
    TRY(send_pidfd(options.value("pidfd-socket"), started.launch.pidfd, "standard"));
    undo.commit();
    return started;
  }

  [[nodiscard]] Container& container() { return *container_; }
  [[nodiscard]] const runtime::Plan& plan() const { return prepared_.plan; }
  [[nodiscard]] const spec::oci::Config& config() const { return bundle_.config; }

 private:
  // Before anything is made in the kernel: what `delete` needs after a crash.
  Result<> write_claim() {
    Record& record = container_->record();
    record.bundle = bundle_.path;
    record.rootfs = bundle_.rootfs;
    record.created = format_rfc3339_nano(now());
    group_.emplace(TRY(GroupClaim::plan(context_.options, bundle_.config, record)));
    record.annotations = bundle_.config.annotations;
    record.boot_id = TRY(sys::boot_id());
    TRY(container_->save());
    const sys::Fd copy = TRY(
        sys::open_at({}, container_->path("config.json").c_str(), O_WRONLY | O_CREAT, 0600));
    return sys::write_all(copy, bundle_.config_text);
  }

  Result<> start_group() {
    TRY(group_->start(bundle_.config, container_->record()));
    return container_->record().systemd_scope.empty() ? Result<>() : container_->save();
  }

  Result<> settle_group() {
    std::vector<std::string> warnings;
    auto settled = group_->settle(*container_, warnings);
    for (const std::string& warning : warnings) context_.warn(warning);
    return settled;
  }

  Result<runtime::Prepared> prepare_container() {
    runtime::PrepareRequest request;
    request.config = &bundle_.config;
    request.rootfs = TRY(open_rootfs(bundle_.rootfs));
    request.rootfs_path = bundle_.rootfs;
    complete_environment(context_.options, request.rootfs, *bundle_.config.process);
    if (bundle_.config.annotations.contains("run.oci.keep_original_groups"))
      TRY(keep_groups(bundle_.config.process->user));
    request.cgroup = TRY(container_->cgroup());
    request.cgroup_guest = group_->guest();
    request.preserved_fds = TRY(preserved_fds(context_.options));
    request.new_keyring = !context_.options.has("no-new-keyring");
    request.mounts_in_order = true;
    request.without_program = without_process_;
    request.state = hook_state(container_->record(), "creating", 0);
    return runtime::prepare(std::move(request));
  }

  Result<Started> start_child(const Options& options, runtime::Prepared& prepared) {
    Started started;
    runtime::Stdio stdio = TRY(stdio_of(prepared.plan));
    hooks_began_ = true;
    started.launch = TRY(runtime::launch(prepared.plan, std::move(prepared.fds), std::move(stdio)));
    // Hooks of the child and a seccomp agent may ask for the state; nobody may wait for them meanwhile.
    const auto& seccomp = bundle_.config.linux_.seccomp;
    if (bundle_.config.hooks || (seccomp && !seccomp->listener_path.empty())) container_->settle();
    const Callbacks callbacks{
        .when_waiting = [&] { return run_create_hooks(started.launch.pid); },
        .when_listening = [&](const sys::Fd& listener) {
          const pid_t pid = started.launch.pid;
          return send_listener(*bundle_.config.linux_.seccomp, listener, hook_state(container_->record(), "creating", pid), pid);
        }};
    started.terminal = TRY(await_ready(started.launch, prepared.plan, options, callbacks));
    return started;
  }

  // The state is on disk before the hooks run: they may ask for it, or be killed with us.
  Result<> run_create_hooks(pid_t pid) {
    TRY(write_running(pid));
    const Record& record = container_->record();
    const spec::oci::Hooks& hooks = *bundle_.config.hooks;
    TRY(run_hooks("prestart", hooks.prestart, hook_state(record, "created", pid)));
    return run_hooks("createRuntime", hooks.create_runtime, hook_state(record, "creating", pid));
  }

  Result<> write_running(pid_t pid) {
    container_->record().pid = pid;
    container_->record().start_time = TRY(sys::process_start_time(pid));
    TRY(container_->save());
    container_->settle();
    return {};
  }

  const Context& context_;
  Start when_;
  Bundle bundle_;
  std::optional<Container> container_;
  runtime::Prepared prepared_;
  std::optional<GroupClaim> group_;
  bool without_process_ = false;
  bool hooks_began_ = false;
};

// Go through the FIFO; then the report ends (the program runs) or says why it does not.
Result<> release(const Container& container, const spec::oci::Config& config) {
  const std::string go_path = container.path("go");
  const sys::Fd report = TRY(sys::open_at({}, container.path("report").c_str(), O_RDONLY | O_NONBLOCK));
  const sys::Fd go = TRY_AS("container is not waiting to be started",
                            sys::open_at({}, go_path.c_str(), O_WRONLY | O_NONBLOCK));
  const runtime::Word word{.say = runtime::Say::Go, .failure = {}};
  TRY(sys::write_all(go, std::string_view(reinterpret_cast<const char*>(&word), sizeof word)));
  ::unlink(go_path.c_str());
  // Blocking from here on: the end of the file is the event that is waited for.
  if (::fcntl(report.get(), F_SETFL, 0) < 0) return Error::from_errno(errno, "report");
  runtime::Word answer;
  const ssize_t length = ::read(report.get(), &answer, sizeof answer);
  if (length == 0) return {};
  if (length != sizeof answer) return Error::internal("container said a short word");
  if (answer.failure.step == runtime::StepKind::RunHook)
    return Error::internal(fmt::format("startContainer hook: {}",
                                       answer.failure.errno_value == ETIME ? "it took too long" : "it failed"));
  const std::string program = config.process && !config.process->args.empty()
                                  ? config.process->args[0] : std::string();
  return Error::from_errno(answer.failure.errno_value,
                           fmt::format("exec {}: {}", quote(program),
                                       runtime::name_of(answer.failure.step)));
}

void run_poststop_hooks(const Context& context, const Container& container,
                        const spec::oci::Config& config) {
  if (!config.hooks || config.hooks->poststop.empty()) return;
  run_late_hooks(context, "poststop", config.hooks->poststop, hook_state(container.record(), "stopped", 0));
}

// A poststart hook that fails ends the container, as with runc and crun.
Result<> run_poststart_hooks(const Context& context, Container& container, const spec::oci::Config& config) {
  if (!config.hooks || config.hooks->poststart.empty()) return {};
  const Record& record = container.record();
  auto done = run_hooks("poststart", config.hooks->poststart, hook_state(record, "running", record.pid));
  if (done) return {};
  if (auto removed = container.remove(); !removed) context.warn(removed.error().message());
  run_poststop_hooks(context, container, config);
  return done;
}

}  // namespace

Result<int> create_container(const Context& context) {
  Starter starter(context, Start::Later);
  const Started started = TRY(starter.run());
  return 0;
}

Result<int> start_container(const Context& context) {
  Container container = TRY(Container::load(context.root, context.options.arguments[0]));
  const std::string status = container.status();
  if (status == "stopped") return Error::conflict("cannot start a container that has stopped");
  if (status != "created")
    return Error::conflict(fmt::format("cannot start a container in the {} state", status));
  const auto config = TRY(container.config());
  if (!config.process) {
    // Nothing will ever run in it.
    if (const auto waiting = container.process()) TRY(waiting->signal(SIGKILL));
    return Error::invalid("config.json: process must be set for a container to be started");
  }
  TRY(release(container, config));
  TRY(run_poststart_hooks(context, container, config));
  return 0;
}

Result<int> run_container(const Context& context) {
  const bool detached = context.options.has("detach");
  const SignalGate gate = TRY(SignalGate::open());
  Starter starter(context, Start::Now);
  const Started started = TRY(starter.run());
  auto outcome = go_and_confirm(started.launch, starter.plan());
  const spec::oci::Config& config = starter.config();
  if (!outcome) {
    TRY(starter.container().remove());
    run_poststop_hooks(context, starter.container(), config);
    return std::unexpected(std::move(outcome).error());
  }
  TRY(run_poststart_hooks(context, starter.container(), config));
  if (detached) return 0;
  const sys::ExitStatus status =
      TRY(attend(started.launch.pidfd, gate, started.terminal));
  if (context.options.has("keep")) return status.code;
  TRY(starter.container().remove());
  run_poststop_hooks(context, starter.container(), config);
  return status.code;
}

}  // namespace wherry::runtime_cli
