#include "archive/tar_reader.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "archive/pax.h"
#include "archive/testing.h"

namespace wherry::archive {
namespace {

using testing::bytes_of;
using testing::padded;
using testing::pax_header;
using testing::pax_record;
using testing::TarText;

constexpr std::uint64_t kLimit = 1 << 20;

struct Read {
  TarEntry entry;
  std::string content;
};

Result<std::vector<Read>> read_all(std::string_view text, std::size_t chunk = SIZE_MAX) {
  MemoryStream memory(bytes_of(text), chunk);
  TarReader reader(memory, kLimit);
  std::vector<Read> all;
  for (;;) {
    auto entry = TRY(reader.next());
    if (!entry) break;
    Read read{std::move(*entry), {}};
    for (;;) {
      const TarPiece piece = TRY(reader.content());
      if (piece.bytes.empty()) break;
      read.content.resize(std::max<std::size_t>(read.content.size(), piece.offset), '\0');
      read.content.append(reinterpret_cast<const char*>(piece.bytes.data()), piece.bytes.size());
    }
    all.push_back(std::move(read));
  }
  TRY(reader.drain());
  return all;
}

std::string header(std::string_view name, char type, std::uint64_t size) {
  TarText tar;
  tar.add({.type = type, .name = std::string(name), .mode = 0644, .size = size});
  return tar.unfinished();
}

// The same header with bytes changed and the checksum made right again.
std::string patched(std::string block, std::size_t offset, std::string_view bytes) {
  block.replace(offset, bytes.size(), bytes);
  block.replace(148, 8, "        ");
  unsigned sum = 0;
  for (const char byte : block.substr(0, 512)) sum += static_cast<std::uint8_t>(byte);
  block.replace(148, 7, fmt::format("{:06o}", sum) + std::string(1, '\0'));
  return block;
}

void expect_invalid(std::string_view text) {
  for (const std::size_t chunk : {std::size_t{1}, std::size_t{512}, SIZE_MAX}) {
    const auto outcome = read_all(text, chunk);
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().kind(), ErrorKind::InvalidArgument);
  }
}

class Chunked : public ::testing::TestWithParam<std::size_t> {};

TEST_P(Chunked, entries_come_back_as_written) {
  TarText tar;
  const std::string long_name = std::string(120, 'd') + "/" + std::string(150, 'f');
  tar.file("a", "hello").directory("dir").symlink("dir/link", std::string(300, 't'));
  tar.hard_link("hard", "a").file(long_name, std::string(1500, 'x'));
  tar.add({.type = '3',
           .name = "null",
           .mode = 0666,
           .uid = 3'000'000,
           .gid = 7,
           .mtime = {-2, 750'000'000},
           .major = 1,
           .minor = 3});
  tar.add({.type = '5',
           .name = "x",
           .mode = 0700,
           .mtime = {1'700'000'000, 5},
           .xattrs = {{"user.a", std::string("b\0\nc=d", 6)}}});
  const auto all = read_all(tar.finish(), GetParam());
  ASSERT_TRUE(all) << all.error().message();
  ASSERT_EQ(all->size(), 7u);
  EXPECT_EQ((*all)[0].content, "hello");
  EXPECT_EQ((*all)[2].entry.link, std::string(300, 't'));
  EXPECT_EQ((*all)[3].entry.link, "a");
  EXPECT_EQ((*all)[4].entry.name, long_name);
  EXPECT_EQ((*all)[4].content, std::string(1500, 'x'));
  EXPECT_EQ((*all)[5].entry.uid, 3'000'000u);
  EXPECT_EQ((*all)[5].entry.mtime.tv_sec, -2);
  EXPECT_EQ((*all)[5].entry.mtime.tv_nsec, 750'000'000);
  EXPECT_EQ((*all)[5].entry.major, 1u);
  EXPECT_EQ((*all)[5].entry.minor, 3u);
  EXPECT_EQ((*all)[6].entry.xattrs[0].second, std::string("b\0\nc=d", 6));
}

INSTANTIATE_TEST_SUITE_P(Chunks, Chunked, ::testing::Values(1, 100, 512, 4096, SIZE_MAX));

TEST(TarReader, ends_without_zero_blocks_or_with_one) {
  const std::string entry = TarText().file("a", "x").unfinished();
  EXPECT_EQ(read_all(padded(entry))->size(), 1u);
  EXPECT_EQ(read_all(padded(entry) + std::string(512, '\0'))->size(), 1u);
  EXPECT_TRUE(read_all("")->empty());
}

TEST(TarReader, what_lies_behind_the_end_is_drained_not_read) {
  EXPECT_EQ(read_all(TarText().file("a", "x").finish() + std::string(700, 'j'))->size(), 1u);
}

TEST(TarReader, cut_archives_are_refused) {
  const std::string whole = TarText().file("a", std::string(2000, 'x')).finish();
  for (const std::size_t size : {1, 511, 513, 1000, 2511}) expect_invalid(whole.substr(0, size));
}

TEST(TarReader, a_wrong_checksum_is_refused) {
  std::string text = TarText().file("a", "x").finish();
  text[0] = 'b';
  expect_invalid(text);
}

TEST(TarReader, unknown_types_are_refused_by_name) {
  for (const char type : {'D', 'M', 'Z', '8', '\x80'}) {
    const auto outcome = read_all(header("thing", type, 0));
    ASSERT_FALSE(outcome);
    EXPECT_NE(outcome.error().message().find("thing"), std::string::npos);
  }
}

TEST(TarReader, gnu_long_names_and_links_count_for_the_next_entry) {
  const std::string name(200, 'n');
  std::string text = header("././@LongLink", 'L', name.size() + 1) + padded(name + '\0');
  text += header("././@LongLink", 'K', name.size() + 1) + padded(name + '\0');
  text += header("short", '2', 0) + header("other", '5', 0);
  const auto all = read_all(text);
  ASSERT_TRUE(all);
  EXPECT_EQ((*all)[0].entry.name, name);
  EXPECT_EQ((*all)[0].entry.link, name);
  EXPECT_EQ((*all)[1].entry.name, "other");
}

TEST(TarReader, global_headers_and_volume_labels_are_read_over) {
  const auto all = read_all(header("g", 'g', 20) + padded("20 comment=123456789") +
                            header("label", 'V', 0) + header("a", '5', 0));
  ASSERT_TRUE(all);
  ASSERT_EQ(all->size(), 1u);
  EXPECT_EQ((*all)[0].entry.name, "a");
}

TEST(TarReader, large_extended_headers_are_refused_before_they_are_read) {
  for (const char type : {'x', 'g', 'L', 'K', 'V'}) {
    const auto outcome = read_all(header("h", type, kLimit + 1));
    ASSERT_FALSE(outcome);
    EXPECT_NE(outcome.error().message().find("too large"), std::string::npos);
  }
}

TEST(TarReader, a_size_near_the_end_of_numbers_is_refused) {
  const std::string huge("\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff", 12);
  expect_invalid(patched(header("a", '0', 0), 124, huge));
  const std::string negative(12, '\xff');
  expect_invalid(patched(header("a", '0', 0), 124, negative));
  expect_invalid(patched(header("a", '0', 0), 124, "12x"));
}

TEST(TarReader, v7_directories_are_known_by_their_slash) {
  const auto all = read_all(patched(header("dir/", '0', 0), 156, std::string_view("\0", 1)));
  ASSERT_TRUE(all);
  EXPECT_EQ((*all)[0].entry.type, '5');
}

TEST(TarReader, the_ustar_prefix_leads_the_name) {
  const auto all = read_all(patched(header("name", '5', 0), 345, "some/prefix"));
  ASSERT_TRUE(all);
  EXPECT_EQ((*all)[0].entry.name, "some/prefix/name");
}

TEST(TarReader, sparse_1_0_maps_stand_in_the_data) {
  const std::string map = padded("2\n0\n3\n1000\n2\n");
  const std::string text =
      pax_header(pax_record("GNU.sparse.major", "1") + pax_record("GNU.sparse.minor", "0") +
                 pax_record("GNU.sparse.name", "holey") +
                 pax_record("GNU.sparse.realsize", "2000")) +
      header("GNUSparseFile.0/holey", '0', map.size() + 5) + map + padded("abcXY") +
      header("z", '5', 0);
  for (const std::size_t chunk : {std::size_t{1}, SIZE_MAX}) {
    const auto all = read_all(text, chunk);
    ASSERT_TRUE(all) << all.error().message();
    EXPECT_EQ((*all)[0].entry.name, "holey");
    EXPECT_EQ((*all)[0].entry.size, 2000u);
    EXPECT_EQ((*all)[0].content, "abc" + std::string(997, '\0') + "XY");
    EXPECT_EQ((*all)[1].entry.name, "z");
  }
}

TEST(TarReader, sparse_0_1_maps_stand_in_a_record) {
  const auto all = read_all(
      pax_header(pax_record("GNU.sparse.size", "10") + pax_record("GNU.sparse.map", "2,1,5,2")) +
      header("s", '0', 3) + padded("abc"));
  ASSERT_TRUE(all) << all.error().message();
  EXPECT_EQ((*all)[0].content, std::string("\0\0a\0\0bc", 7));
}

TEST(TarReader, old_gnu_sparse_maps_stand_in_the_header) {
  std::string block = header("s", 'S', 4);
  block = patched(block, 257, std::string_view("ustar  \0", 8));
  block = patched(block, 386,
                  std::string("00000000001\0"
                              "00000000002\0"
                              "00000000010\0"
                              "00000000002\0",
                              48));
  block = patched(block, 483, std::string_view("00000000020\0", 12));
  const auto all = read_all(block + padded("abcd"));
  ASSERT_TRUE(all) << all.error().message();
  EXPECT_EQ((*all)[0].entry.size, 16u);
  EXPECT_EQ((*all)[0].content, std::string("\0ab\0\0\0\0\0cd", 10));
}

TEST(TarReader, impossible_sparse_maps_are_refused) {
  const char* maps[] = {"5,2,2,1", "0,3,1,2", "8,3", "0,18446744073709551615", "1", "a,b", "0,1"};
  for (const char* map : maps) {
    expect_invalid(
        pax_header(pax_record("GNU.sparse.size", "10") + pax_record("GNU.sparse.map", map)) +
        header("s", '0', 3) + padded("abc"));
  }
}

TEST(TarReader, a_sparse_map_of_a_billion_runs_is_refused) {
  expect_invalid(pax_header(pax_record("GNU.sparse.major", "1")) + header("s", '0', 512) +
                 padded("999999999\n"));
}

TEST(Pax, refuses_records_that_do_not_add_up) {
  for (const char* text : {"x", "5 a=b", "0 a=b\n", "99 a=b\n", "6 a=bc\n", "4 a\n", "5 =b\n",
                           "1 \n", "99999999999999999999 a=b\n", "10 size=xy\n", "10 uid=-12\n"}) {
    PaxValues values;
    EXPECT_FALSE(parse_pax(text, values)) << text;
  }
}

TEST(Pax, a_nul_in_a_name_is_refused) {
  PaxValues values;
  EXPECT_FALSE(parse_pax(std::string_view("12 path=a\0b\n", 12), values));
}

TEST(Pax, times_have_up_to_nine_digits) {
  EXPECT_EQ(parse_pax_time("12")->tv_sec, 12);
  EXPECT_EQ(parse_pax_time("12.5")->tv_nsec, 500'000'000);
  EXPECT_EQ(parse_pax_time("12.1234567899")->tv_nsec, 123'456'789);
  EXPECT_EQ(parse_pax_time("-1.25")->tv_sec, -2);
  EXPECT_EQ(parse_pax_time("-1.25")->tv_nsec, 750'000'000);
  for (const char* text : {"", ".", "x", "1.x", "--1", "99999999999999"})
    EXPECT_FALSE(parse_pax_time(text)) << text;
}

TEST(TarHeader, numbers_are_octal_or_base_256) {
  const auto parse = [](std::string_view text) { return parse_tar_number(bytes_of(text)); };
  EXPECT_EQ(parse(std::string_view("0000644\0", 8)), 0644);
  EXPECT_EQ(parse("    644 "), 0644);
  EXPECT_EQ(parse(std::string_view("\0\0\0\0", 4)), 0);
  EXPECT_EQ(parse("\x80\x01\x02"), 0x102);
  EXPECT_EQ(parse("\xff\xff\xfe"), -2);
  EXPECT_FALSE(parse("0888"));
  EXPECT_FALSE(parse(std::string(12, '\x9f')));
}

}  // namespace
}  // namespace wherry::archive
