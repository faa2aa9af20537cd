#include "runtime/systemd_scope.h"

#include <fmt/format.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <optional>

#include "base/strings.h"
#include "base/undo.h"
#include "sys/dbus.h"

namespace wherry::runtime {
namespace {

using sys::DbusConnection;
using sys::DbusMessage;
using sys::DbusWriter;

// A manager that reloads its units answers late.
constexpr auto kDeadline = std::chrono::seconds(30);
constexpr const char* kDirectSocket = "/run/systemd/private";
constexpr const char* kBusSocket = "/run/dbus/system_bus_socket";
constexpr const char* kManager = "org.freedesktop.systemd1";

DbusConnection::Deadline deadline() { return std::chrono::steady_clock::now() + kDeadline; }

DbusMessage manager_call(std::string member, std::string signature = {}, std::string body = {}) {
  return {.destination = kManager, .path = "/org/freedesktop/systemd1",
          .interface = "org.freedesktop.systemd1.Manager", .member = std::move(member),
          .signature = std::move(signature), .body = std::move(body)};
}

// As a client of the bus, which hears of ended jobs only when it asks for it.
Result<DbusConnection> join_bus(const std::string& socket) {
  DbusConnection bus = TRY(DbusConnection::open(socket, deadline()));
  TRY(bus.hello(deadline()));
  const std::string rule = "type='signal',sender='org.freedesktop.systemd1',interface='org.freedesktop.systemd1.Manager',member='JobRemoved'";
  TRY(bus.call({.destination = "org.freedesktop.DBus", .path = "/org/freedesktop/DBus",
                .interface = "org.freedesktop.DBus", .member = "AddMatch", .signature = "s",
                .body = DbusWriter().text(rule).bytes()}, deadline()));
  TRY(bus.call(manager_call("Subscribe"), deadline()));
  return bus;
}

// $DBUS_SYSTEM_BUS_ADDRESS ("unix:path=..."), else systemd's own socket, which only root may use and which
// is there without a bus too, else the system bus.
Result<DbusConnection> connect_manager() {
  constexpr std::string_view kUnixPath = "unix:path=";
  const char* address = ::getenv("DBUS_SYSTEM_BUS_ADDRESS");
  if (address != nullptr && std::string_view(address).starts_with(kUnixPath))
    return join_bus(std::string(std::string_view(address).substr(kUnixPath.size())));
  if (auto direct = DbusConnection::open(kDirectSocket, deadline())) return direct;
  auto bus = join_bus(kBusSocket);
  if (!bus)
    return Error(ErrorKind::Unsupported, fmt::format("no systemd answers, which the systemd cgroup driver needs: {}", bus.error().message()));
  return bus;
}

void put_properties(DbusWriter& writer, const UnitProperties& properties) {
  writer.array(8, [&](DbusWriter& list) {
    for (const UnitProperty& property : properties) list.structure().text(property.name).variant(property.value);
  });
}

// Not among UnitProperties: an array of pids has a type of its own.
void put_start_properties(DbusWriter& writer, const UnitProperties& properties, pid_t pid) {
  writer.array(8, [&](DbusWriter& list) {
    for (const UnitProperty& property : properties) list.structure().text(property.name).variant(property.value);
    list.structure().text("PIDs").signature("au").array(4, [&](DbusWriter& pids) { pids.u32(static_cast<std::uint32_t>(pid)); });
  });
}

struct EndedJob {
  std::string job;
  std::string outcome;  // "done", "failed", ...
};

Result<EndedJob> read_job_removed(const DbusMessage& signal) {
  sys::DbusReader reader(signal.body);
  TRY(reader.u32());
  EndedJob ended;
  ended.job = TRY(reader.text());
  TRY(reader.text());
  ended.outcome = TRY(reader.text());
  return ended;
}

Result<> await_job(DbusConnection& manager, const DbusMessage& reply, const std::string& unit) {
  const std::string job = TRY(sys::DbusReader(reply.body).text());
  const auto until = deadline();
  while (true) {
    const DbusMessage signal = TRY_AS(unit, manager.next_signal(until));
    if (signal.member != "JobRemoved") continue;
    const EndedJob ended = TRY(read_job_removed(signal));
    if (ended.job != job) continue;
    if (ended.outcome == "done") return {};
    return Error::internal(fmt::format("systemd could not start {}: {}", unit, quote(ended.outcome)));
  }
}

// Which does nothing until it is killed, or we die.
Result<std::pair<sys::Pidfd, pid_t>> start_holder() {
  int pidfd = -1;
  clone_args arguments{};
  arguments.flags = CLONE_PIDFD;
  arguments.pidfd = reinterpret_cast<std::uintptr_t>(&pidfd);
  arguments.exit_signal = SIGCHLD;
  const pid_t parent = ::getpid();
  const long pid = ::syscall(SYS_clone3, &arguments, sizeof arguments);
  if (pid < 0) return Error::from_errno(errno, "clone3");
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::syscall(SYS_close_range, 0U, ~0U, 0U);
    // By the kernel's word: the library's may be of before the clone.
    while (::syscall(SYS_getppid) == parent) ::pause();
    ::_exit(0);
  }
  return std::pair{sys::Pidfd(sys::Fd(pidfd)), static_cast<pid_t>(pid)};
}

// Where systemd put the process: below its own hierarchy or v2's, the same path in each.
Result<std::string> group_of(pid_t pid, const std::string& scope) {
  const std::string text = TRY(sys::read_file(fmt::format("/proc/{}/cgroup", pid).c_str()));
  for (const std::string_view line : split(text, '\n')) {
    const auto rest = cut(line, ':');
    const auto path = rest ? cut(rest->after, ':') : std::nullopt;
    if (path && path->after.ends_with("/" + scope)) return std::string(path->after);
  }
  return Error::internal(fmt::format("systemd started {}, but its process is elsewhere: {}", scope, quote(text)));
}

Result<DbusMessage> start_unit(DbusConnection& manager, const UnitName& name, const UnitProperties& properties, pid_t pid) {
  DbusWriter writer;
  writer.text(name.scope).text("fail");
  put_start_properties(writer, properties, pid);
  writer.array(8, [](DbusWriter&) {});  // no further units
  const DbusMessage call = manager_call("StartTransientUnit", "ssa(sv)a(sa(sv))", writer.bytes());
  auto reply = manager.call(call, deadline());
  if (reply || reply.error().kind() != ErrorKind::Conflict) return reply;
  // One that failed stays loaded until somebody forgets it.
  static_cast<void>(manager.call(manager_call("ResetFailedUnit", "s", DbusWriter().text(name.scope).bytes()), deadline()));
  return manager.call(call, deadline());
}

}  // namespace

Result<ScopeHolder> ScopeHolder::start(const UnitName& name, const std::string& description, const UnitProperties& properties) {
  DbusConnection manager = TRY(connect_manager());
  ScopeHolder scope;
  auto [pidfd, pid] = TRY(start_holder());
  scope.holder_ = std::move(pidfd);
  scope.pid_ = pid;
  UnitProperties all{{"Description", description},         {"Slice", name.slice},
                     {"Delegate", true},                   {"DefaultDependencies", false},
                     {"CPUAccounting", true},              {"MemoryAccounting", true},
                     {"TasksAccounting", true}};
  all.insert(all.end(), properties.begin(), properties.end());
  const DbusMessage reply = TRY(start_unit(manager, name, all, pid));
  TRY(await_job(manager, reply, name.scope));
  scope.path_ = TRY(group_of(pid, name.scope));
  return scope;
}

void ScopeHolder::end() {
  if (!holder_) return;
  static_cast<void>(holder_.signal(SIGKILL));
  static_cast<void>(holder_.wait_ended(-1));
  static_cast<void>(holder_.reap());
  holder_ = {};
}

Result<> set_unit_properties(const std::string& scope, const UnitProperties& properties) {
  if (properties.empty()) return {};
  DbusConnection manager = TRY(connect_manager());
  DbusWriter writer;
  writer.text(scope).boolean(true);
  put_properties(writer, properties);
  TRY(manager.call(manager_call("SetUnitProperties", "sba(sv)", writer.bytes()), deadline()));
  return {};
}

Result<> end_unit(const std::string& scope) {
  DbusConnection manager = TRY(connect_manager());
  const std::string name = DbusWriter().text(scope).bytes();
  auto stopped = manager.call(manager_call("StopUnit", "ss", DbusWriter().text(scope).text("replace").bytes()), deadline());
  if (stopped) TRY(await_job(manager, *stopped, scope));
  else if (stopped.error().kind() != ErrorKind::NotFound) return std::unexpected(std::move(stopped).error());
  // There is nothing to forget where it ended well.
  static_cast<void>(manager.call(manager_call("ResetFailedUnit", "s", name), deadline()));
  return {};
}

}  // namespace wherry::runtime
