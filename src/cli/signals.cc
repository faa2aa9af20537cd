#include "cli/signals.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace wherry::cli {
namespace {

struct Name {
  int number;
  std::string_view name;
};

constexpr std::array<Name, 31> kNames = {{
    {SIGHUP, "HUP"},   {SIGINT, "INT"},       {SIGQUIT, "QUIT"}, {SIGILL, "ILL"},
    {SIGTRAP, "TRAP"}, {SIGABRT, "ABRT"},     {SIGBUS, "BUS"},   {SIGFPE, "FPE"},
    {SIGKILL, "KILL"}, {SIGUSR1, "USR1"},     {SIGSEGV, "SEGV"}, {SIGUSR2, "USR2"},
    {SIGPIPE, "PIPE"}, {SIGALRM, "ALRM"},     {SIGTERM, "TERM"}, {SIGSTKFLT, "STKFLT"},
    {SIGCHLD, "CHLD"}, {SIGCONT, "CONT"},     {SIGSTOP, "STOP"}, {SIGTSTP, "TSTP"},
    {SIGTTIN, "TTIN"}, {SIGTTOU, "TTOU"},     {SIGURG, "URG"},   {SIGXCPU, "XCPU"},
    {SIGXFSZ, "XFSZ"}, {SIGVTALRM, "VTALRM"}, {SIGPROF, "PROF"}, {SIGWINCH, "WINCH"},
    {SIGIO, "IO"},     {SIGPWR, "PWR"},       {SIGSYS, "SYS"},
}};

// Signals that a fault of our own raises, or that are no use to forward.
constexpr std::array<int, 11> kKept = {SIGCHLD, SIGPIPE, SIGURG, SIGKILL, SIGSTOP, SIGSEGV,
                                       SIGBUS,  SIGFPE,  SIGILL, SIGABRT, SIGTRAP};

// The write end that the handler uses; one queue at a time.
int queue_fd = -1;

extern "C" void enqueue(int number) {
  const int saved = errno;
  const auto byte = static_cast<unsigned char>(number);
  static_cast<void>(!::write(queue_fd, &byte, 1));
  errno = saved;
}

}  // namespace

std::string_view signal_name(int number) {
  const auto found = std::ranges::find(kNames, number, &Name::number);
  return found == kNames.end() ? std::string_view{} : found->name;
}

std::vector<int> forwarded_signals() {
  std::vector<int> numbers;
  for (const Name& entry : kNames) {
    if (std::ranges::find(kKept, entry.number) == kKept.end()) numbers.push_back(entry.number);
  }
  return numbers;
}

Result<SignalQueue> SignalQueue::catch_signals(const std::vector<int>& numbers) {
  SignalQueue queue;
  queue.pipe_ = TRY(sys::make_pipe(O_NONBLOCK));
  queue_fd = queue.pipe_.write_end.get();
  struct sigaction action{};
  action.sa_handler = enqueue;
  ::sigfillset(&action.sa_mask);
  for (const int number : numbers) {
    struct sigaction before{};
    // What the caller ignores (nohup) stays ignored.
    if (::sigaction(number, nullptr, &before) == 0 && before.sa_handler == SIG_IGN) continue;
    if (::sigaction(number, &action, nullptr) == 0) queue.numbers_.push_back(number);
  }
  return queue;
}

SignalQueue::~SignalQueue() {
  if (!pipe_.write_end) return;
  for (const int number : numbers_) ::signal(number, SIG_DFL);
  queue_fd = -1;
}

std::vector<int> SignalQueue::take() const {
  std::vector<int> numbers;
  std::array<unsigned char, 64> bytes{};
  ssize_t got = 0;
  while ((got = ::read(pipe_.read_end.get(), bytes.data(), bytes.size())) > 0) {
    numbers.insert(numbers.end(), bytes.begin(), bytes.begin() + got);
  }
  return numbers;
}

}  // namespace wherry::cli
