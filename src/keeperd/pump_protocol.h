// What keeper and pump say to each other, in the packets of keeper/wire.h. Both are the same
// binary, but an upgraded keeper may meet the pump of the version before it.
//
//   keeper                               pump
//   Adopt                         ->
//                                 <-     Ok: the streams it has, with duplicates of their fds
//   Add (fds)                     ->     reads, logs, serves the clients
//   Attach (connection)           ->
//                                 <-     Ok: Attached
//   Ended                         ->     drains the output
//                                 <-     Drained
//   Remove                        ->     finishes the clients and forgets the stream
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "keeper/protocol.h"
#include "keeper/wire.h"

namespace wherry::keeperd {

enum class PumpVerb : std::uint16_t {
  Adopt = 300,
  Reserve = 301,
  Add = 302,
  Attach = 303,
  Release = 304,
  CloseStdin = 305,
  Ended = 306,
  Remove = 307,
  // events of the pump
  Drained = 400,
  Detached = 401,
  StdinClosed = 402,
  LogLost = 403,
};
inline keeper::Verb wire_verb(PumpVerb verb) { return static_cast<keeper::Verb>(verb); }
inline PumpVerb pump_verb(keeper::Verb verb) { return static_cast<PumpVerb>(verb); }

// A stream is one run of a container or one exec; its number is never used again.
using StreamNumber = std::uint64_t;

// Which descriptors follow, in this order.
struct StreamFds {
  sys::Fd in;   // write end; with a tty empty
  sys::Fd out;  // read end, or the master of the tty
  sys::Fd err;
  sys::Fd log_directory;
};

struct StreamInfo {
  StreamNumber number = 0;
  keeper::Target target;
  std::string nonce;
  keeper::StdioOptions stdio;
  keeper::LogOptions log;
  bool live = false;     // it has been added, not only reserved
  bool ended = false;    // Ended has been said
  bool drained = false;  // and answered
};

// Body of Add, and each element of the answer to Adopt.
struct StreamMessage {
  StreamInfo info;
  StreamFds fds;
};
std::string encode(const StreamMessage& message);       // with a mask of the descriptors
std::vector<sys::Fd> take_fds(StreamFds& fds);           // in wire order
// Takes the descriptors that the mask names from the front of `fds`.
Result<StreamMessage> decode_stream(std::string_view bytes, std::span<sys::Fd>& fds);

// Bodies that begin with a stream's number; `rest` is what follows.
struct Numbered {
  StreamNumber number = 0;
  std::string_view rest;
};
std::string encode_number(StreamNumber number, std::string_view rest = {});
Result<Numbered> decode_number(std::string_view bytes);

}  // namespace wherry::keeperd
