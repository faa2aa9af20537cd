// Progress streams: JSON objects, each with CRLF behind it. A pushed one that fails before the
// first of them is an ordinary error answer; a later error is the last object of a stream with
// status 200.
#pragma once

#include <memory>
#include <string>

#include "api/call.h"
#include "http/exchange.h"
#include "image/images.h"
#include "spec/progress.h"

namespace wherry::api {

// The last object of a stream that failed.
std::string progress_error(const Error& error);

// Queued, so that a slow client never holds up a download that others share: of what is mere
// progress of bytes it misses some.
class PushedProgress : public image::ProgressSink {
 public:
  explicit PushedProgress(std::shared_ptr<http::PushStream> stream) : stream_(std::move(stream)) {}
  void emit(const spec::ProgressMessage& message) override;
  // Ends the answer; nullptr: all went well.
  void end(const Error* error);

 private:
  std::shared_ptr<http::PushStream> stream_;
  bool begun_ = false;
};

// Written at once: for uploads, where the client that reads is the one that sends. As docker's
// load, it answers 200 whatever happens: an error is in the stream.
class WrittenProgress : public image::ProgressSink {
 public:
  explicit WrittenProgress(http::ExchangePtr exchange) : exchange_(std::move(exchange)) {}
  void emit(const spec::ProgressMessage& message) override;
  void end(const Error* error);

 private:
  http::ExchangePtr exchange_;
};

}  // namespace wherry::api
