// Unpacking in a confined process of its own. The engine never parses a layer: it starts
// `wherryd --unpack` (run_unpack_worker below is all that process does) with the blob, the
// layer's target and one socket, and gets a typed result back. The worker has no network,
// can write below the target only (Landlock), keeps the few capabilities that making device
// nodes and owners takes, and runs under a seccomp allow-list and rlimits.
//
//   engine                               worker (wherryd --unpack)
//   Request, fds {input, target}  ->
//   Available{bytes}              ->     only with Input::Growing, any number of times
//   Complete{bytes}               ->     only with Input::Growing, once
//                                 <-     Done{ExtractStats} or Failed{kind, errno, message}
// The engine's close of the socket ends the worker; the worker's early close is an Error.
#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>

#include "archive/extract.h"
#include "base/result.h"
#include "sys/fd.h"
#include "sys/pidfd.h"

namespace wherry::archive {

// What a worker writes into, made by snapshot::Driver::begin_layer and passed on as it is.
// Today a directory; an image file when a driver stores layers as such.
struct UnpackTarget {
  sys::Fd fd;
  Whiteouts whiteouts = Whiteouts::Overlay;
};

enum class Input : std::uint8_t {
  Whole,    // a complete file from its start, or a pipe until its writer closes
  Growing,  // a file that is still being downloaded: read up to what available() said
};

struct UnpackRequest {
  sys::Fd input;  // for Growing: a read descriptor of its own (content::Ingest::open_partial)
  Input kind = Input::Whole;
  const UnpackTarget* target = nullptr;  // borrowed until start() returns
  ExtractLimits limits;
};

// One running worker. Destroying it kills and reaps the process. available(), complete() and
// wait() may come from different threads, one at a time each.
class Unpacker {
 public:
  // `program`: the path of wherryd; empty: this process' own binary (/proc/self/exe).
  static Result<Unpacker> start(const std::string& program, UnpackRequest request);

  Unpacker(Unpacker&&) noexcept;
  Unpacker& operator=(Unpacker&&) noexcept;
  ~Unpacker();

  // Growing: the first `total` bytes of the input are on disk. Never blocks: a message that
  // does not fit is left out, the next one says more.
  void available(std::uint64_t total);
  // Growing: the input is complete with `total` bytes. May block for the worker to read.
  Result<> complete(std::uint64_t total);

  // Blocks until the worker's answer; Cancelled when `stop` is requested (the worker is
  // killed). May be called once.
  Result<ExtractStats> wait(const std::stop_token& stop);

 private:
  Unpacker(sys::Pidfd process, sys::Fd channel);
  void kill_and_reap();

  sys::Pidfd process_;
  sys::Fd channel_;
};

// The worker's descriptor of the socket, fixed by posix_spawn.
inline constexpr int kWorkerSocket = 3;

// All of `wherryd --unpack`: confines itself, serves one request on descriptor
// kWorkerSocket, and returns the exit code (0 also after a reported failure).
int run_unpack_worker();

}  // namespace wherry::archive
