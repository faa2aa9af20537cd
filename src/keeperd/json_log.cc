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

// What a slow disk is asked for in one go: lines, and new files between them.
struct JsonLog::Batch {
  struct Part {
    std::string lines;
    bool rotate_first = false;
  };
  std::vector<Part> parts{1};
  std::uint64_t size = 0;  // of the last file once all is written
  std::uint64_t lost_lines = 0;
  std::string error;

  void write(LogFile& file, LogWriter& writer) {
    for (const Part& part : parts) {
      const auto began = io::Clock::now();
      if (part.rotate_first)
        if (auto rotated = file.rotate(); !rotated) error = rotated.error().message();
      if (auto written = part.lines.empty() ? Result<>() : file.append(part.lines); !written) {
        lost_lines += static_cast<std::uint64_t>(std::ranges::count(part.lines, '\n'));
        error = written.error().message();
      }
      writer.note(file.disk(), io::Clock::now() - began);
    }
  }
};

JsonLog::JsonLog(LogFile file, const keeper::LogOptions& options, LineBuffer& buffer, LogWriter* writer)
    : file_(std::make_shared<LogFile>(std::move(file))),
      buffer_(buffer),
      writer_(writer),
      mode_(options.mode),
      waiting_limit_(std::max<std::uint64_t>(options.max_buffer, kPartialLine)) {
  if (!options.attributes.empty()) attributes_ = R"(,"attrs":)" + options.attributes;
}

JsonLog::~JsonLog() {
  if (job_) LogWriter::cancel(job_);
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

void JsonLog::flush() {
  const std::string_view lines = buffer_.view();
  if (lines.empty()) return;
  if (batch_) {
    batch_->parts.back().lines += lines;
    batch_->size += lines.size();
    return buffer_.clear();
  }
  const auto began = io::Clock::now();
  if (auto written = file_->append(lines); !written) {
    lost_lines_ += static_cast<std::uint64_t>(std::ranges::count(lines, '\n'));
    last_error_ = written.error().message();
  }
  if (writer_ != nullptr) writer_->note(file_->disk(), io::Clock::now() - began);
  buffer_.clear();
}

void JsonLog::rotate_if_full() {
  const std::uint64_t size = batch_ ? batch_->size : file_->position().offset;
  if (!file_->is_full(size + buffer_.view().size())) return;
  flush();
  if (batch_) {
    batch_->parts.push_back({.lines = {}, .rotate_first = true});
    batch_->size = 0;
  } else if (auto rotated = file_->rotate(); !rotated) {
    last_error_ = rotated.error().message();
  }
}

void JsonLog::encode_line(std::string_view text, const std::string& suffix) {
  const std::size_t most = kPrefix.size() + kMaximumEscape * text.size() + suffix.size();
  CHECK(most <= LineBuffer::kCapacity);
  if (buffer_.room() < most) flush();
  rotate_if_full();
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

// Of blocking mode nothing is lost: the little that is read before its reader is held back.
void JsonLog::hold_back(io::Stream stream, std::string_view bytes, Instant at) {
  if (mode_ == keeper::LogMode::NonBlocking && waiting_bytes_ + bytes.size() > waiting_limit_) {
    lost_lines_ += static_cast<std::uint64_t>(std::ranges::count(bytes, '\n'));
    last_error_ = "the log cannot keep up (mode=non-blocking)";
    return;
  }
  waiting_bytes_ += bytes.size();
  waiting_.push_back({stream, std::string(bytes), at});
}

void JsonLog::write(io::Stream stream, std::string_view bytes, Instant at) {
  if (mode_ == keeper::LogMode::NonBlocking || is_busy()) return hold_back(stream, bytes, at);
  begin_batch();
  encode(stream, bytes, at);
  submit_batch();
}

void JsonLog::begin_batch() {
  if (writer_ == nullptr || !writer_->is_slow(file_->disk())) return;
  batch_ = std::make_unique<Batch>();
  batch_->size = file_->position().offset;
}

// What was encoded goes to the file, or to the writer.
void JsonLog::submit_batch() {
  flush();
  if (!batch_) return;
  const std::shared_ptr<Batch> batch = std::move(batch_);
  if (batch->size == file_->position().offset && batch->parts.size() == 1) return;
  job_ = writer_->post([file = file_, batch, writer = writer_] { batch->write(*file, *writer); },
                       [this, batch] { on_written(*batch); });
}

void JsonLog::on_written(const Batch& batch) {
  job_.reset();
  lost_lines_ += batch.lost_lines;
  if (!batch.error.empty()) last_error_ = batch.error;
  if (finish_) {
    finish(*std::exchange(finish_, std::nullopt));
  } else if (mode_ == keeper::LogMode::Blocking && has_waiting()) {
    begin_batch();
    encode_waiting();
    submit_batch();
  }
  if (is_busy()) return;
  // A copy, and last: it may destroy this object.
  if (const auto written = written_) written();
}

void JsonLog::encode_waiting() {
  for (const Waiting& one : waiting_) encode(one.stream, one.bytes, one.at);
  waiting_.clear();
  waiting_bytes_ = 0;
}

void JsonLog::flush_waiting(Instant at) {
  if (is_busy() || at < not_before_) return;
  begin_batch();
  encode_waiting();
  submit_batch();
  const Instant end = now();
  not_before_ = end + kRestPerWork * (end - at);
}

void JsonLog::settle(Instant at) {
  not_before_ = {};
  while (is_busy()) writer_->finish(job_);
  flush_waiting(at);
  while (is_busy()) writer_->finish(job_);
}

void JsonLog::encode_rest(Instant at) {
  for (const io::Stream stream : {io::Stream::Stdout, io::Stream::Stderr}) {
    std::string& unfinished = unfinished_of(stream);
    if (unfinished.empty()) continue;
    encode_line(unfinished, suffixes(stream, at).part);
    unfinished.clear();
  }
}

void JsonLog::finish(Instant at) {
  if (is_busy()) {
    finish_ = at;
    return;
  }
  begin_batch();
  encode_waiting();
  encode_rest(at);
  submit_batch();
}

}  // namespace wherry::keeperd
