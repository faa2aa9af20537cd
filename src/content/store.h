// The content store: blobs named by their sha256 in <root>/blobs/sha256/<hex>, files 0600 in
// directories 0700. A blob that is there is complete, verified and durable: it is written as
// <root>/ingest/<hex>, hashed while written, and renamed into place only by publish(), after
// its data reached the disk. An ingest that was cut short stays and is resumed.
// Safe from any thread; two engines never share a root (the data root's lock).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "archive/sha256.h"
#include "base/digest.h"
#include "base/result.h"
#include "sys/fd.h"

namespace wherry::content {

struct Expected {
  Digest digest;
  std::optional<std::uint64_t> size;  // known from a descriptor; checked as well
};

class Store;

// The right to write one digest; one holder at a time per digest. Destroying it without
// finish() keeps the partial file, so that the next begin() resumes behind it.
class Ingest {
 public:
  Ingest(Ingest&&) noexcept;
  Ingest& operator=(Ingest&&) noexcept;
  ~Ingest();

  [[nodiscard]] const Digest& digest() const;
  // Bytes on disk and hashed; a download goes on from here ("Range: bytes=<offset>-"). Equal
  // to the expected size where an earlier attempt got all bytes: then call finish().
  [[nodiscard]] std::uint64_t offset() const;
  // Appends. InvalidArgument once more than the expected size would be written.
  Result<> write(std::string_view bytes);
  // Drops what is there: for a server that ignored the range.
  Result<> restart();
  // A read descriptor of its own at offset 0, for archive::Unpacker with Input::Growing.
  [[nodiscard]] Result<sys::Fd> open_partial() const;
  // No more bytes. A wrong size or digest is InvalidArgument naming both values; what was
  // written is dropped and offset() is 0 again. Success: ready for Store::publish.
  Result<> finish();
  [[nodiscard]] bool finished() const;

 private:
  friend Store;
  struct State;
  explicit Ingest(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

struct BlobInfo {
  Digest digest;
  std::uint64_t size = 0;
  std::int64_t modified_unix_seconds = 0;
};

class Store {
 public:
  // Creates the directories (0700) below `root` where they are missing.
  static Result<std::unique_ptr<Store>> open(const std::string& root);
  ~Store();

  // The right to write `expected`, or nullopt if the blob is there. While another thread
  // ingests the same digest this blocks until it published or gave up; Cancelled by `stop`.
  Result<std::optional<Ingest>> begin(const Expected& expected, const std::stop_token& stop);

  // Makes finished ingests durable and visible, in the order of the commit rule: data (fsync
  // of one file, syncfs for several), rename, directory fsync. The caller's database record
  // comes after. Either all are visible on success, or an Error.
  Result<> publish(std::span<Ingest> finished);
  // begin + write + finish + publish of bytes in memory: manifests and configs.
  Result<Digest> put(std::string_view bytes);

  [[nodiscard]] bool has(const Digest& digest) const;
  // O_RDONLY; NotFound names the digest. The bytes were verified when they were published.
  [[nodiscard]] Result<sys::Fd> open_blob(const Digest& digest) const;
  [[nodiscard]] Result<BlobInfo> info(const Digest& digest) const;
  // The whole of a small blob, hashed again on the way; InvalidArgument past `limit`,
  // Internal "blob ... is damaged" where the bytes no longer match.
  [[nodiscard]] Result<std::string> read_small(const Digest& digest, std::size_t limit) const;
  // Reads all of it: false where the bytes no longer match their name.
  [[nodiscard]] Result<bool> verify(const Digest& digest) const;
  // A missing blob is success. Open descriptors stay readable.
  Result<> remove(const Digest& digest);
  [[nodiscard]] Result<std::vector<BlobInfo>> list() const;

  // Removes the partial downloads that nobody writes now and that were last written before
  // the given time. Returns the bytes freed.
  Result<std::uint64_t> remove_partials(std::int64_t before_unix_seconds);

 private:
  friend Ingest;
  struct State;
  explicit Store(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

}  // namespace wherry::content
