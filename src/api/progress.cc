#include "api/progress.h"

#include "api/streams.h"
#include "spec/json.h"

namespace wherry::api {
namespace {

constexpr std::size_t kEnoughQueued = 64U << 10;

std::string line_of(const spec::ProgressMessage& message) {
  return json::write(message) + "\r\n";
}

}  // namespace

std::string progress_error(const Error& error) {
  spec::ProgressMessage message;
  message.error_detail = spec::ProgressError{.code = 0, .message = error.message()};
  message.error = error.message();
  return line_of(message);
}

void PushedProgress::emit(const spec::ProgressMessage& message) {
  const bool mere_progress = message.detail && message.detail->current > 0;
  if (mere_progress && stream_->queued() > kEnoughQueued) return;
  if (!begun_) stream_->begin(stream_head("application/json"));
  begun_ = true;
  stream_->push(line_of(message));
}

void PushedProgress::end(const Error* error) {
  if (error != nullptr && !begun_) return stream_->respond(error_response(*error));
  if (!begun_) stream_->begin(stream_head("application/json"));
  if (error != nullptr) stream_->push(progress_error(*error));
  stream_->finish();
}

void WrittenProgress::emit(const spec::ProgressMessage& message) {
  if (!exchange_->answered() && !exchange_->begin(stream_head("application/json"))) return;
  // A client that has gone is seen by the reader of its upload.
  static_cast<void>(exchange_->write(line_of(message)));
}

void WrittenProgress::end(const Error* error) {
  if (!exchange_->answered() && !exchange_->begin(stream_head("application/json"))) return;
  if (error != nullptr) static_cast<void>(exchange_->write(progress_error(*error)));
  exchange_->finish();
}

}  // namespace wherry::api
