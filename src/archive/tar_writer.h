// Writes a tar stream: ustar headers, pax records for what they cannot hold (long names,
// large numbers, sub-second times, xattrs).
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "archive/tar_reader.h"
#include "base/result.h"

namespace wherry::archive {

class TarWriter {
 public:
  using Sink = std::function<Result<>(std::string_view bytes)>;
  explicit TarWriter(Sink sink) : sink_(std::move(sink)) {}

  // The header of `entry` (runs are not written; size is the content's). For a file,
  // entry.size bytes of content must follow by write() before the next add() or finish().
  Result<> add(const TarEntry& entry);
  Result<> write(std::string_view content);
  // add + write of a file whose content is at hand.
  Result<> add_file(TarEntry entry, std::string_view content);
  // The two zero blocks.
  Result<> finish();

 private:
  Result<> write_header(const TarEntry& entry, std::string_view name, std::string_view link);
  Result<> pad();

  Sink sink_;
  std::uint64_t content_left_ = 0;
  std::uint64_t padding_ = 0;
};

}  // namespace wherry::archive
