#include "sys/pidfd.h"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "base/strings.h"

namespace wherry::sys {
namespace {

// linux/pidfd.h of Debian 12 has no PIDFD_GET_INFO: the layout is kernel ABI.
struct PidfdInfo {
  std::uint64_t mask;
  std::uint64_t cgroupid;
  std::uint32_t pid, tgid, ppid;
  std::uint32_t ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
  std::int32_t exit_code;
};
constexpr std::uint64_t kInfoExit = 1U << 3;
constexpr unsigned long kGetInfo = _IOWR(0xFF, 11, PidfdInfo);

}  // namespace

ExitStatus exit_status_of(int wait_status) {
  if (WIFSIGNALED(wait_status)) return {128 + WTERMSIG(wait_status), true};
  return {WEXITSTATUS(wait_status), false};
}

Result<Pidfd> Pidfd::open(pid_t pid) {
  const long raw = ::syscall(SYS_pidfd_open, pid, 0);
  if (raw < 0) return Error::from_errno(errno, fmt::format("pidfd of {}", pid));
  return Pidfd(Fd(static_cast<int>(raw)));
}

Result<> Pidfd::signal(int number) const {
  if (::syscall(SYS_pidfd_send_signal, fd_.get(), number, nullptr, 0) == 0) return {};
  if (errno == ESRCH) return Error(ErrorKind::NotFound, ESRCH, "no such process");
  return Error::from_errno(errno, fmt::format("send signal {}", number));
}

Result<std::optional<ExitStatus>> Pidfd::reap() const {
  siginfo_t info{};
  while (::waitid(P_PIDFD, static_cast<id_t>(fd_.get()), &info, WEXITED | WNOHANG) < 0) {
    if (errno != EINTR) return Error::from_errno(errno, "wait for process");
  }
  if (info.si_pid == 0) return std::nullopt;
  if (info.si_code == CLD_EXITED) return ExitStatus{info.si_status, false};
  return ExitStatus{128 + info.si_status, true};
}

Result<bool> Pidfd::wait_ended(int timeout_ms) const {
  pollfd entry{fd_.get(), POLLIN, 0};
  for (;;) {
    const int ready = ::poll(&entry, 1, timeout_ms);
    if (ready >= 0) return ready > 0;
    if (errno != EINTR) return Error::from_errno(errno, "poll pidfd");
  }
}

std::optional<ExitStatus> Pidfd::exit_info() const {
  PidfdInfo info{};
  info.mask = kInfoExit;
  if (::ioctl(fd_.get(), kGetInfo, &info) < 0 || (info.mask & kInfoExit) == 0) return std::nullopt;
  return exit_status_of(info.exit_code);
}

Result<std::uint64_t> process_start_time(pid_t pid) {
  const std::string stat = TRY(read_file(fmt::format("/proc/{}/stat", pid).c_str()));
  // The command name (field 2) may hold blanks and parentheses: start after the last one.
  const auto name_end = stat.rfind(')');
  if (name_end == std::string::npos) return Error::internal("malformed /proc stat");
  const auto fields = split(std::string_view(stat).substr(name_end + 2), ' ');
  const auto ticks = fields.size() > 19 ? parse_u64(fields[19]) : std::nullopt;
  if (!ticks) return Error::internal("malformed /proc stat");
  return *ticks;
}

Result<std::string> boot_id() {
  return std::string(trim(TRY(read_file("/proc/sys/kernel/random/boot_id"))));
}

}  // namespace wherry::sys
