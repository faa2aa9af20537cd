#include "archive/worker_message.h"

#include <cstring>
#include <type_traits>

namespace wherry::archive {

static_assert(std::is_trivially_copyable_v<WorkerHeader>);

std::string encode(const WorkerMessage& message) {
  std::string bytes(sizeof(WorkerHeader), '\0');
  std::memcpy(bytes.data(), &message.header, sizeof(WorkerHeader));
  return bytes + message.text.substr(0, kWorkerMessageLimit - sizeof(WorkerHeader));
}

// The engine reads the worker's messages with this: they may say anything.
Result<WorkerMessage> decode_worker_message(std::string_view bytes) {
  if (bytes.size() < sizeof(WorkerHeader)) return Error::internal("unpack worker ended early");
  WorkerMessage message;
  std::memcpy(&message.header, bytes.data(), sizeof(WorkerHeader));
  message.text = bytes.substr(sizeof(WorkerHeader));
  const auto kind = static_cast<unsigned>(message.header.error_kind);
  if (kind > static_cast<unsigned>(ErrorKind::Unsupported))
    message.header.error_kind = ErrorKind::Internal;
  return message;
}

WorkerMessage answer_of(const Result<ExtractStats>& outcome) {
  WorkerMessage answer;
  if (!outcome) {
    answer.header.say = Say::Failed;
    answer.header.error_kind = outcome.error().kind();
    answer.header.error_number = outcome.error().errno_value();
    answer.text = outcome.error().message();
    return answer;
  }
  answer.header.say = Say::Done;
  answer.header.stats = {outcome->compressed_bytes, outcome->uncompressed_bytes, outcome->entries,
                         outcome->content_bytes};
  answer.text = outcome->diff_id.str();
  return answer;
}

Result<ExtractStats> outcome_of(const WorkerMessage& answer) {
  const WorkerHeader& header = answer.header;
  if (header.say == Say::Failed) return Error(header.error_kind, header.error_number, answer.text);
  if (header.say != Say::Done) return Error::internal("unpack worker answered out of turn");
  ExtractStats stats;
  stats.diff_id = TRY(Digest::parse(answer.text));
  stats.compressed_bytes = header.stats[0];
  stats.uncompressed_bytes = header.stats[1];
  stats.entries = header.stats[2];
  stats.content_bytes = header.stats[3];
  return stats;
}

}  // namespace wherry::archive
