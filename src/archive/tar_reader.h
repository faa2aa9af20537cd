// Reads a tar stream entry by entry: ustar, pax, GNU long names, GNU sparse files (old, 0.0,
// 0.1, 1.0). Every byte is hostile: sizes are limited before memory is taken. It decodes
// only; what a name may be is the extractor's to judge. Fuzzed by tests/fuzz/fuzz_tar.cc.
#pragma once

#include <ctime>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "archive/stream.h"
#include "archive/tar_header.h"
#include "base/result.h"

namespace wherry::archive {

struct TarRun {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};

struct TarEntry {
  // '0' file, '1' hard link, '2' symlink, '3' and '4' devices, '5' directory, '6' fifo;
  // anything else never leaves the reader.
  char type = '0';
  std::string name;  // as it stands in the archive, without NUL
  std::string link;
  std::uint32_t mode = 0;  // 07777
  std::uint64_t uid = 0;
  std::uint64_t gid = 0;
  std::uint64_t size = 0;  // of the file on disk, holes included
  timespec mtime{};
  std::uint32_t major = 0;
  std::uint32_t minor = 0;
  std::vector<std::pair<std::string, std::string>> xattrs;
  bool sparse = false;
  std::vector<TarRun> runs;  // of a sparse file: sorted, disjoint, inside size
};

// Content of a file: `bytes` belong at `offset`. Empty bytes: no more.
struct TarPiece {
  std::uint64_t offset = 0;
  Bytes bytes;
};

class TarReader {
 public:
  // `record_limit`: the most that one pax header, long name or sparse map may take.
  TarReader(Stream& below, std::uint64_t record_limit)
      : below_(below), record_limit_(record_limit) {}

  // The next entry, its unread content skipped; nullopt at the end of the archive.
  Result<std::optional<TarEntry>> next();
  // The next piece of the current entry's content, valid until the next call.
  Result<TarPiece> content();
  // Reads on to the end of the stream, for the hash below; call after next() gave nullopt.
  Result<> drain();

 private:
  struct Extended;  // what pax and GNU headers say of the entry that follows
  Result<bool> read_block(std::span<std::uint8_t, kTarBlock> block);
  Result<Bytes> read_some(std::uint64_t most);
  Result<std::string> read_record(std::uint64_t size);
  Result<> skip_content();
  Result<std::optional<TarHeader>> read_header();
  Result<bool> take_extended(const TarHeader& header, Extended& extended);
  Result<TarEntry> make_entry(const TarHeader& header, Extended&& extended);
  Result<> read_old_sparse(TarEntry& entry);
  Result<> read_sparse_map(TarEntry& entry);
  Result<std::uint64_t> read_map_number(std::uint64_t& used);
  Result<> check_runs(const TarEntry& entry) const;

  Stream& below_;
  std::uint64_t record_limit_;
  Bytes chunk_;
  std::array<std::uint8_t, kTarBlock> block_{};  // the header read last
  std::uint64_t stored_ = 0;                     // content bytes still in the stream
  std::uint64_t padding_ = 0;
  std::vector<TarRun> runs_;  // of the current entry, with content left
  std::size_t run_ = 0;
};

}  // namespace wherry::archive
