// For tests only: archives in memory, temporary directories, compression.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <zlib.h>
#include <bzlib.h>
#include <lzma.h>
#include <zstd.h>

#include <filesystem>
#include <string>
#include <string_view>

#include "archive/stream.h"
#include "archive/tar_writer.h"
#include "sys/fd.h"

namespace wherry::archive::testing {

class TarText {
 public:
  TarText()
      : writer_([this](std::string_view bytes) -> Result<> {
          text_ += bytes;
          return {};
        }) {}

  TarText& file(const std::string& name, std::string_view content, std::uint32_t mode = 0644) {
    EXPECT_TRUE(writer_.add_file({.name = name, .mode = mode}, content));
    return *this;
  }
  TarText& file(const TarEntry& entry, std::string_view content) {
    EXPECT_TRUE(writer_.add_file(entry, content));
    return *this;
  }
  TarText& directory(const std::string& name, std::uint32_t mode = 0755) {
    return add({.type = '5', .name = name, .mode = mode});
  }
  TarText& symlink(const std::string& name, const std::string& target) {
    return add({.type = '2', .name = name, .link = target, .mode = 0777});
  }
  TarText& hard_link(const std::string& name, const std::string& target) {
    return add({.type = '1', .name = name, .link = target});
  }
  TarText& add(const TarEntry& entry) {
    EXPECT_TRUE(writer_.add(entry));
    return *this;
  }
  TarText& raw(std::string_view bytes) {
    text_ += bytes;
    return *this;
  }
  std::string finish() {
    EXPECT_TRUE(writer_.finish());
    return std::move(text_);
  }
  std::string unfinished() { return std::move(text_); }

 private:
  std::string text_;
  TarWriter writer_;
};

// One record of a pax header, and a whole header for the entry that follows.
inline std::string pax_record(const std::string& key, const std::string& value) {
  const std::size_t rest = key.size() + value.size() + 3;
  std::size_t length = rest + 1;
  while (std::to_string(length).size() + rest != length)
    length = std::to_string(length).size() + rest;
  return std::to_string(length) + " " + key + "=" + value + "\n";
}
inline std::string padded(std::string text) {
  text.resize((text.size() + kTarBlock - 1) / kTarBlock * kTarBlock, '\0');
  return text;
}
inline std::string pax_header(const std::string& records) {
  TarText tar;
  tar.add({.type = 'x', .name = "pax", .size = records.size()});
  return tar.unfinished() + padded(records);
}

inline Bytes bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

inline std::string gzip(std::string_view text) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&stream, text.size()) + 64, '\0');
  std::string in(text);
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

inline std::string zstd(std::string_view text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

inline std::string bzip2(std::string_view text) {
  std::string in(text);
  std::string out(in.size() + in.size() / 100 + 600, '\0');
  auto size = static_cast<unsigned>(out.size());
  EXPECT_EQ(BZ2_bzBuffToBuffCompress(out.data(), &size, in.data(), static_cast<unsigned>(in.size()), 1, 0, 0), BZ_OK);
  out.resize(size);
  return out;
}

inline std::string xz(std::string_view text, std::uint32_t preset = 1) {
  std::string out(lzma_stream_buffer_bound(text.size()), '\0');
  std::size_t size = 0;
  EXPECT_EQ(lzma_easy_buffer_encode(preset, LZMA_CHECK_CRC32, nullptr, reinterpret_cast<const std::uint8_t*>(text.data()),
                                    text.size(), reinterpret_cast<std::uint8_t*>(out.data()), &size, out.size()),
            LZMA_OK);
  out.resize(size);
  return out;
}

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    char pattern[] = "/tmp/wherry-test-XXXXXX";
    path_ = ::mkdtemp(pattern);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string operator/(std::string_view name) const {
    return path_ + "/" + std::string(name);
  }
  [[nodiscard]] sys::Fd open() const { return open(path_); }
  static sys::Fd open(const std::string& path) {
    auto fd = sys::open_at({}, path.c_str(), O_RDONLY | O_DIRECTORY);
    EXPECT_TRUE(fd);
    return std::move(*fd);
  }

 private:
  std::string path_;
};

}  // namespace wherry::archive::testing
