// Streams of bytes that pull: each stage asks the one below for its next chunk and owns the
// memory of what it hands out, so a layer goes from its descriptor to the tar reader
// (count -> decompress -> hash -> tar) without a copy between stages.
// Thread rule: a chain belongs to one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "archive/sha256.h"
#include "base/digest.h"
#include "base/result.h"
#include "sys/fd.h"

namespace wherry::archive {

using Bytes = std::span<const std::uint8_t>;

class Stream {
 public:
  Stream() = default;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  virtual ~Stream() = default;
  // The next bytes, valid until the next call; empty at the end, and on every call after it.
  virtual Result<Bytes> next() = 0;
};

// Reads a file or pipe to its end. The descriptor is borrowed.
class FdStream : public Stream {
 public:
  explicit FdStream(const sys::Fd& fd) : fd_(fd), buffer_(kChunk) {}
  Result<Bytes> next() override;

 private:
  static constexpr std::size_t kChunk = 256 * 1024;
  const sys::Fd& fd_;
  std::vector<std::uint8_t> buffer_;
};

// Bytes that are already in memory; borrowed.
class MemoryStream : public Stream {
 public:
  // `chunk`: the most that one next() gives, so that tests can cut a stream anywhere.
  explicit MemoryStream(Bytes bytes, std::size_t chunk = SIZE_MAX) : rest_(bytes), chunk_(chunk) {}
  Result<Bytes> next() override;

 private:
  Bytes rest_;
  std::size_t chunk_;
};

// Passes bytes through, counting and hashing them.
class HashStream : public Stream {
 public:
  explicit HashStream(Stream& below) : below_(below) {}
  Result<Bytes> next() override;

  [[nodiscard]] std::uint64_t count() const { return count_; }
  // Of everything passed so far; call once, at the end.
  [[nodiscard]] Digest digest() { return hash_.finish(); }

 private:
  Stream& below_;
  Sha256 hash_;
  std::uint64_t count_ = 0;
};

// Passes bytes through, counting them.
class CountStream : public Stream {
 public:
  explicit CountStream(Stream& below) : below_(below) {}
  Result<Bytes> next() override;
  [[nodiscard]] std::uint64_t count() const { return count_; }

 private:
  Stream& below_;
  std::uint64_t count_ = 0;
};

enum class Compression : std::uint8_t { None, Gzip, Zstd, Bzip2, Xz };
// By the magic at the start of the stream (6 bytes are enough); None if nothing matches.
Compression sniff(Bytes start);
std::string_view name_of(Compression compression);

// Recognises the format of `below` by its first bytes and unpacks it: gzip (several members
// too), zstd (window <= 128 MiB, several frames), bzip2, xz (128 MiB), plain bytes. Truncated or damaged input is InvalidArgument; bytes after the
// last gzip member are ignored if zero, else refused.
Result<std::unique_ptr<Stream>> decompress(Stream& below);

}  // namespace wherry::archive
