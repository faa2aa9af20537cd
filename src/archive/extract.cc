#include "archive/extract.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include "archive/layer_path.h"
#include "archive/tar_reader.h"
#include "archive/tree_writer.h"
#include "base/strings.h"

namespace wherry::archive {
namespace {

constexpr std::string_view kWhiteout = ".wh.";
constexpr std::string_view kOpaque = ".wh..wh..opq";
constexpr std::string_view kAufs = ".wh..wh.";     // aufs' own files, of no meaning elsewhere
constexpr std::uint64_t kLargestId = 0xffff'fffe;  // -1 means "leave" to chown

// Stops a bomb: too many bytes, or far more than their compressed form suggests.
class LimitStream : public Stream {
 public:
  LimitStream(Stream& below, const CountStream& compressed, const ExtractLimits& limits)
      : below_(below), compressed_(compressed), limits_(limits) {}

  Result<Bytes> next() override {
    const Bytes bytes = TRY(below_.next());
    count_ += bytes.size();
    if (count_ > limits_.bytes)
      return Error::invalid(fmt::format("archive is larger than {} bytes", limits_.bytes));
    if (count_ > limits_.ratio_floor && count_ / limits_.ratio > compressed_.count())
      return Error::invalid(fmt::format("archive of {} bytes unpacks to more than {} times that",
                                        compressed_.count(), limits_.ratio));
    return bytes;
  }

 private:
  Stream& below_;
  const CountStream& compressed_;
  const ExtractLimits& limits_;
  std::uint64_t count_ = 0;
};

// Decides what each entry of a layer means.
class LayerWriter {
 public:
  LayerWriter(const sys::Fd& root, const ExtractOptions& options, TarReader& reader)
      : options_(options), reader_(reader), tree_(root, options.privilege) {}

  Result<> write(const TarEntry& entry);
  Result<> finish() { return tree_.finish(); }
  [[nodiscard]] std::uint64_t content_bytes() const { return content_bytes_; }

 private:
  Result<> check(const TarEntry& entry);
  Result<> write_marker(const LayerPath& path, const TarEntry& entry);
  Result<> write_entry(const LayerPath& path, const TarEntry& entry);

  const ExtractOptions& options_;
  TarReader& reader_;
  TreeWriter tree_;
  std::uint64_t content_bytes_ = 0;
};

Error refused(const TarEntry& entry, const char* why) {
  return Error::invalid(fmt::format("archive entry {} {}", quote(entry.name), why));
}

enum class Place { Plain, Marker, Ignored, Refused };

// Whether a path is a deletion's marker. A marker has no children: one as parent is an
// attempt to confuse, but for aufs' own directories, which docker skips.
Place classify(const LayerPath& path) {
  std::string_view rest = path.parent();
  for (const std::string_view piece : split(rest, '/')) {
    if (piece.starts_with(kAufs)) return Place::Ignored;
    if (piece.starts_with(kWhiteout)) return Place::Refused;
  }
  const std::string_view name = path.name();
  if (!name.starts_with(kWhiteout)) return Place::Plain;
  if (name == kOpaque) return Place::Marker;
  if (name.starts_with(kAufs)) return Place::Ignored;
  const std::string_view removed = name.substr(kWhiteout.size());
  const bool names_nothing = removed.empty() || removed == "." || removed == "..";
  return names_nothing ? Place::Refused : Place::Marker;
}

Result<> LayerWriter::check(const TarEntry& entry) {
  if (entry.uid > kLargestId || entry.gid > kLargestId) return refused(entry, "has no valid owner");
  for (const auto& [name, value] : entry.xattrs) {
    if (value.size() > options_.limits.xattr_bytes) return refused(entry, "has too large an xattr");
  }
  content_bytes_ += entry.size;
  // Sparse files claim sizes that no byte of the archive backs.
  if (content_bytes_ > options_.limits.bytes) return refused(entry, "is larger than allowed");
  return {};
}

Result<> LayerWriter::write(const TarEntry& entry) {
  TRY(check(entry));
  const LayerPath path = TRY(LayerPath::parse(entry.name, options_.limits));
  if (path.is_root()) {
    if (entry.type != '5') return refused(entry, "would replace the layer's root");
    return tree_.make_directory(path, entry);
  }
  switch (classify(path)) {
    case Place::Ignored: return {};
    case Place::Refused: return refused(entry, "is an invalid whiteout");
    case Place::Marker: return write_marker(path, entry);
    case Place::Plain: break;
  }
  return write_entry(path, entry);
}

Result<> LayerWriter::write_marker(const LayerPath& path, const TarEntry& entry) {
  if (options_.whiteouts == Whiteouts::Literal) {
    TarEntry marker;
    marker.name = entry.name;
    return tree_.write_file(path, marker, reader_);
  }
  const std::string_view name = path.name();
  if (name == kOpaque) return tree_.mark_opaque(path.parent());
  return tree_.make_whiteout(path, std::string(name.substr(kWhiteout.size())));
}

Result<> LayerWriter::write_entry(const LayerPath& path, const TarEntry& entry) {
  switch (entry.type) {
    case '0': return tree_.write_file(path, entry, reader_);
    case '1': {
      const LayerPath target = TRY(LayerPath::parse(entry.link, options_.limits));
      return tree_.make_hard_link(path, target);
    }
    case '2': return tree_.make_symlink(path, entry);
    case '5': return tree_.make_directory(path, entry);
    default: break;
  }
  if (entry.type == '3' && entry.major == 0 && entry.minor == 0)
    return refused(entry, "is overlayfs' whiteout device, not a layer's");
  if (entry.type != '6' && options_.privilege == ExtractOptions::Privilege::User)
    return refused(entry, "is a device, which takes root");
  return tree_.make_node(path, entry);
}

// Modes come from the archive alone.
class Umask {
 public:
  Umask() : before_(::umask(0)) {}
  ~Umask() { ::umask(before_); }
  Umask(const Umask&) = delete;
  Umask& operator=(const Umask&) = delete;

 private:
  mode_t before_;
};

}  // namespace

Result<ExtractStats> extract(Stream& input, const sys::Fd& directory,
                             const ExtractOptions& options) {
  const Umask umask;
  CountStream compressed(input);
  const auto plain = TRY(decompress(compressed));
  LimitStream limited(*plain, compressed, options.limits);
  HashStream hashed(limited);
  TarReader reader(hashed, options.limits.extended_header_bytes);
  LayerWriter writer(directory, options, reader);

  ExtractStats stats;
  for (;;) {
    const auto entry = TRY(reader.next());
    if (!entry) break;
    if (++stats.entries > options.limits.entries)
      return Error::invalid(
          fmt::format("archive has more than {} entries", options.limits.entries));
    TRY(writer.write(*entry));
  }
  TRY(reader.drain());
  TRY(writer.finish());
  stats.diff_id = hashed.digest();
  stats.compressed_bytes = compressed.count();
  stats.uncompressed_bytes = hashed.count();
  stats.content_bytes = writer.content_bytes();
  return stats;
}

}  // namespace wherry::archive
