#include "archive/tar_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>

#include "base/check.h"

namespace wherry::archive {
namespace {

constexpr std::size_t kNameSize = 100;
constexpr std::uint64_t kLargestOctal7 = 07777777;       // uid, gid, devices
constexpr std::uint64_t kLargestOctal11 = 077777777777;  // size, mtime

// "<length> <key>=<value>\n", whose length counts its own digits.
std::string pax_record(std::string_view key, std::string_view value) {
  const std::size_t rest = key.size() + value.size() + 3;
  std::size_t length = rest + 1;
  while (fmt::formatted_size("{}", length) + rest != length)
    length = fmt::formatted_size("{}", length) + rest;
  return fmt::format("{} {}={}\n", length, key, value);
}

std::string pax_time(const timespec& time) {
  if (time.tv_sec >= 0 || time.tv_nsec == 0)
    return fmt::format("{}.{:09}", time.tv_sec, time.tv_nsec);
  const long whole = -(time.tv_sec + 1);  // -1.25 s is stored as {-2, 750000000}
  return fmt::format("-{}.{:09}", whole, 1'000'000'000 - time.tv_nsec);
}

std::string pax_records(const TarEntry& entry) {
  std::string records;
  if (entry.name.size() > kNameSize) records += pax_record("path", entry.name);
  if (entry.link.size() > kNameSize) records += pax_record("linkpath", entry.link);
  if (entry.size > kLargestOctal11) records += pax_record("size", fmt::to_string(entry.size));
  if (entry.uid > kLargestOctal7) records += pax_record("uid", fmt::to_string(entry.uid));
  if (entry.gid > kLargestOctal7) records += pax_record("gid", fmt::to_string(entry.gid));
  if (entry.mtime.tv_nsec != 0 || entry.mtime.tv_sec < 0 ||
      static_cast<std::uint64_t>(entry.mtime.tv_sec) > kLargestOctal11)
    records += pax_record("mtime", pax_time(entry.mtime));
  for (const auto& [name, value] : entry.xattrs)
    records += pax_record("SCHILY.xattr." + name, value);
  return records;
}

void put(std::string& block, std::size_t offset, std::string_view text, std::size_t size) {
  block.replace(offset, std::min(text.size(), size), text.substr(0, size));
}

// Zero where the value does not fit: the pax record has it.
void put_octal(std::string& block, std::size_t offset, std::size_t size, std::uint64_t value) {
  const std::uint64_t largest = (1ULL << (3 * (size - 1))) - 1;
  put(block, offset, fmt::format("{:0{}o}", value > largest ? 0 : value, size - 1), size - 1);
}

}  // namespace

Result<> TarWriter::pad() {
  CHECK(content_left_ == 0);
  if (padding_ == 0) return {};
  return sink_(std::string(std::exchange(padding_, 0), '\0'));
}

Result<> TarWriter::write_header(const TarEntry& entry, std::string_view name,
                                 std::string_view link) {
  std::string block(kTarBlock, '\0');
  put(block, 0, name, kNameSize);
  put_octal(block, 100, 8, entry.mode);
  put_octal(block, 108, 8, entry.uid);
  put_octal(block, 116, 8, entry.gid);
  put_octal(block, 124, 12, entry.size);
  put_octal(block, 136, 12,
            static_cast<std::uint64_t>(std::max<std::int64_t>(entry.mtime.tv_sec, 0)));
  block[156] = entry.type;
  put(block, 157, link, kNameSize);
  put(block, 257,
      std::string_view("ustar\0"
                       "00",
                       8),
      8);
  put_octal(block, 329, 8, entry.major);
  put_octal(block, 337, 8, entry.minor);
  put(block, 148, "        ", 8);
  unsigned sum = 0;
  for (const char byte : block) sum += static_cast<std::uint8_t>(byte);
  put(block, 148, fmt::format("{:06o}", sum), 6);
  block[154] = '\0';
  return sink_(block);
}

Result<> TarWriter::add(const TarEntry& entry) {
  TRY(pad());
  const std::string records = pax_records(entry);
  if (!records.empty()) {
    TarEntry extended;
    extended.type = 'x';
    extended.mode = 0644;
    extended.size = records.size();
    TRY(write_header(extended, "PaxHeaders/entry", ""));
    content_left_ = records.size();
    padding_ = (kTarBlock - records.size() % kTarBlock) % kTarBlock;
    TRY(write(records));
    TRY(pad());
  }
  TRY(write_header(entry, entry.name, entry.link));
  content_left_ = entry.type == '0' ? entry.size : 0;
  padding_ = (kTarBlock - content_left_ % kTarBlock) % kTarBlock;
  return {};
}

Result<> TarWriter::write(std::string_view content) {
  CHECK(content.size() <= content_left_);
  content_left_ -= content.size();
  return sink_(content);
}

Result<> TarWriter::add_file(TarEntry entry, std::string_view content) {
  entry.type = '0';
  entry.size = content.size();
  TRY(add(entry));
  return write(content);
}

Result<> TarWriter::finish() {
  TRY(pad());
  return sink_(std::string(2 * kTarBlock, '\0'));
}

}  // namespace wherry::archive
