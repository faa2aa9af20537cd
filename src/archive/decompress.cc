#include <fmt/format.h>
#include <isa-l/igzip_lib.h>
#include <zstd.h>

#include <algorithm>
#include <array>

#include "archive/inflating.h"

namespace wherry::archive {
namespace {

// 128 MiB: what zstd's own tool accepts without --long; a larger window is a memory bomb.
constexpr int kLargestWindowLog = 27;

struct Magic {
  Compression compression;
  std::size_t size;
  std::array<std::uint8_t, 6> bytes;
};
constexpr Magic kMagics[] = {
    {Compression::Gzip, 2, {0x1f, 0x8b}},
    {Compression::Zstd, 4, {0x28, 0xb5, 0x2f, 0xfd}},
    {Compression::Bzip2, 3, {'B', 'Z', 'h'}},
    {Compression::Xz, 6, {0xfd, '7', 'z', 'X', 'Z', 0x00}},
};
constexpr std::size_t kLongestMagic = 6;

class GzipStream : public InflatingStream {
 public:
  explicit GzipStream(std::unique_ptr<PeekStream> below) : InflatingStream(std::move(below)) {
    isal_inflate_init(&state_);
    start_member();
  }

  Result<Bytes> next() override {
    while (!ended_) {
      const std::size_t produced = TRY(step());
      if (produced > 0) return Bytes(output_.data(), produced);
    }
    return Bytes();
  }

 private:
  void start_member() {
    isal_inflate_reset(&state_);
    state_.crc_flag = ISAL_GZIP;
    in_member_ = false;
  }

  // One call of the decoder, or the end.
  Result<std::size_t> step() {
    const bool more = TRY(fill());
    if (!more) {
      // igzip may hold decoded bytes back while its output was full.
      if (in_member_ && flushing_) return run();
      if (in_member_) return Error::invalid("gzip: unexpected end of data");
      ended_ = true;
      return 0;
    }
    if (!in_member_ && members_ > 0 && input_.front() == 0) return skip_padding();
    in_member_ = true;
    return run();
  }

  // tar and some registries pad with zeros behind the last member.
  Result<std::size_t> skip_padding() {
    const auto end =
        std::find_if(input_.begin(), input_.end(), [](auto byte) { return byte != 0; });
    input_ = input_.subspan(static_cast<std::size_t>(end - input_.begin()));
    if (!input_.empty()) return Error::invalid("gzip: data after the last member");
    return 0;
  }

  Result<std::size_t> run() {
    state_.next_in = const_cast<std::uint8_t*>(input_.data());  // NOLINT: igzip only reads
    state_.avail_in = static_cast<std::uint32_t>(input_.size());
    state_.next_out = output_.data();
    state_.avail_out = static_cast<std::uint32_t>(output_.size());
    const int code = isal_inflate(&state_);
    if (code != ISAL_DECOMP_OK) return Error::invalid(fmt::format("gzip: {}", text_of(code)));
    input_ = input_.last(state_.avail_in);
    const std::size_t produced = output_.size() - state_.avail_out;
    flushing_ = state_.avail_out == 0;
    if (state_.block_state == ISAL_BLOCK_FINISH) {
      ++members_;
      start_member();
    }
    return produced;
  }

  static const char* text_of(int code) {
    switch (code) {
      case ISAL_INVALID_WRAPPER: return "invalid header";
      case ISAL_UNSUPPORTED_METHOD: return "unknown compression method";
      case ISAL_INCORRECT_CHECKSUM: return "invalid checksum";
      default: return "damaged data";
    }
  }

  inflate_state state_{};
  std::uint64_t members_ = 0;
  bool in_member_ = false;
  bool flushing_ = false;
  bool ended_ = false;
};

class ZstdStream : public InflatingStream {
 public:
  explicit ZstdStream(std::unique_ptr<PeekStream> below)
      : InflatingStream(std::move(below)), context_(ZSTD_createDCtx()) {
    ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, kLargestWindowLog);
  }

  Result<Bytes> next() override {
    for (;;) {
      const bool more = TRY(fill());
      if (!more && !in_frame_) return Bytes();
      if (!more && !flushing_) return Error::invalid("zstd: unexpected end of data");
      const std::size_t produced = TRY(run());
      if (produced > 0) return Bytes(output_.data(), produced);
    }
  }

 private:
  struct Free {
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
  };

  Result<std::size_t> run() {
    ZSTD_inBuffer in{input_.data(), input_.size(), 0};
    ZSTD_outBuffer out{output_.data(), output_.size(), 0};
    const std::size_t code = ZSTD_decompressStream(context_.get(), &out, &in);
    if (ZSTD_isError(code) != 0)
      return Error::invalid(fmt::format("zstd: {}", ZSTD_getErrorName(code)));
    input_ = input_.subspan(in.pos);
    in_frame_ = code != 0;
    flushing_ = out.pos == out.size;
    return out.pos;
  }

  std::unique_ptr<ZSTD_DCtx, Free> context_;
  bool in_frame_ = false;
  bool flushing_ = false;
};

}  // namespace

Compression sniff(Bytes start) {
  for (const Magic& magic : kMagics) {
    const bool matches = start.size() >= magic.size &&
                         std::equal(start.begin(), start.begin() + static_cast<long>(magic.size),
                                    magic.bytes.begin());
    if (matches) return magic.compression;
  }
  return Compression::None;
}

std::string_view name_of(Compression compression) {
  switch (compression) {
    case Compression::Gzip: return "gzip";
    case Compression::Zstd: return "zstd";
    case Compression::Bzip2: return "bzip2";
    case Compression::Xz: return "xz";
    case Compression::None: break;
  }
  return "none";
}

Result<std::unique_ptr<Stream>> decompress(Stream& below) {
  auto peek = std::make_unique<PeekStream>(below);
  const Compression compression = sniff(TRY(peek->peek(kLongestMagic)));
  switch (compression) {
    case Compression::Gzip: return std::make_unique<GzipStream>(std::move(peek));
    case Compression::Zstd: return std::make_unique<ZstdStream>(std::move(peek));
    case Compression::Bzip2: return make_bzip2_stream(std::move(peek));
    case Compression::Xz: return make_xz_stream(std::move(peek));
    case Compression::None: break;
  }
  return peek;
}

}  // namespace wherry::archive
