#include "archive/stream.h"

#include <gtest/gtest.h>

#include "archive/testing.h"

namespace wherry::archive {
namespace {

using testing::bytes_of;

Result<std::string> read_through(std::string_view input, std::size_t chunk = SIZE_MAX) {
  MemoryStream memory(bytes_of(input), chunk);
  const auto stream = TRY(decompress(memory));
  std::string out;
  for (;;) {
    const Bytes bytes = TRY(stream->next());
    if (bytes.empty()) return out;
    out.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
}

std::string sample(std::size_t size) {
  std::string text;
  for (std::size_t i = 0; text.size() < size; ++i) text += std::to_string(i * 7919 % 10007) + ",";
  text.resize(size);
  return text;
}

void expect_invalid(std::string_view input, std::string_view words) {
  for (const std::size_t chunk : {std::size_t{1}, std::size_t{7}, SIZE_MAX}) {
    const auto out = read_through(input, chunk);
    ASSERT_FALSE(out) << words << " chunk " << chunk;
    EXPECT_EQ(out.error().kind(), ErrorKind::InvalidArgument);
    EXPECT_NE(out.error().message().find(words), std::string::npos) << out.error().message();
  }
}

class Formats : public ::testing::TestWithParam<std::size_t> {};

TEST_P(Formats, give_the_bytes_back_however_they_are_cut) {
  const std::string text = sample(700'000);
  EXPECT_EQ(*read_through(text, GetParam()), text);
  EXPECT_EQ(*read_through(testing::gzip(text), GetParam()), text);
  EXPECT_EQ(*read_through(testing::zstd(text), GetParam()), text);
}

INSTANTIATE_TEST_SUITE_P(Chunks, Formats, ::testing::Values(1, 3, 511, 65536, SIZE_MAX));

TEST(Decompress, empty_input_is_empty) {
  EXPECT_EQ(*read_through(""), "");
}
TEST(Decompress, short_plain_input_is_kept) {
  EXPECT_EQ(*read_through("ab", 1), "ab");
}
TEST(Decompress, empty_content_is_empty) {
  EXPECT_EQ(*read_through(testing::gzip("")), "");
  EXPECT_EQ(*read_through(testing::zstd("")), "");
}

TEST(Decompress, several_members_follow_one_another) {
  EXPECT_EQ(*read_through(testing::gzip("one ") + testing::gzip("two"), 1), "one two");
  EXPECT_EQ(*read_through(testing::zstd("one ") + testing::zstd("two"), 1), "one two");
}

TEST(Decompress, zeros_behind_gzip_are_padding_and_other_bytes_are_not) {
  EXPECT_EQ(*read_through(testing::gzip("one") + std::string(600, '\0')), "one");
  const auto out = read_through(testing::gzip("one") + std::string(6, '\0') + "x");
  ASSERT_FALSE(out);
  EXPECT_EQ(out.error().message(), "gzip: data after the last member");
}

TEST(Decompress, cut_input_is_refused) {
  const std::string packed = testing::gzip(sample(100'000));
  expect_invalid(std::string_view(packed).substr(0, packed.size() - 1), "gzip: unexpected end");
  expect_invalid(std::string_view(packed).substr(0, packed.size() / 2), "gzip: unexpected end");
  expect_invalid(std::string_view(packed).substr(0, 5), "gzip: unexpected end");
  const std::string frame = testing::zstd(sample(100'000));
  expect_invalid(std::string_view(frame).substr(0, frame.size() - 1), "zstd: unexpected end");
}

TEST(Decompress, a_changed_byte_is_refused) {
  std::string packed = testing::gzip(sample(100'000));
  packed[packed.size() - 5] = static_cast<char>(packed[packed.size() - 5] ^ 1);  // the CRC
  expect_invalid(packed, "gzip: invalid checksum");
}

TEST(Decompress, a_zstd_window_over_128_mib_is_refused) {
  // Frame header: magic, descriptor without single segment, window descriptor of 2 GiB.
  const std::string frame("\x28\xb5\x2f\xfd\x00\xa8\x01\x00\x00", 9);
  expect_invalid(frame, "zstd: Frame requires too much memory");
}

TEST(Decompress, bzip2_and_xz_in_pieces_of_any_size) {
  const std::string text = sample(700'000);
  for (const std::string& packed : {testing::bzip2(text), testing::xz(text)})
    for (const std::size_t piece : {std::size_t{1}, std::size_t{4096}, packed.size()})
      EXPECT_EQ(*read_through(packed, piece), text);
  EXPECT_EQ(*read_through(testing::bzip2("one ") + testing::bzip2("two"), 1), "one two");
  EXPECT_EQ(*read_through(testing::xz("one ") + testing::xz("two"), 1), "one two");
}

TEST(Decompress, bzip2_and_xz_that_are_cut_or_damaged_are_refused) {
  const std::string text = sample(100'000);
  for (std::string packed : {testing::bzip2(text), testing::xz(text)}) {
    for (const std::size_t kept : {std::size_t{7}, packed.size() / 2, packed.size() - 1})
      EXPECT_FALSE(read_through(std::string_view(packed).substr(0, kept))) << kept;
    packed[packed.size() / 2] = static_cast<char>(packed[packed.size() / 2] ^ 0x55);
    EXPECT_FALSE(read_through(packed));
  }
  expect_invalid(testing::bzip2(text) + "BZh91AY&SYjunk", "bzip2: ");
  expect_invalid(testing::xz(text) + "junk", "xz: ");
}

TEST(Decompress, an_xz_window_over_the_limit_is_refused) {
  lzma_options_lzma options;
  ASSERT_FALSE(lzma_lzma_preset(&options, 0));
  options.dict_size = 256U << 20;
  const std::string text = "abc";
  std::array<lzma_filter, 2> filters = {lzma_filter{LZMA_FILTER_LZMA2, &options},
                                        lzma_filter{LZMA_VLI_UNKNOWN, nullptr}};
  std::string packed(lzma_stream_buffer_bound(text.size()), '\0');
  std::size_t size = 0;
  ASSERT_EQ(lzma_stream_buffer_encode(filters.data(), LZMA_CHECK_CRC32, nullptr,
                                      reinterpret_cast<const std::uint8_t*>(text.data()), text.size(),
                                      reinterpret_cast<std::uint8_t*>(packed.data()), &size, packed.size()),
            LZMA_OK);
  packed.resize(size);
  expect_invalid(packed, "xz: its window is larger than 128 MiB");
}

TEST(HashStream, counts_and_hashes_what_passes) {
  MemoryStream memory(bytes_of("abc"), 1);
  HashStream hashed(memory);
  while (!(*hashed.next()).empty()) {
  }
  EXPECT_EQ(hashed.count(), 3u);
  EXPECT_EQ(hashed.digest().hex(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Sha256, is_as_new_after_finish) {
  Sha256 hash;
  hash.update(std::string_view("x"));
  (void)hash.finish();
  EXPECT_EQ(hash.finish(), Sha256::of(""));
}

}  // namespace
}  // namespace wherry::archive
