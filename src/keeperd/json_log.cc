#include "keeperd/json_log.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "base/check.h"
#include "keeperd/json_text.h"

namespace wherry::keeperd {
namespace {

constexpr std::string_view kPrefix = R"({"log":")";
// A slow disk may take a quarter of the pump's time from a log in non-blocking mode.
constexpr int kRestPerWork = 3;

}  // namespace

JsonLog::JsonLog(LogFile file, const keeper::LogOptions& options, LineBuffer& buffer)
    : file_(std::move(file)),
      buffer_(buffer),
      mode_(options.mode),
      waiting_limit_(std::max<std::uint64_t>(options.max_buffer, kPartialLine)) {
  if (!options.attributes.empty()) attributes_ = R"(,"attrs":)" + options.attributes;
}

std::string_view JsonLog::unfinished(io::Stream stream) const {
  return unfinished_[stream == io::Stream::Stderr ? 1 : 0];
}

JsonLog::Suffixes JsonLog::suffixes(io::Stream stream, Instant at) const {
  const std::string name = stream == io::Stream::Stderr ? "stderr" : "stdout";
  std::string part = R"(","stream":")" + name + '"' + attributes_ + R"(,"time":")" +
                     format_rfc3339_nano(at) + "\"}\n";
  return {"\\n" + part, std::move(part)};
}

void JsonLog::lose(const Error& error) {
  const std::string_view lines = buffer_.view();
  lost_lines_ += static_cast<std::uint64_t>(std::ranges::count(lines, '\n'));
  last_error_ = error.message();
}

void JsonLog::flush() {
  if (buffer_.view().empty()) return;
  if (auto written = file_.append(buffer_.view()); !written) lose(written.error());
  buffer_.clear();
}

void JsonLog::encode_line(std::string_view text, const std::string& suffix) {
  const std::size_t most = kPrefix.size() + kMaximumEscape * text.size() + suffix.size();
  CHECK(most <= LineBuffer::kCapacity);
  if (buffer_.room() < most) flush();
  if (file_.is_full(buffer_.view().size())) {
    flush();
    if (auto rotated = file_.rotate(); !rotated) last_error_ = rotated.error().message();
  }
  char* out = append(buffer_.end(), kPrefix);
  out = escape_json(out, text);
  buffer_.set_end(append(out, suffix));
}

// Adds bytes without a line feed to the unfinished line, logging parts that are full.
void JsonLog::keep(std::string& unfinished, std::string_view bytes, const Suffixes& suffixes) {
  while (unfinished.size() + bytes.size() >= kPartialLine) {
    const std::size_t taken = kPartialLine - unfinished.size();
    unfinished.append(bytes.substr(0, taken));
    bytes.remove_prefix(taken);
    const std::size_t whole = whole_characters(unfinished);
    encode_line(std::string_view(unfinished).substr(0, whole), suffixes.part);
    unfinished.erase(0, whole);
  }
  unfinished.append(bytes);
}

void JsonLog::encode(io::Stream stream, std::string_view bytes, Instant at) {
  const Suffixes suffix = suffixes(stream, at);
  std::string& unfinished = unfinished_of(stream);
  while (!bytes.empty()) {
    const void* found = std::memchr(bytes.data(), '\n', bytes.size());
    if (found == nullptr) return keep(unfinished, bytes, suffix);
    const auto length =
        static_cast<std::size_t>(static_cast<const char*>(found) - bytes.data());
    const std::string_view line = bytes.substr(0, length);
    bytes.remove_prefix(length + 1);
    if (unfinished.empty() && length < kPartialLine) {
      encode_line(line, suffix.whole);
      continue;
    }
    keep(unfinished, line, suffix);
    encode_line(unfinished, suffix.whole);
    std::string().swap(unfinished);
  }
}

void JsonLog::hold_back(io::Stream stream, std::string_view bytes, Instant at) {
  if (waiting_bytes_ + bytes.size() > waiting_limit_) {
    lost_lines_ += static_cast<std::uint64_t>(std::ranges::count(bytes, '\n'));
    last_error_ = "the log cannot keep up (mode=non-blocking)";
    return;
  }
  waiting_bytes_ += bytes.size();
  waiting_.push_back({stream, std::string(bytes), at});
}

void JsonLog::write(io::Stream stream, std::string_view bytes, Instant at) {
  if (mode_ == keeper::LogMode::NonBlocking) return hold_back(stream, bytes, at);
  encode(stream, bytes, at);
  flush();
}

void JsonLog::flush_waiting(Instant at) {
  if (at < not_before_) return;
  for (const Waiting& one : waiting_) encode(one.stream, one.bytes, one.at);
  flush();
  waiting_.clear();
  waiting_bytes_ = 0;
  const Instant end = now();
  not_before_ = end + kRestPerWork * (end - at);
}

void JsonLog::settle(Instant at) {
  not_before_ = {};
  flush_waiting(at);
}

void JsonLog::finish(Instant at) {
  settle(at);
  for (const io::Stream stream : {io::Stream::Stdout, io::Stream::Stderr}) {
    std::string& unfinished = unfinished_of(stream);
    if (unfinished.empty()) continue;
    encode_line(unfinished, suffixes(stream, at).part);
    unfinished.clear();
  }
  flush();
}

}  // namespace wherry::keeperd
