#include "archive/tar_header.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "base/strings.h"

namespace wherry::archive {
namespace {

struct Field {
  std::size_t offset;
  std::size_t size;
};
constexpr Field kName{0, 100}, kMode{100, 8}, kUid{108, 8}, kGid{116, 8}, kSize{124, 12},
    kMtime{136, 12}, kChecksum{148, 8}, kLink{157, 100}, kMagic{257, 8}, kMajor{329, 8},
    kMinor{337, 8}, kPrefix{345, 155}, kStarPrefix{345, 131}, kStarMark{508, 4};
constexpr std::size_t kTypeOffset = 156;

std::span<const std::uint8_t> at(TarBlock block, Field field) {
  return block.subspan(field.offset, field.size);
}

bool checksum_matches(TarBlock block) {
  const auto stored = parse_tar_number(at(block, kChecksum));
  if (!stored) return false;
  std::int64_t plain = 0;
  std::int64_t with_signs = 0;  // some old archivers summed signed chars
  for (std::size_t i = 0; i < kTarBlock; ++i) {
    const bool inside = i >= kChecksum.offset && i < kChecksum.offset + kChecksum.size;
    const std::uint8_t byte = inside ? ' ' : block[i];
    plain += byte;
    with_signs += static_cast<std::int8_t>(byte);
  }
  return *stored == plain || *stored == with_signs;
}

Result<std::int64_t> number(TarBlock block, Field field, const char* what) {
  const auto value = parse_tar_number(at(block, field));
  if (!value) return Error::invalid(fmt::format("tar: {} is no number", what));
  return *value;
}

Result<std::uint64_t> natural(TarBlock block, Field field, const char* what) {
  const std::int64_t value = TRY(number(block, field, what));
  if (value < 0) return Error::invalid(fmt::format("tar: {} is negative", what));
  return static_cast<std::uint64_t>(value);
}

std::string full_name(TarBlock block) {
  const std::string_view name = tar_text(at(block, kName));
  // GNU's magic "ustar  " has other fields where POSIX' "ustar\0" has the prefix.
  if (tar_text(at(block, kMagic)) != "ustar") return std::string(name);
  const bool star = tar_text(at(block, kStarMark)) == "tar";
  const std::string_view prefix = tar_text(at(block, star ? kStarPrefix : kPrefix));
  return prefix.empty() ? std::string(name) : fmt::format("{}/{}", prefix, name);
}

std::optional<std::int64_t> parse_base256(std::span<const std::uint8_t> field) {
  const bool negative = (field[0] & 0x40) != 0;
  std::int64_t value = negative ? -1 : 0;
  for (std::size_t i = 0; i < field.size(); ++i) {
    const std::uint8_t byte =
        i == 0 ? static_cast<std::uint8_t>(negative ? field[0] | 0x80 : field[0] & 0x7f) : field[i];
    const std::int64_t high = value >> 55;
    if (high != 0 && high != -1) return std::nullopt;
    value = static_cast<std::int64_t>((static_cast<std::uint64_t>(value) << 8) | byte);
    if ((value < 0) != negative) return std::nullopt;
  }
  return value;
}

}  // namespace

bool is_zero_block(TarBlock block) {
  return std::all_of(block.begin(), block.end(), [](auto byte) { return byte == 0; });
}

std::string_view tar_text(std::span<const std::uint8_t> field) {
  const auto end = std::find(field.begin(), field.end(), 0);
  return {reinterpret_cast<const char*>(field.data()),
          static_cast<std::size_t>(end - field.begin())};
}

std::optional<std::int64_t> parse_tar_number(std::span<const std::uint8_t> field) {
  if ((field[0] & 0x80) != 0) return parse_base256(field);
  std::string_view text = tar_text(field);
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  std::int64_t value = 0;  // at most 12 octal digits: no overflow
  for (const char digit : text) {
    if (digit < '0' || digit > '7') return std::nullopt;
    value = value * 8 + (digit - '0');
  }
  return value;
}

Result<TarHeader> parse_tar_header(TarBlock block) {
  if (!checksum_matches(block)) return Error::invalid("tar: invalid header");
  TarHeader header;
  header.type = static_cast<char>(block[kTypeOffset]);
  header.name = full_name(block);
  header.link = tar_text(at(block, kLink));
  header.mode = static_cast<std::uint32_t>(TRY(natural(block, kMode, "mode")) & 07777);
  header.uid = TRY(natural(block, kUid, "uid"));
  header.gid = TRY(natural(block, kGid, "gid"));
  header.size = TRY(natural(block, kSize, "size"));
  header.mtime = TRY(number(block, kMtime, "mtime"));
  if (header.type == '3' || header.type == '4') {
    header.major = static_cast<std::uint32_t>(TRY(natural(block, kMajor, "device number")));
    header.minor = static_cast<std::uint32_t>(TRY(natural(block, kMinor, "device number")));
  }
  return header;
}

}  // namespace wherry::archive
