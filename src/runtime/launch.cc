#include "runtime/launch.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/check.h"
#include "runtime/child.h"
#include "sys/socket.h"

namespace wherry::runtime {
namespace {

constexpr std::size_t kMaximumWordBytes = 256;

// The child closes 0, 1 and 2 when it takes its stdio: nothing it needs may live there.
Result<> move_above_stdio(sys::Fd& fd) {
  if (!fd || fd.get() > 2) return {};
  const int moved = ::fcntl(fd.get(), F_DUPFD_CLOEXEC, 3);
  if (moved < 0) return Error::from_errno(errno, "move descriptor");
  fd = sys::Fd(moved);
  return {};
}

std::vector<char*> pointers_to(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

const char* search_path_of(const std::vector<std::string>& env) {
  const char* found = nullptr;
  for (const std::string& entry : env)
    if (entry.starts_with("PATH=")) found = entry.c_str() + 5;
  return found;
}

// Everything the child reads, owned until the clone is done.
struct Arguments {
  std::vector<char*> argv;
  std::vector<char*> envp;
  std::vector<int> slots;
  ChildInput input;
};

void fill(Arguments& made, const Plan& plan, const std::vector<sys::Fd>& fds, const Stdio& stdio) {
  made.argv = pointers_to(plan.args);
  made.envp = pointers_to(plan.env);
  for (const sys::Fd& fd : fds) made.slots.push_back(fd.get());
  made.slots.resize(fds.size() + plan.scratch_count, -1);
  made.input = {.plan = &plan,
                .slots = made.slots.data(),
                .channel = -1,
                .stdio = {stdio.in.get(), stdio.out.get(), stdio.err.get()},
                .argv = made.argv.data(),
                .envp = made.envp.data(),
                .search_path = search_path_of(plan.env)};
}

// Our own pid namespace for the children to come, the container's while it lives.
class PidNamespaceVisit {
 public:
  PidNamespaceVisit() = default;
  PidNamespaceVisit(const PidNamespaceVisit&) = delete;
  PidNamespaceVisit& operator=(const PidNamespaceVisit&) = delete;
  ~PidNamespaceVisit() {
    // A launcher stuck in a container's pid namespace would put the next container there.
    if (own_) CHECK(::setns(own_.fd().get(), CLONE_NEWPID) == 0);
  }
  Result<> enter(int target) {
    sys::Pidfd own = TRY(sys::Pidfd::open(::getpid()));
    // The clone is visible in the container from its first instruction: it is born
    // non-dumpable (CVE-2016-9962), so the launcher is and stays so.
    if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) return Error::from_errno(errno, "prctl");
    if (::setns(target, CLONE_NEWPID) < 0)
      return Error::from_errno(errno, "join pid namespace");
    own_ = std::move(own);
    return {};
  }

 private:
  sys::Pidfd own_;
};

Result<Launch> clone_child(Arguments& arguments, const Plan& plan, sys::SocketPair channel) {
  PidNamespaceVisit visit;
  if (plan.pid_namespace != kNone)
    TRY(visit.enter(arguments.slots[plan.pid_namespace]));
  int pidfd = -1;
  clone_args wanted{};
  wanted.flags = plan.clone_flags | CLONE_PIDFD;
  wanted.pidfd = reinterpret_cast<std::uintptr_t>(&pidfd);
  wanted.exit_signal = SIGCHLD;
  if (plan.cgroup != kNone) {
    wanted.flags |= CLONE_INTO_CGROUP;
    wanted.cgroup = static_cast<std::uint64_t>(arguments.slots[plan.cgroup]);
  }
  arguments.input.channel = channel.second.get();
  const long pid = ::syscall(SYS_clone3, &wanted, sizeof wanted);
  if (pid < 0) return Error::from_errno(errno, "clone container process");
  if (pid == 0) {
    ::close(channel.first.get());
    child_main(arguments.input);
  }
  return Launch{.pid = static_cast<pid_t>(pid),
                .pidfd = sys::Pidfd(sys::Fd(pidfd)),
                .channel = std::move(channel.first)};
}

}  // namespace

Result<Launch> launch(const Plan& plan, std::vector<sys::Fd> fds, Stdio stdio) {
  TRY(validate(plan, fds.size()));
  if (!plan.terminal && !(stdio.in && stdio.out && stdio.err))
    return Error::internal("launch without a terminal needs three streams");
  for (sys::Fd& fd : fds) TRY(move_above_stdio(fd));
  for (sys::Fd* fd : {&stdio.in, &stdio.out, &stdio.err}) TRY(move_above_stdio(*fd));
  sys::SocketPair channel = TRY(sys::make_socket_pair(SOCK_SEQPACKET));
  TRY(move_above_stdio(channel.first));
  TRY(move_above_stdio(channel.second));
  if (plan.has(StepKind::EnterPidNamespace)) TRY(sys::tell_senders(channel.first));
  Arguments arguments;
  fill(arguments, plan, fds, stdio);
  return clone_child(arguments, plan, std::move(channel));
}

Result<Report> read_report(const sys::Fd& channel, int flags) {
  auto message = sys::receive_message(channel, kMaximumWordBytes, flags);
  if (!message && message.error().errno_value() == ECONNRESET) return Report{};
  sys::Message received = TRY(std::move(message));
  if (received.bytes.empty()) return Report{};
  Word word;
  if (received.bytes.size() != sizeof word) return Error::internal("child said a short word");
  std::memcpy(&word, received.bytes.data(), sizeof word);
  Report report;
  report.sender = received.sender;
  if (word.say == Say::Born) {
    report.kind = ReportKind::Born;
    report.pid = static_cast<pid_t>(word.failure.index);
  } else if (word.say == Say::Listener) {
    report.kind = ReportKind::Listener;
    report.number = static_cast<int>(word.failure.index);
  } else if (word.say == Say::Waiting) {
    report.kind = ReportKind::Waiting;
  } else if (word.say == Say::Ready) {
    report.kind = ReportKind::Ready;
  } else if (word.say == Say::PtyMaster && received.fds.size() == 1) {
    report.kind = ReportKind::PtyMaster;
    report.pty = std::move(received.fds[0]);
  } else if (word.say == Say::Failed) {
    report.kind = ReportKind::Failed;
    report.failure = word.failure;
  } else {
    return Error::internal("child said an unknown word");
  }
  return report;
}

bool Newborn::keeps(Report& report, pid_t parent) {
  if (!awaited_ || report.kind == ReportKind::Closed || report.sender == parent) return false;
  if (!kept_) kept_ = std::move(report);
  return true;
}

Result<sys::Pidfd> Newborn::meet(const Report& born, pid_t parent) {
  if (!awaited_ || born.kind != ReportKind::Born || born.sender != parent || born.pid <= 0)
    return Error::internal("an unknown process speaks for the container's");
  awaited_ = false;
  sys::Pidfd pidfd = TRY(sys::Pidfd::open(born.pid));
  siginfo_t info{};
  constexpr int kLookOnly = WEXITED | WNOHANG | WNOWAIT;
  if (::waitid(P_PIDFD, static_cast<id_t>(pidfd.fd().get()), &info, kLookOnly) < 0)
    return Error::from_errno(errno, "look at the container's process");
  return pidfd;
}

Result<sys::Fd> take_listener(const sys::Pidfd& child, int number) {
  sys::Fd taken(static_cast<int>(::syscall(SYS_pidfd_getfd, child.fd().get(), number, 0)));
  if (!taken) return Error::from_errno(errno, "take the seccomp listener");
  char kind[64] = {};
  const std::string path = fmt::format("/proc/self/fd/{}", taken.get());
  if (::readlink(path.c_str(), kind, sizeof kind - 1) < 0 || std::string_view(kind) != "anon_inode:seccomp notify")
    return Error::internal("not a seccomp listener");
  return taken;
}

Result<> say_go(const sys::Fd& channel) {
  const Word word{.say = Say::Go, .failure = {}};
  const std::string_view bytes(reinterpret_cast<const char*>(&word), sizeof word);
  return sys::send_message(channel, bytes);
}

}  // namespace wherry::runtime
