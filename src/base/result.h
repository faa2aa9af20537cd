// Errors are values: Result<T> is what every fallible function of wherry returns.
// Nothing of ours throws; a wrapper around a library that throws fences it.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace wherry {

// What went wrong, decided where it is understood. Only api and cli map a kind to
// an HTTP status or an exit code.
enum class ErrorKind : std::uint8_t {
  Internal,         // our own or the kernel's failure: HTTP 500
  NotFound,         // HTTP 404
  InvalidArgument,  // HTTP 400
  Conflict,         // HTTP 409
  Unauthorized,     // HTTP 401
  Forbidden,        // HTTP 403
  NotModified,      // HTTP 304
  NotImplemented,   // HTTP 501
  Unavailable,      // HTTP 503: a peer or the engine cannot answer now
  Deadline,         // HTTP 500: the wait ended before the event came
  Cancelled,        // the caller went away
  NoSpace,          // HTTP 500: ENOSPC, EDQUOT
  Unsupported,      // HTTP 500: the host lacks a feature; `system check` names it
};

class Error {
 public:
  Error(ErrorKind kind, std::string message) : kind_(kind), message_(std::move(message)) {}
  Error(ErrorKind kind, int errno_value, std::string message)
      : kind_(kind), errno_(errno_value), message_(std::move(message)) {}

  // "<what>: <strerror>", with the kind that errno implies (ENOENT is NotFound,
  // ENOSPC is NoSpace, everything else Internal).
  static Error from_errno(int errno_value, std::string_view what);

  static Error internal(std::string message) { return {ErrorKind::Internal, std::move(message)}; }
  static Error not_found(std::string message) { return {ErrorKind::NotFound, std::move(message)}; }
  static Error invalid(std::string message) {
    return {ErrorKind::InvalidArgument, std::move(message)};
  }
  static Error conflict(std::string message) { return {ErrorKind::Conflict, std::move(message)}; }

  [[nodiscard]] ErrorKind kind() const { return kind_; }
  [[nodiscard]] int errno_value() const { return errno_; }  // 0 where no system call failed
  [[nodiscard]] const std::string& message() const { return message_; }

  // The same error, its message prefixed with "<context>: ".
  [[nodiscard]] Error within(std::string_view context) &&;

  template <class T>
  operator std::expected<T, Error>() && {  // NOLINT(google-explicit-constructor)
    return std::unexpected<Error>(std::move(*this));
  }

 private:
  ErrorKind kind_;
  int errno_ = 0;
  std::string message_;
};

template <class T = void>
using Result = std::expected<T, Error>;

namespace detail {
// Unwraps inside TRY; the void overload lets TRY stand alone as a statement.
template <class T>
T take(std::expected<T, Error>& result) {
  return std::move(*result);
}
inline void take(std::expected<void, Error>& /*result*/) {}
}  // namespace detail

}  // namespace wherry

// Evaluates to the value of a Result, or returns its Error from the enclosing function. One may
// stand inside another's expression. (g++ 12 crashes on co_await inside it: bind first.)
#define TRY(expression) WHERRY_TRY(WHERRY_JOIN(try_result_, __COUNTER__), expression, )

// TRY, with "<context>: " before the message.
#define TRY_AS(context, expression) \
  WHERRY_TRY(WHERRY_JOIN(try_result_, __COUNTER__), expression, .within(context))

#define WHERRY_JOIN(left, right) WHERRY_JOIN_EXPANDED(left, right)
#define WHERRY_JOIN_EXPANDED(left, right) left##right
#define WHERRY_TRY(name, expression, explained)                               \
  ({                                                                          \
    auto name = (expression);                                                 \
    if (!name) return std::unexpected(std::move(name).error() explained);     \
    ::wherry::detail::take(name);                                             \
  })
