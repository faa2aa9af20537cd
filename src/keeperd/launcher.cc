#include "keeperd/launcher.h"

#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <iterator>
#include <optional>
#include <span>

#include "base/log.h"
#include "sys/socket.h"

namespace wherry::keeperd {
namespace {

constexpr std::size_t kStreams = 3;
constexpr unsigned kFirstAfterStdio = 3;

// One start, on the caller's stack until the thread has answered. Descriptors have other numbers
// over there: they travel in messages, streams first.
struct Job {
  const runtime::Plan* plan = nullptr;
  bool has_streams = false;
  std::size_t fd_count = 0;  // streams included
  pid_t pid = 0;
  std::optional<Error> error;
};

std::string_view bytes_of(const Job* const& job) {
  return {reinterpret_cast<const char*>(&job), sizeof job};
}

Result<> close_all_but(const sys::Fd& kept) {
  const auto number = static_cast<unsigned>(kept.get());
  if (number > kFirstAfterStdio && ::close_range(kFirstAfterStdio, number - 1, 0) < 0)
    return Error::from_errno(errno, "close inherited descriptors");
  if (::close_range(number + 1, UINT_MAX, 0) < 0)
    return Error::from_errno(errno, "close inherited descriptors");
  return {};
}

// The first message has the job and the first descriptors, the others the rest of those.
Result<> send_job(const sys::Fd& socket, const Job* job, std::span<const int> fds) {
  do {
    const auto some = fds.first(std::min(fds.size(), sys::kMaximumFdsPerMessage));
    TRY(sys::send_message(socket, bytes_of(job), some));
    fds = fds.subspan(some.size());
  } while (!fds.empty());
  return {};
}

struct Received {
  Job* job = nullptr;  // null: the keeper ends
  std::vector<sys::Fd> fds;
};
Result<Received> receive_job(const sys::Fd& socket) {
  Received received;
  do {
    sys::Message message = TRY(sys::receive_message(socket, sizeof received.job));
    if (message.bytes.empty()) return Received{};
    if (message.bytes.size() != sizeof received.job) return Error::internal("launcher got half a job");
    std::memcpy(&received.job, message.bytes.data(), sizeof received.job);
    std::ranges::move(message.fds, std::back_inserter(received.fds));
  } while (received.fds.size() < received.job->fd_count);
  return received;
}

Result<runtime::Launch> carry_out(Received& received) {
  runtime::Stdio stdio;
  auto first = received.fds.begin();
  if (received.job->has_streams) {
    for (sys::Fd* stream : {&stdio.in, &stdio.out, &stdio.err}) *stream = std::move(*first++);
  }
  std::vector<sys::Fd> fds(std::make_move_iterator(first), std::make_move_iterator(received.fds.end()));
  return runtime::launch(*received.job->plan, std::move(fds), std::move(stdio));
}

Result<> answer(const sys::Fd& socket, Job& job, const Result<runtime::Launch>& launched) {
  if (!launched) {
    job.error = launched.error();
    return sys::send_message(socket, bytes_of(&job));
  }
  job.pid = launched->pid;
  const std::array fds{launched->pidfd.fd().get(), launched->channel.get()};
  return sys::send_message(socket, bytes_of(&job), fds);
}

Result<> serve(const sys::Fd& socket) {
  for (;;) {
    Received received = TRY(receive_job(socket));
    if (received.job == nullptr) return {};
    const auto launched = carry_out(received);
    TRY(answer(socket, *received.job, launched));
  }
}

// Says a word when the table is its own, then serves; a closed socket tells of any failure.
void run(int number) {
  if (::unshare(CLONE_FILES) < 0) {
    log::error("launcher: {}", Error::from_errno(errno, "unshare descriptors").message());
    ::shutdown(number, SHUT_RDWR);
    return;
  }
  const sys::Fd socket(number);
  Result<> served = close_all_but(socket);
  if (served) served = sys::send_message(socket, "1");
  if (served) served = serve(socket);
  if (!served) log::error("launcher: {}", served.error().message());
}

}  // namespace

Result<std::unique_ptr<Launcher>> Launcher::create() {
  std::unique_ptr<Launcher> launcher(new Launcher);
  sys::SocketPair pair = TRY(sys::make_socket_pair(SOCK_SEQPACKET));
  launcher->socket_ = std::move(pair.first);
  launcher->thread_ = std::thread(run, pair.second.get());
  const sys::Message ready = TRY(sys::receive_message(launcher->socket_, 1));
  if (ready.bytes.empty()) return Error::internal("the launcher did not start");
  return launcher;
}

Launcher::~Launcher() {
  ::shutdown(socket_.get(), SHUT_RDWR);
  if (thread_.joinable()) thread_.join();
}

Result<runtime::Launch> Launcher::launch(const runtime::Plan& plan, const std::vector<sys::Fd>& fds,
                                         const runtime::Stdio& stdio) {
  std::vector<int> numbers;
  numbers.reserve(kStreams + fds.size());
  Job job;
  job.plan = &plan;
  job.has_streams = stdio.in && stdio.out && stdio.err;
  if (job.has_streams) numbers = {stdio.in.get(), stdio.out.get(), stdio.err.get()};
  for (const sys::Fd& fd : fds) numbers.push_back(fd.get());
  job.fd_count = numbers.size();
  TRY(send_job(socket_, &job, numbers));
  sys::Message answer = TRY(sys::receive_message(socket_, sizeof(Job*)));
  if (answer.bytes.empty()) return Error::internal("the launcher has ended");
  if (job.error) return std::move(*job.error);
  if (answer.fds.size() != 2) return Error::internal("the launcher sent no pidfd");
  return runtime::Launch{.pid = job.pid,
                         .pidfd = sys::Pidfd(std::move(answer.fds[0])),
                         .channel = std::move(answer.fds[1])};
}

}  // namespace wherry::keeperd
