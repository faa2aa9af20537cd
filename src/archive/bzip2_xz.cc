#include <bzlib.h>
#include <fmt/format.h>
#include <lzma.h>

#include "archive/inflating.h"

namespace wherry::archive {
namespace {

constexpr std::uint64_t kXzMemory = 128ULL << 20;

class Bzip2Stream : public InflatingStream {
 public:
  explicit Bzip2Stream(std::unique_ptr<PeekStream> below) : InflatingStream(std::move(below)) {}
  Bzip2Stream(const Bzip2Stream&) = delete;
  Bzip2Stream& operator=(const Bzip2Stream&) = delete;
  ~Bzip2Stream() override {
    if (open_) ::BZ2_bzDecompressEnd(&state_);
  }

  Result<Bytes> next() override {
    for (;;) {
      const bool more = TRY(fill());
      if (!more && !open_) return Bytes();
      if (!more && !flushing_) return Error::invalid("bzip2: unexpected end of data");
      const std::size_t produced = TRY(run());
      if (produced > 0) return Bytes(output_.data(), produced);
    }
  }

 private:
  Result<> open() {
    if (open_) return {};
    state_ = {};
    if (::BZ2_bzDecompressInit(&state_, 0, 0) != BZ_OK) return Error::internal("bzip2: no memory");
    open_ = true;
    return {};
  }

  Result<std::size_t> run() {
    TRY(open());
    state_.next_in = const_cast<char*>(reinterpret_cast<const char*>(input_.data()));  // NOLINT: only read
    state_.avail_in = static_cast<unsigned>(input_.size());
    state_.next_out = reinterpret_cast<char*>(output_.data());
    state_.avail_out = static_cast<unsigned>(output_.size());
    const int code = ::BZ2_bzDecompress(&state_);
    if (code != BZ_OK && code != BZ_STREAM_END) return Error::invalid("bzip2: damaged data");
    input_ = input_.last(state_.avail_in);
    flushing_ = state_.avail_out == 0;
    if (code == BZ_STREAM_END) {
      ::BZ2_bzDecompressEnd(&state_);
      open_ = false;
    }
    return output_.size() - state_.avail_out;
  }

  bz_stream state_{};
  bool open_ = false;
  bool flushing_ = false;
};

class XzStream : public InflatingStream {
 public:
  explicit XzStream(std::unique_ptr<PeekStream> below) : InflatingStream(std::move(below)) {}
  XzStream(const XzStream&) = delete;
  XzStream& operator=(const XzStream&) = delete;
  ~XzStream() override { ::lzma_end(&state_); }

  Result<> open() {
    if (::lzma_stream_decoder(&state_, kXzMemory, LZMA_CONCATENATED) != LZMA_OK)
      return Error::internal("xz: no memory");
    return {};
  }

  Result<Bytes> next() override {
    while (!ended_) {
      const bool more = TRY(fill());
      const std::size_t produced = TRY(run(more ? LZMA_RUN : LZMA_FINISH));
      if (produced > 0) return Bytes(output_.data(), produced);
    }
    return Bytes();
  }

 private:
  Result<std::size_t> run(lzma_action action) {
    state_.next_in = input_.data();
    state_.avail_in = input_.size();
    state_.next_out = output_.data();
    state_.avail_out = output_.size();
    const lzma_ret code = ::lzma_code(&state_, action);
    if (code == LZMA_BUF_ERROR) return Error::invalid("xz: unexpected end of data");
    if (code == LZMA_MEMLIMIT_ERROR) return Error::invalid("xz: its window is larger than 128 MiB");
    if (code != LZMA_OK && code != LZMA_STREAM_END) return Error::invalid("xz: damaged data");
    ended_ = code == LZMA_STREAM_END;
    input_ = input_.last(state_.avail_in);
    return output_.size() - state_.avail_out;
  }

  lzma_stream state_ = LZMA_STREAM_INIT;
  bool ended_ = false;
};

}  // namespace

Result<std::unique_ptr<Stream>> make_bzip2_stream(std::unique_ptr<PeekStream> below) {
  return std::make_unique<Bzip2Stream>(std::move(below));
}

Result<std::unique_ptr<Stream>> make_xz_stream(std::unique_ptr<PeekStream> below) {
  auto stream = std::make_unique<XzStream>(std::move(below));
  TRY(stream->open());
  return stream;
}

}  // namespace wherry::archive
