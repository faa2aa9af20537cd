#include <fcntl.h>
#include <fmt/format.h>
#include <linux/ioctl.h>
#include <sys/ioctl.h>

#include <cerrno>

#include "base/strings.h"
#include "network/network.h"

namespace wherry::network {
namespace {

// PIDFD_GET_NET_NAMESPACE of <linux/pidfd.h>, Linux >= 6.11; Debian 12's headers lack it.
constexpr unsigned long kPidfdGetNetNamespace = _IO(0xFF, 4);

// The number in a pidfd's fdinfo; -1 once the process is reaped.
Result<int> pid_of(const sys::Pidfd& process) {
  const std::string path = fmt::format("/proc/self/fdinfo/{}", process.fd().get());
  const std::string text = TRY(sys::read_file(path.c_str()));
  for (const std::string_view line : split(text, '\n')) {
    const auto parts = cut(line, ':');
    if (!parts || parts->before != "Pid") continue;
    if (const auto pid = parse_i64(trim(parts->after))) return static_cast<int>(*pid);
  }
  return Error::internal("pidfd without a process number");
}

// Kernels before 6.11: by number, which is right only if the process still lives afterwards.
Result<sys::Fd> open_by_number(const sys::Pidfd& process) {
  const int pid = TRY(pid_of(process));
  const std::string path = fmt::format("/proc/{}/ns/net", pid);
  sys::Fd netns = TRY(sys::open_at({}, path.c_str(), O_RDONLY));
  TRY(process.signal(0));
  return netns;
}

}  // namespace

Result<sys::Fd> open_netns(const sys::Pidfd& process) {
  const int raw = ::ioctl(process.fd().get(), kPidfdGetNetNamespace, 0);
  if (raw >= 0) return sys::Fd(raw);
  if (errno == ESRCH) return Error::not_found("the process has ended: it has no network namespace");
  return open_by_number(process);
}

}  // namespace wherry::network
