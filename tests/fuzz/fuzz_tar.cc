// Any bytes as a layer: sniffing, gzip, zstd, tar headers, pax, sparse maps, names. The first
// byte chooses how the input is cut into chunks and whether entries are written to disk (below
// /dev/shm, emptied after each input).
#include <fcntl.h>
#include <stdlib.h>

#include <cstdint>
#include <cstdlib>
#include <string>

#include "archive/extract.h"
#include "archive/layer_path.h"
#include "archive/tar_reader.h"
#include "arena.h"
#include "base/check.h"
#include "sys/path.h"

namespace {

using namespace wherry;

constexpr archive::ExtractLimits kLimits{.entries = 1000,
                                         .path_depth = 64,
                                         .bytes = 1 << 22,
                                         .ratio = 50,
                                         .ratio_floor = 1 << 20,
                                         .extended_header_bytes = 1 << 16};

void read_entries(archive::Bytes input, std::size_t chunk) {
  archive::MemoryStream memory(input, chunk);
  const auto plain = archive::decompress(memory);
  if (!plain) return;
  archive::TarReader reader(**plain, kLimits.extended_header_bytes);
  for (std::uint64_t count = 0; count < kLimits.entries; ++count) {
    const auto entry = reader.next();
    if (!entry || !*entry) return;
    const auto path = archive::LayerPath::parse((*entry)->name, kLimits);
    CHECK(!path || path->str().find("..") == std::string::npos ||
          ("/" + path->str() + "/").find("/../") == std::string::npos);
    for (std::uint64_t read = 0; read < kLimits.bytes;) {
      const auto piece = reader.content();
      if (!piece || piece->bytes.empty()) break;
      CHECK(piece->offset + piece->bytes.size() <= (*entry)->size);
      read += piece->bytes.size();
    }
  }
}

// The extractor proper, into a directory beside one that must not change.
void write_entries(archive::Bytes input, std::size_t chunk) {
  static const fuzz::Arena arena;
  archive::MemoryStream memory(input, chunk);
  const auto outcome = archive::extract(memory, arena.layer(),
                                        {.whiteouts = archive::Whiteouts::Literal,
                                         .limits = kLimits,
                                         .privilege = archive::ExtractOptions::Privilege::User});
  static_cast<void>(outcome);
  CHECK(arena.outside_is_untouched());
  arena.empty_layer();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const archive::Bytes input(data + 1, size - 1);
  const std::size_t chunk = (data[0] & 0x7f) == 0 ? SIZE_MAX : (data[0] & 0x7fU) * 13;
  if ((data[0] & 0x80) != 0) {
    write_entries(input, chunk);
  } else {
    read_entries(input, chunk);
  }
  return 0;
}
