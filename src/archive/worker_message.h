// Messages between Unpacker and its worker: one fixed struct and a text, over SOCK_SEQPACKET.
// Both ends are the same program, so there is no version; see the drawing in unpacker.h.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "archive/unpacker.h"
#include "base/result.h"

namespace wherry::archive {

enum class Say : std::uint32_t { Request = 1, Available, Complete, Done, Failed };

struct WorkerHeader {
  Say say = Say::Request;
  ErrorKind error_kind = ErrorKind::Internal;
  std::int32_t error_number = 0;
  Input input = Input::Whole;
  Whiteouts whiteouts = Whiteouts::Overlay;
  std::uint64_t total = 0;  // of Available and Complete
  ExtractLimits limits;
  std::array<std::uint64_t, 4> stats{};
};

struct WorkerMessage {
  WorkerHeader header;
  std::string text;  // Failed: the message; Done: the diff_id
};

inline constexpr std::size_t kWorkerMessageLimit = 64 << 10;

std::string encode(const WorkerMessage& message);
Result<WorkerMessage> decode_worker_message(std::string_view bytes);

WorkerMessage answer_of(const Result<ExtractStats>& outcome);
Result<ExtractStats> outcome_of(const WorkerMessage& answer);

}  // namespace wherry::archive
