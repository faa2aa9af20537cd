// One message of docker's progress streams (pull, push, load): the JSON objects that the API
// writes one per line and `wherry pull` draws.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/digest.h"
#include "spec/json.h"

namespace wherry::spec {

struct ProgressDetail {
  std::int64_t current = 0;
  std::int64_t total = 0;
};

struct ProgressError {
  std::int64_t code = 0;
  std::string message;
};

// The last message of a push: what was pushed where.
struct PushResult {
  std::string tag;
  std::string digest;
  std::int64_t size = 0;
};

struct ProgressMessage {
  std::string stream;  // whole text, newline included ("Loaded image: x:latest\n")
  std::string status;  // "Downloading", "Pull complete", ...
  std::optional<ProgressDetail> detail;
  std::string progress;  // a drawn bar, for clients of before API 1.24; we leave it empty
  std::string id;        // the layer's short digest, or the tag of the first line
  std::optional<ProgressError> error_detail;
  std::string error;  // same text as error_detail.message
  std::optional<PushResult> aux;
};

}  // namespace wherry::spec

namespace wherry::json {

template <>
struct Describe<spec::ProgressDetail> {
  using T = spec::ProgressDetail;
  static constexpr auto fields =
      std::tuple{omit_empty("current", &T::current), omit_empty("total", &T::total)};
};
template <>
struct Describe<spec::ProgressError> {
  using T = spec::ProgressError;
  static constexpr auto fields =
      std::tuple{omit_empty("code", &T::code), field("message", &T::message)};
};
template <>
struct Describe<spec::PushResult> {
  using T = spec::PushResult;
  static constexpr auto fields =
      std::tuple{field("Tag", &T::tag), field("Digest", &T::digest), field("Size", &T::size)};
};
template <>
struct Describe<spec::ProgressMessage> {
  using T = spec::ProgressMessage;
  static constexpr auto fields = std::tuple{
      omit_empty("stream", &T::stream), omit_empty("status", &T::status),
      omit_empty("progressDetail", &T::detail), omit_empty("progress", &T::progress),
      omit_empty("id", &T::id), omit_empty("errorDetail", &T::error_detail),
      omit_empty("error", &T::error), omit_empty("aux", &T::aux)};
};

}  // namespace wherry::json
