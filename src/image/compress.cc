#include "image/compress.h"

#include <fmt/format.h>
#include <isa-l/igzip_lib.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <vector>

#include "archive/sha256.h"
#include "sys/fd.h"

namespace wherry::image {
namespace {

constexpr std::size_t kChunk = 1 << 20;

using Sink = std::function<Result<>(std::string_view bytes)>;

// A gzip stream over `file`, in pieces.
class Gzip {
 public:
  Gzip() : stream_(std::make_unique<isal_zstream>()), level_(ISAL_DEF_LVL1_DEFAULT) {
    isal_deflate_init(stream_.get());
    stream_->level = 1;
    stream_->level_buf = level_.data();
    stream_->level_buf_size = static_cast<std::uint32_t>(level_.size());
    stream_->gzip_flag = IGZIP_GZIP;
  }

  Result<> add(std::string_view bytes, bool last, const Sink& sink) {
    stream_->next_in = reinterpret_cast<std::uint8_t*>(const_cast<char*>(bytes.data()));
    stream_->avail_in = static_cast<std::uint32_t>(bytes.size());
    stream_->end_of_stream = last ? 1 : 0;
    do {
      stream_->next_out = out_.data();
      stream_->avail_out = static_cast<std::uint32_t>(out_.size());
      if (const int code = isal_deflate(stream_.get()); code != COMP_OK)
        return Error::internal(fmt::format("isal_deflate: {}", code));
      const std::size_t produced = out_.size() - stream_->avail_out;
      TRY(sink({reinterpret_cast<const char*>(out_.data()), produced}));
    } while (stream_->avail_out == 0);
    return {};
  }

 private:
  std::unique_ptr<isal_zstream> stream_;
  std::vector<std::uint8_t> level_;
  std::vector<std::uint8_t> out_ = std::vector<std::uint8_t>(kChunk);
};

Result<> compress(const sys::Fd& file, const Sink& sink, const std::stop_token& stop) {
  Gzip gzip;
  std::string buffer(kChunk, '\0');
  for (off_t offset = 0;;) {
    if (stop.stop_requested()) return Error(ErrorKind::Cancelled, "context canceled");
    const ssize_t count = ::pread(file.get(), buffer.data(), buffer.size(), offset);
    if (count < 0) return Error::from_errno(errno, "read layer");
    offset += count;
    TRY(gzip.add(std::string_view(buffer).substr(0, static_cast<std::size_t>(count)), count == 0,
                 sink));
    if (count == 0) return {};
  }
}

}  // namespace

Result<Layer> compress_layer(content::Store& content, const Layer& layer,
                             const std::stop_token& stop) {
  const sys::Fd file = TRY(content.open_blob(layer.blob));
  archive::Sha256 hash;
  std::uint64_t size = 0;
  const Sink measure = [&](std::string_view bytes) -> Result<> {
    hash.update(bytes);
    size += bytes.size();
    return {};
  };
  TRY(compress(file, measure, stop));
  Layer compressed{.diff_id = layer.diff_id,
                   .blob = hash.finish(),
                   .blob_size = size,
                   .media_type = std::string(spec::media_type::kDockerLayerGzip)};
  auto ingest = TRY(content.begin({.digest = compressed.blob, .size = size}, stop));
  if (!ingest) return compressed;
  TRY(ingest->restart());
  const Sink store = [&](std::string_view bytes) { return ingest->write(bytes); };
  TRY(compress(file, store, stop));
  TRY(ingest->finish());
  std::vector<content::Ingest> finished;
  finished.push_back(*std::move(ingest));
  TRY(content.publish(finished));
  return compressed;
}

}  // namespace wherry::image
