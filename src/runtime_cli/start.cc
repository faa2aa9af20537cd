#include "runtime_cli/start.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <utility>

#include "base/strings.h"
#include "runtime/user.h"
#include "runtime_cli/foreground.h"
#include "spec/oci_runtime_json.h"
#include "sys/socket.h"

namespace wherry::runtime_cli {
namespace {

using runtime::Report;
using runtime::ReportKind;

constexpr std::uint64_t kMaximumPreservedFds = 1024;

Result<sys::Fd> duplicate_stream(int number) {
  const int copy = ::fcntl(number, F_DUPFD_CLOEXEC, 3);
  if (copy >= 0) return sys::Fd(copy);
  return sys::open_at({}, "/dev/null", O_RDWR);
}

// By our caller: what we have opened ourselves by now is close-on-exec, what came through exec is not.
bool is_open(unsigned number) {
  const int flags = ::fcntl(static_cast<int>(number), F_GETFD);
  return flags >= 0 && (flags & FD_CLOEXEC) == 0;
}

// Sockets of systemd's protocol go to the first process of a container, not to an exec.
unsigned listen_fds(const Options& options) {
  const char* text = ::getenv("LISTEN_FDS");
  const auto count = text == nullptr || options.command == "exec" ? std::nullopt : parse_u64(text);
  return count && *count <= kMaximumPreservedFds ? static_cast<unsigned>(*count) : 0;
}

Error ended(const runtime::Launch& launch, const runtime::Plan& plan, const Report& report) {
  static_cast<void>(launch.pidfd.wait_ended(-1));
  static_cast<void>(launch.pidfd.reap());
  if (report.kind == ReportKind::Failed) return runtime::describe(plan, report.failure);
  return Error::internal("container process ended before it was ready");
}

// The next word, of whoever is the container's process by then.
Result<Report> next_report(runtime::Launch& launch, runtime::Newborn& newborn) {
  while (true) {
    if (!newborn.awaited())
      if (auto kept = newborn.take_kept()) return std::move(*kept);
    Report report = TRY(runtime::read_report(launch.channel));
    if (newborn.keeps(report, launch.pid)) continue;
    if (report.kind != ReportKind::Born) return report;
    launch.former = std::exchange(launch.pidfd, TRY(newborn.meet(report, launch.pid)));
    launch.pid = report.pid;
  }
}

// It has ended, or is about to: it only named its child.
void reap_former(runtime::Launch& launch) {
  if (!launch.former.fd()) return;
  static_cast<void>(launch.former.wait_ended(-1));
  static_cast<void>(launch.former.reap());
  launch.former = {};
}

}  // namespace

Result<runtime::Stdio> stdio_of(const runtime::Plan& plan) {
  runtime::Stdio stdio;
  if (plan.terminal) return stdio;
  stdio.in = TRY(duplicate_stream(0));
  stdio.out = TRY(duplicate_stream(1));
  stdio.err = TRY(duplicate_stream(2));
  return stdio;
}

Result<unsigned> preserved_fds(const Options& options) {
  const std::string text = options.value("preserve-fds", "0");
  const auto asked = parse_u64(text);
  if (!asked || *asked > kMaximumPreservedFds)
    return Error::invalid(fmt::format("--preserve-fds {}", quote(text)));
  unsigned count = static_cast<unsigned>(*asked) + listen_fds(options);
  // As with crun those at the end may be closed. One between open ones would become one of ours.
  while (count > 0 && !is_open(2 + count)) --count;
  for (unsigned number = 3; number < 3 + count; ++number)
    if (!is_open(number)) return Error::invalid(fmt::format("--preserve-fds: descriptor {} is not open", number));
  return count;
}

void complete_environment(const Options& options, const sys::Fd& root, spec::oci::Process& process) {
  const auto has = [&](std::string_view name) {
    return std::ranges::any_of(process.env, [&](const std::string& entry) { return entry.starts_with(name); });
  };
  if (!has("HOME=")) {
    const auto user = runtime::resolve_user(root, fmt::format("{}", process.user.uid), {});
    process.env.push_back("HOME=" + (user ? user->home : std::string("/")));
  }
  const unsigned sockets = listen_fds(options);
  if (sockets == 0) return;
  if (!has("LISTEN_FDS=")) process.env.push_back(fmt::format("LISTEN_FDS={}", sockets));
  if (!has("LISTEN_PID=")) process.env.emplace_back("LISTEN_PID=1");
}

Result<> write_pid_file(const Options& options, pid_t pid) {
  const std::string path = options.value("pid-file");
  if (path.empty()) return {};
  const std::size_t slash = path.rfind('/');
  const std::string directory = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const sys::Fd parent = TRY(sys::open_at({}, directory.c_str(), O_RDONLY | O_DIRECTORY));
  const std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
  return sys::replace_file_at(parent, name, fmt::format("{}", pid), 0644, sys::Durable::No);
}

Result<sys::Fd> await_ready(runtime::Launch& launch, const runtime::Plan& plan,
                            const Options& options, const Callbacks& callbacks) {
  sys::Fd terminal;
  runtime::Newborn newborn(plan);
  while (true) {
    Report report = TRY(next_report(launch, newborn));
    if (report.kind == ReportKind::Ready) {
      reap_former(launch);
      return terminal;
    }
    if (report.kind == ReportKind::Listener && callbacks.when_listening) {
      const sys::Fd listener = TRY(runtime::take_listener(launch.pidfd, report.number));
      TRY(callbacks.when_listening(listener));
      TRY(runtime::say_go(launch.channel));
      continue;
    }
    if (report.kind == ReportKind::Waiting && callbacks.when_waiting) {
      TRY(callbacks.when_waiting());
      TRY(runtime::say_go(launch.channel));
      continue;
    }
    if (report.kind != ReportKind::PtyMaster) return ended(launch, plan, report);
    const std::string socket = options.value("console-socket");
    if (!socket.empty()) TRY(send_console(socket, report.pty));
    else terminal = std::move(report.pty);
  }
}

Result<> send_listener(const spec::oci::Seccomp& seccomp, const sys::Fd& listener, const spec::oci::State& state, pid_t pid) {
  // The version of the message is the one that listeners know, crun's.
  const json::Value message = boost::json::object{{"ociVersion", "0.2.0"},
                                                  {"fds", boost::json::array{"seccompFd"}},
                                                  {"pid", pid},
                                                  {"metadata", seccomp.listener_metadata},
                                                  {"state", json::to_value(state)}};
  const sys::Fd socket = TRY_AS("linux.seccomp.listenerPath", sys::connect_unix(seccomp.listener_path, SOCK_STREAM));
  const std::array fds{listener.get()};
  return sys::send_message(socket, json::write_value(message), fds);
}

Result<> go_and_confirm(const runtime::Launch& launch, const runtime::Plan& plan) {
  TRY(runtime::say_go(launch.channel));
  const Report report = TRY(runtime::read_report(launch.channel));
  if (report.kind == ReportKind::Closed) return {};
  return ended(launch, plan, report);
}

}  // namespace wherry::runtime_cli
