// The worker's side of archive/unpacker.h: all that `wherryd --unpack` does.
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <new>

#include "archive/confine.h"
#include "archive/extract.h"
#include "archive/unpacker.h"
#include "archive/worker_message.h"
#include "sys/socket.h"

namespace wherry::archive {
namespace {

constexpr std::size_t kChunk = 256 * 1024;

Error engine_gone() {
  return {ErrorKind::Cancelled, "the engine has gone"};
}

// The blob, as far as it is there: the engine's messages say how far that is. Its close of
// the socket ends the work at the next chunk.
class WorkerInput : public Stream {
 public:
  WorkerInput(const sys::Fd& input, Input kind, const sys::Fd& channel)
      : input_(input), channel_(channel), growing_(kind == Input::Growing), buffer_(kChunk) {}

  Result<Bytes> next() override {
    if (!growing_) return next_of_whole();
    while (position_ == available_ && !complete_) TRY(receive());
    const std::uint64_t wanted = std::min<std::uint64_t>(kChunk, available_ - position_);
    if (wanted == 0) return Bytes();
    const ssize_t count =
        ::pread(input_.get(), buffer_.data(), wanted, static_cast<off_t>(position_));
    if (count < 0) return Error::from_errno(errno, "read blob");
    if (count == 0) return Error::internal("blob is shorter than the engine said");
    position_ += static_cast<std::uint64_t>(count);
    return Bytes(buffer_.data(), static_cast<std::size_t>(count));
  }

 private:
  Result<Bytes> next_of_whole() {
    pollfd watch{channel_.get(), POLLIN, 0};
    if (::poll(&watch, 1, 0) > 0) return engine_gone();  // nothing but its close can come
    for (;;) {
      const ssize_t count = ::read(input_.get(), buffer_.data(), buffer_.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return Error::from_errno(errno, "read blob");
      return Bytes(buffer_.data(), static_cast<std::size_t>(count));
    }
  }

  Result<> receive() {
    const auto received = TRY(sys::receive_message(channel_, kWorkerMessageLimit));
    if (received.bytes.empty()) return engine_gone();
    const WorkerMessage message = TRY(decode_worker_message(received.bytes));
    available_ = std::max(available_, message.header.total);
    complete_ = message.header.say == Say::Complete;
    return {};
  }

  const sys::Fd& input_;
  const sys::Fd& channel_;
  bool growing_;
  std::vector<std::uint8_t> buffer_;
  std::uint64_t position_ = 0;
  std::uint64_t available_ = 0;
  bool complete_ = false;
};

Result<ExtractStats> serve(const sys::Fd& channel) {
  // Whatever OpenSSL reads at its first use, it reads before the walls stand.
  static_cast<void>(Sha256::of(""));
  const auto received = TRY(sys::receive_message(channel, kWorkerMessageLimit));
  const WorkerMessage request = TRY(decode_worker_message(received.bytes));
  if (request.header.say != Say::Request || received.fds.size() != 2)
    return Error::internal("invalid request to unpack worker");
  const sys::Fd& target = received.fds[1];
  TRY_AS("confine unpack worker", confine_to(target));
  const auto privilege =
      ::geteuid() == 0 ? ExtractOptions::Privilege::Root : ExtractOptions::Privilege::User;
  WorkerInput input(received.fds[0], request.header.input, channel);
  return extract(input, target,
                 {.whiteouts = request.header.whiteouts,
                  .limits = request.header.limits,
                  .privilege = privilege});
}

Result<ExtractStats> serve_within_memory(const sys::Fd& channel) {
  // The allocator throws at the limit of confine.cc: the archive's fault, and our last step.
  try {
    return serve(channel);
  } catch (const std::bad_alloc&) {
    return Error::invalid("archive takes too much memory to unpack");
  }
}

}  // namespace

int run_unpack_worker() {
  const sys::Fd channel(kWorkerSocket);
  const auto outcome = serve_within_memory(channel);
  const auto sent = sys::send_message(channel, encode(answer_of(outcome)));
  return sent ? 0 : 1;
}

}  // namespace wherry::archive
