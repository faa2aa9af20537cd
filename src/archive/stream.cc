#include "archive/stream.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace wherry::archive {

Result<Bytes> FdStream::next() {
  for (;;) {
    const ssize_t count = ::read(fd_.get(), buffer_.data(), buffer_.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Error::from_errno(errno, "read archive");
    return Bytes(buffer_.data(), static_cast<std::size_t>(count));
  }
}

Result<Bytes> MemoryStream::next() {
  const Bytes bytes = rest_.first(std::min(chunk_, rest_.size()));
  rest_ = rest_.subspan(bytes.size());
  return bytes;
}

Result<Bytes> HashStream::next() {
  const Bytes bytes = TRY(below_.next());
  hash_.update(bytes);
  count_ += bytes.size();
  return bytes;
}

Result<Bytes> CountStream::next() {
  const Bytes bytes = TRY(below_.next());
  count_ += bytes.size();
  return bytes;
}

}  // namespace wherry::archive
