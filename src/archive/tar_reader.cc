#include "archive/tar_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "archive/pax.h"
#include "base/strings.h"

namespace wherry::archive {
namespace {

constexpr std::size_t kMaximumRuns = 100'000;
constexpr std::uint64_t kLargestFile = 1ULL << 60;

// GNU's old sparse header: where the map lies in the first and in the following blocks.
constexpr std::size_t kSparseMap = 386, kSparseRuns = 4, kSparseMore = 482, kSparseSize = 483;
constexpr std::size_t kSparseNextRuns = 21, kSparseNextMore = 504;
constexpr std::size_t kSparseField = 12;

Error truncated() {
  return Error::invalid("tar: unexpected end of archive");
}
Error bad_sparse(const TarEntry& entry) {
  return Error::invalid(fmt::format("tar: invalid sparse map of {}", quote(entry.name)));
}

std::uint64_t padding_of(std::uint64_t size) {
  return (kTarBlock - size % kTarBlock) % kTarBlock;
}

bool has_content(char type) {
  return type == '0';
}

// A GNU long name ends at its first NUL.
std::string until_nul(const std::string& text) {
  return text.substr(0, text.find('\0'));
}

// Adds the runs of one block; an empty pair ends the map.
Result<> add_runs(TarEntry& entry, std::span<const std::uint8_t> map, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    const auto pair = map.subspan(i * 2 * kSparseField, 2 * kSparseField);
    if (pair[0] == 0) return {};
    const auto offset = parse_tar_number(pair.first(kSparseField));
    const auto size = parse_tar_number(pair.last(kSparseField));
    if (!offset || !size || *offset < 0 || *size < 0) return bad_sparse(entry);
    if (entry.runs.size() >= kMaximumRuns) return bad_sparse(entry);
    entry.runs.push_back({static_cast<std::uint64_t>(*offset), static_cast<std::uint64_t>(*size)});
  }
  return {};
}

char plain_type(const TarHeader& header) {
  // v7 archives have no type for directories: a slash behind the name says it.
  if (header.type == '\0') return header.name.ends_with('/') ? '5' : '0';
  if (header.type == '7' || header.type == 'S') return '0';
  return header.type;
}

}  // namespace

struct TarReader::Extended {
  PaxValues pax;
  std::optional<std::string> name;
  std::optional<std::string> link;
};

Result<bool> TarReader::read_block(std::span<std::uint8_t, kTarBlock> block) {
  std::size_t have = 0;
  while (have < kTarBlock) {
    const Bytes bytes = TRY(read_some(kTarBlock - have));
    if (bytes.empty() && have == 0) return false;
    if (bytes.empty()) return truncated();
    std::memcpy(block.data() + have, bytes.data(), bytes.size());
    have += bytes.size();
  }
  return true;
}

Result<Bytes> TarReader::read_some(std::uint64_t most) {
  if (chunk_.empty()) chunk_ = TRY(below_.next());
  const Bytes bytes = chunk_.first(std::min<std::uint64_t>(most, chunk_.size()));
  chunk_ = chunk_.subspan(bytes.size());
  return bytes;
}

Result<std::string> TarReader::read_record(std::uint64_t size) {
  if (size > record_limit_)
    return Error::invalid(fmt::format("tar: extended header of {} bytes is too large", size));
  std::string text;
  stored_ = size;
  padding_ = padding_of(size);
  while (stored_ > 0) {
    const Bytes bytes = TRY(read_some(stored_));
    if (bytes.empty()) return truncated();
    text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    stored_ -= bytes.size();
  }
  TRY(skip_content());
  return text;
}

Result<> TarReader::skip_content() {
  std::uint64_t rest = std::exchange(stored_, 0) + std::exchange(padding_, 0);
  while (rest > 0) {
    const Bytes bytes = TRY(read_some(rest));
    if (bytes.empty()) return truncated();
    rest -= bytes.size();
  }
  return {};
}

Result<std::optional<TarHeader>> TarReader::read_header() {
  TRY(skip_content());
  if (!TRY(read_block(block_))) return std::nullopt;
  if (!is_zero_block(block_)) return TRY(parse_tar_header(block_));
  // Two zero blocks end an archive; one at the end of the stream is forgiven.
  const bool more = TRY(read_block(block_));
  if (more && !is_zero_block(block_)) return Error::invalid("tar: invalid header");
  return std::nullopt;
}

// True if the header only said something of the next one.
Result<bool> TarReader::take_extended(const TarHeader& header, Extended& extended) {
  switch (header.type) {
    case 'x': {
      const std::string text = TRY(read_record(header.size));
      TRY(parse_pax(text, extended.pax));
      return true;
    }
    case 'L': extended.name = until_nul(TRY(read_record(header.size))); return true;
    case 'K': extended.link = until_nul(TRY(read_record(header.size))); return true;
    case 'g':  // global values: docker reads over them as well
    case 'V':  // a volume label
      TRY(read_record(header.size));
      return true;
    default: return false;
  }
}

Result<std::optional<TarEntry>> TarReader::next() {
  Extended extended;
  for (;;) {
    auto header = TRY(read_header());
    if (!header) return std::nullopt;
    if (TRY(take_extended(*header, extended))) continue;
    return TRY(make_entry(*header, std::move(extended)));
  }
}

Result<TarEntry> TarReader::make_entry(const TarHeader& header, Extended&& extended) {
  PaxValues& pax = extended.pax;
  TarEntry entry;
  entry.type = plain_type(header);
  entry.name = pax.path.value_or(extended.name.value_or(header.name));
  entry.link = pax.link.value_or(extended.link.value_or(header.link));
  if (entry.type < '0' || entry.type > '6')
    return Error::invalid(fmt::format("tar: unhandled type {} of {}",
                                      quote(std::string_view(&entry.type, 1)), quote(entry.name)));
  entry.mode = header.mode;
  entry.uid = pax.uid.value_or(header.uid);
  entry.gid = pax.gid.value_or(header.gid);
  entry.mtime = pax.mtime.value_or(timespec{header.mtime, 0});
  entry.major = header.major;
  entry.minor = header.minor;
  entry.xattrs = std::move(pax.xattrs);
  runs_.clear();
  run_ = 0;
  if (!has_content(entry.type)) return entry;

  entry.size = pax.size.value_or(header.size);
  if (entry.size > kLargestFile) return Error::invalid("tar: size is too large");
  stored_ = entry.size;
  padding_ = padding_of(entry.size);
  entry.sparse = header.type == 'S' || pax.sparse;
  if (!entry.sparse) {
    runs_.push_back({0, entry.size});
    return entry;
  }
  if (header.type == 'S') {
    TRY(read_old_sparse(entry));
  } else {
    entry.name = pax.sparse_name.value_or(entry.name);
    entry.size = pax.sparse_size.value_or(entry.size);
    entry.runs = std::move(pax.sparse_runs);
    if (pax.sparse_map_in_data) TRY(read_sparse_map(entry));
  }
  TRY(check_runs(entry));
  runs_ = entry.runs;
  return entry;
}

Result<> TarReader::read_old_sparse(TarEntry& entry) {
  const Bytes header(block_);
  const auto size = parse_tar_number(header.subspan(kSparseSize, kSparseField));
  if (!size || *size < 0) return bad_sparse(entry);
  entry.size = static_cast<std::uint64_t>(*size);
  TRY(add_runs(entry, header.subspan(kSparseMap), kSparseRuns));
  bool more = header[kSparseMore] != 0;
  while (more) {
    if (!TRY(read_block(block_))) return truncated();
    TRY(add_runs(entry, header, kSparseNextRuns));
    if (entry.runs.size() >= kMaximumRuns) return bad_sparse(entry);
    more = header[kSparseNextMore] != 0;
  }
  return {};
}

// One decimal line of the map that stands in front of a sparse 1.0 file's data.
Result<std::uint64_t> TarReader::read_map_number(std::uint64_t& used) {
  std::string digits;
  for (;;) {
    if (stored_ == 0 || digits.size() > 20 || used >= record_limit_)
      return Error::invalid("tar: invalid sparse map");
    const Bytes byte = TRY(read_some(1));
    if (byte.empty()) return truncated();
    --stored_;
    ++used;
    if (byte[0] == '\n') break;
    digits += static_cast<char>(byte[0]);
  }
  const auto value = parse_u64(digits);
  if (!value) return Error::invalid("tar: invalid sparse map");
  return *value;
}

Result<> TarReader::read_sparse_map(TarEntry& entry) {
  std::uint64_t used = 0;
  entry.runs.clear();
  const std::uint64_t count = TRY(read_map_number(used));
  if (count > kMaximumRuns) return bad_sparse(entry);
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t offset = TRY(read_map_number(used));
    const std::uint64_t size = TRY(read_map_number(used));
    entry.runs.push_back({offset, size});
  }
  for (std::uint64_t rest = padding_of(used); rest > 0;) {
    const Bytes bytes = TRY(read_some(std::min(rest, stored_)));
    if (bytes.empty()) return truncated();
    rest -= bytes.size();
    stored_ -= bytes.size();
  }
  return {};
}

Result<> TarReader::check_runs(const TarEntry& entry) const {
  std::uint64_t end = 0;
  std::uint64_t total = 0;
  if (entry.size > kLargestFile || entry.runs.size() > kMaximumRuns) return bad_sparse(entry);
  for (const TarRun& run : entry.runs) {
    if (run.offset < end || run.offset > entry.size || run.size > entry.size - run.offset)
      return bad_sparse(entry);
    end = run.offset + run.size;
    total += run.size;
  }
  if (total != stored_) return bad_sparse(entry);
  return {};
}

Result<TarPiece> TarReader::content() {
  while (run_ < runs_.size() && runs_[run_].size == 0) ++run_;
  if (run_ == runs_.size()) return TarPiece{};
  TarRun& run = runs_[run_];
  const Bytes bytes = TRY(read_some(run.size));
  if (bytes.empty()) return truncated();
  const TarPiece piece{run.offset, bytes};
  run.offset += bytes.size();
  run.size -= bytes.size();
  stored_ -= bytes.size();
  return piece;
}

Result<> TarReader::drain() {
  chunk_ = {};
  while (!TRY(below_.next()).empty()) {
  }
  return {};
}

}  // namespace wherry::archive
