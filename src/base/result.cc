#include "base/result.h"

#include <cerrno>
#include <cstring>

namespace wherry {
namespace {

ErrorKind kind_of(int errno_value) {
  switch (errno_value) {
    case ENOENT: return ErrorKind::NotFound;
    case ENOSPC:
    case EDQUOT: return ErrorKind::NoSpace;
    case ETIMEDOUT: return ErrorKind::Deadline;
    default: return ErrorKind::Internal;
  }
}

}  // namespace

Error Error::from_errno(int errno_value, std::string_view what) {
  // GNU strerror_r returns the text and is thread-safe, unlike strerror.
  char buffer[128];
  std::string message(what);
  message += ": ";
  std::string text = ::strerror_r(errno_value, buffer, sizeof buffer);
  // Go programs and thus docker's clients print errno texts in lower case.
  if (text.size() > 1 && text[1] >= 'a' && text[1] <= 'z') text[0] = static_cast<char>(text[0] | 0x20);
  message += text;
  return {kind_of(errno_value), errno_value, std::move(message)};
}

Error Error::within(std::string_view context) && {
  std::string message(context);
  message += ": ";
  message += message_;
  message_ = std::move(message);
  return std::move(*this);
}

}  // namespace wherry
