// One 512-byte tar header, decoded: v7, ustar, GNU and star. Pure functions over bytes; what
// follows from several blocks together (pax, long names, sparse maps) is tar_reader's.
// Source: POSIX pax(1), GNU tar manual "Basic Tar Format".
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace wherry::archive {

inline constexpr std::size_t kTarBlock = 512;
using TarBlock = std::span<const std::uint8_t, kTarBlock>;

struct TarHeader {
  char type = '0';
  std::string name;
  std::string link;
  std::uint32_t mode = 0;
  std::uint64_t uid = 0;
  std::uint64_t gid = 0;
  std::uint64_t size = 0;
  std::int64_t mtime = 0;
  std::uint32_t major = 0;
  std::uint32_t minor = 0;
};

// All zero: one of the two blocks that end an archive.
bool is_zero_block(TarBlock block);
// InvalidArgument for a wrong checksum or a field that is no number.
Result<TarHeader> parse_tar_header(TarBlock block);
// Octal text, or GNU's base-256 where the first bit is set. Negative only in base-256.
std::optional<std::int64_t> parse_tar_number(std::span<const std::uint8_t> field);
// A field up to its NUL or its end.
std::string_view tar_text(std::span<const std::uint8_t> field);

}  // namespace wherry::archive
