// The extractor: writes a layer's tar entries below one directory, by descriptor. Nothing an
// archive says can make it touch a name outside that directory: parents are opened by openat2
// as a process chrooted to the layer would see them, the last name only by *at calls that do
// not follow links (gauntlet D01-D05). A name that leads out by ".." refuses the whole layer.
#pragma once

#include <cstdint>

#include "archive/stream.h"
#include "base/digest.h"
#include "base/result.h"
#include "sys/fd.h"

namespace wherry::archive {

// How a deletion (.wh.NAME, .wh..wh..opq) is kept in the layer's directory.
enum class Whiteouts : std::uint8_t {
  Overlay,  // character device 0:0, xattr trusted.overlay.opaque=y
  Literal,  // the marker files themselves, for a driver that applies them when it flattens
};

// Everything that an archive can make us grow (gauntlet D06).
struct ExtractLimits {
  std::uint64_t entries = 4'000'000;
  std::uint64_t path_bytes = 4095;
  std::uint64_t path_depth = 512;
  // Of the uncompressed tar, and separately of the sizes that its files claim (sparse files).
  std::uint64_t bytes = 256ULL << 30;
  // Uncompressed : compressed, checked once `ratio_floor` bytes have come out. deflate's
  // own best is 1032:1; layers stay below 50:1 but for files of zeros.
  std::uint64_t ratio = 200;
  std::uint64_t ratio_floor = 4ULL << 30;
  std::uint64_t extended_header_bytes = 1 << 20;  // one pax or long-name record
  std::uint64_t xattr_bytes = 64 << 10;           // one value: XATTR_SIZE_MAX
};

struct ExtractOptions {
  Whiteouts whiteouts = Whiteouts::Overlay;
  ExtractLimits limits;
  // As an ordinary user: no chown, no devices (they are refused), no whiteout devices.
  enum class Privilege : std::uint8_t { Root, User } privilege = Privilege::Root;
};

struct ExtractStats {
  Digest diff_id;                        // sha256 of the uncompressed tar
  std::uint64_t compressed_bytes = 0;    // read from the input
  std::uint64_t uncompressed_bytes = 0;  // of the tar
  std::uint64_t entries = 0;             // headers in the tar
  std::uint64_t content_bytes = 0;       // sum of the sizes of regular files
};

// Reads `input` (gzip, zstd or plain) to its end and extracts it into `directory`, which
// must be empty and stays owned by the caller, who discards it after an error. Sets the
// process' umask while it runs: one extraction at a time.
// InvalidArgument: the archive is damaged or hostile (the message names the entry);
// NoSpace: the disk is full; Internal: anything else.
Result<ExtractStats> extract(Stream& input, const sys::Fd& directory,
                             const ExtractOptions& options);

}  // namespace wherry::archive
