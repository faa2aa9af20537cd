#include "content/store.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <unordered_set>

#include "archive/stream.h"
#include "base/check.h"
#include "content/files.h"
#include "sys/directory.h"

namespace wherry::content {
namespace {

constexpr int kReadFlags = O_RDONLY | O_NOFOLLOW;

bool exists(const sys::Fd& directory, const Digest& digest) {
  return ::faccessat(directory.get(), name_of(digest).c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

Error wrong_size(const Expected& expected, std::uint64_t found) {
  return Error::invalid(
      fmt::format("size of {} is {}, expected {}", expected.digest.str(), found, *expected.size));
}

// Calls `use`(digest, status) for each name that is a digest.
template <class Use>
Result<> for_each_file(const sys::Fd& directory, const Use& use) {
  const sys::Directory stream = TRY(sys::open_directory(directory));
  while (const dirent* entry = ::readdir(stream.get())) {
    const auto digest = Digest::from_hex(entry->d_name);
    struct stat status{};
    if (!digest || ::fstatat(directory.get(), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) < 0)
      continue;
    use(*digest, status);
  }
  return {};
}

}  // namespace

struct Store::State {
  Directories directories;
  std::mutex mutex;
  std::condition_variable_any writer_left;
  std::unordered_set<Digest> writing;

  void leave(const Digest& digest) {
    const std::lock_guard lock(mutex);
    writing.erase(digest);
    writer_left.notify_all();
  }
  Result<> enter(const Digest& digest, const std::stop_token& stop);
};

Result<> Store::State::enter(const Digest& digest, const std::stop_token& stop) {
  std::unique_lock lock(mutex);
  const bool free = writer_left.wait(lock, stop, [&] { return !writing.contains(digest); });
  if (!free) return Error(ErrorKind::Cancelled, "cancelled");
  writing.insert(digest);
  return {};
}

struct Ingest::State {
  State(std::shared_ptr<Store::State> owner, Expected wanted)
      : store(std::move(owner)), expected(std::move(wanted)) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    // Nothing to resume: no empty file stays behind.
    if (file && !finished && offset == 0) ::unlinkat(directory().get(), name().c_str(), 0);
    store->leave(expected.digest);
  }

  [[nodiscard]] std::string name() const { return name_of(expected.digest); }
  [[nodiscard]] const sys::Fd& directory() const { return store->directories.ingest; }
  Result<> open();
  Result<> hash_existing();
  Result<> discard();

  std::shared_ptr<Store::State> store;
  Expected expected;
  sys::Fd file;
  archive::Sha256 hash;
  std::uint64_t offset = 0;
  bool finished = false;
};

Result<> Ingest::State::open() {
  file = TRY(sys::open_at(directory(), name().c_str(), O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
  return hash_existing();
}

// What an earlier attempt left is hashed, not trusted. After a power cut it may end in zeros;
// then the digest differs at the end, and the file is deleted.
Result<> Ingest::State::hash_existing() {
  archive::FdStream existing(file);
  for (;;) {
    const archive::Bytes bytes = TRY(existing.next());
    if (bytes.empty()) break;
    hash.update(bytes);
    offset += bytes.size();
  }
  if (!expected.size || offset <= *expected.size) return {};
  return discard();
}

Result<> Ingest::State::discard() {
  if (::ftruncate(file.get(), 0) < 0 || ::lseek(file.get(), 0, SEEK_SET) < 0)
    return Error::from_errno(errno, "empty partial download");
  hash = archive::Sha256();
  offset = 0;
  finished = false;
  return {};
}

Ingest::Ingest(std::unique_ptr<State> state) : state_(std::move(state)) {}
Ingest::Ingest(Ingest&&) noexcept = default;
Ingest& Ingest::operator=(Ingest&&) noexcept = default;
Ingest::~Ingest() = default;

const Digest& Ingest::digest() const {
  return state_->expected.digest;
}
std::uint64_t Ingest::offset() const {
  return state_->offset;
}
bool Ingest::finished() const {
  return state_->finished;
}
Result<> Ingest::restart() {
  return state_->discard();
}

Result<> Ingest::write(std::string_view bytes) {
  CHECK(!state_->finished);
  const std::uint64_t end = state_->offset + bytes.size();
  if (state_->expected.size && end > *state_->expected.size) {
    TRY(state_->discard());
    return wrong_size(state_->expected, end);
  }
  TRY_AS(fmt::format("store {}", digest().str()), sys::write_all(state_->file, bytes));
  state_->hash.update(bytes);
  state_->offset = end;
  return {};
}

Result<sys::Fd> Ingest::open_partial() const {
  return sys::open_at(state_->directory(), state_->name().c_str(), kReadFlags);
}

Result<> Ingest::finish() {
  CHECK(!state_->finished);
  const std::uint64_t size = state_->offset;
  const Digest found = state_->hash.finish();
  const bool right_size = !state_->expected.size || *state_->expected.size == size;
  if (right_size && found == state_->expected.digest) {
    state_->finished = true;
    return {};
  }
  TRY(state_->discard());
  if (!right_size) return wrong_size(state_->expected, size);
  return Error::invalid(
      fmt::format("digest of {} bytes is {}, expected {}", size, found.str(), digest().str()));
}

Store::Store(std::shared_ptr<State> state) : state_(std::move(state)) {}
Store::~Store() = default;

Result<std::unique_ptr<Store>> Store::open(const std::string& root) {
  auto state = std::make_shared<State>();
  state->directories = TRY_AS("content store", open_directories(root));
  return std::unique_ptr<Store>(new Store(std::move(state)));
}

Result<std::optional<Ingest>> Store::begin(const Expected& expected, const std::stop_token& stop) {
  TRY(state_->enter(expected.digest, stop));
  auto state = std::make_unique<Ingest::State>(state_, expected);  // leaves when destroyed
  if (has(expected.digest)) return std::nullopt;
  TRY_AS(fmt::format("store {}", expected.digest.str()), state->open());
  return Ingest(std::move(state));
}

Result<> Store::publish(std::span<Ingest> finished) {
  if (finished.empty()) return {};
  const Directories& directories = state_->directories;
  if (finished.size() == 1) {
    TRY(sync_file(finished[0].state_->file));
  } else {
    TRY(sync_file_system(directories.ingest));
  }
  for (const Ingest& ingest : finished) {
    CHECK(ingest.state_ && ingest.state_->finished && ingest.state_->store == state_);
    const std::string name = ingest.state_->name();
    if (::renameat(directories.ingest.get(), name.c_str(), directories.blobs.get(), name.c_str()) <
        0)
      return Error::from_errno(errno, fmt::format("publish {}", ingest.digest().str()));
  }
  return sync_directory(directories.blobs);
}

Result<Digest> Store::put(std::string_view bytes) {
  const Digest digest = archive::Sha256::of(bytes);
  auto ingest = TRY(begin({digest, bytes.size()}, {}));
  if (!ingest) return digest;
  TRY(ingest->restart());
  TRY(ingest->write(bytes));
  TRY(ingest->finish());
  TRY(publish(std::span(&*ingest, 1)));
  return digest;
}

bool Store::has(const Digest& digest) const {
  return !digest.empty() && exists(state_->directories.blobs, digest);
}

Result<sys::Fd> Store::open_blob(const Digest& digest) const {
  if (!has(digest)) return Error::not_found(fmt::format("blob {} not found", digest.str()));
  return sys::open_at(state_->directories.blobs, name_of(digest).c_str(), kReadFlags);
}

Result<BlobInfo> Store::info(const Digest& digest) const {
  const sys::Fd file = TRY(open_blob(digest));
  struct stat status{};
  if (::fstat(file.get(), &status) < 0) return Error::from_errno(errno, "stat blob");
  return BlobInfo{digest, static_cast<std::uint64_t>(status.st_size), status.st_mtime};
}

Result<std::string> Store::read_small(const Digest& digest, std::size_t limit) const {
  const sys::Fd file = TRY(open_blob(digest));
  std::string bytes = TRY_AS(fmt::format("blob {}", digest.str()), sys::read_all(file, limit));
  if (archive::Sha256::of(bytes) != digest)
    return Error::internal(fmt::format("blob {} is damaged", digest.str()));
  return bytes;
}

Result<bool> Store::verify(const Digest& digest) const {
  const sys::Fd file = TRY(open_blob(digest));
  archive::FdStream stream(file);
  archive::HashStream hashed(stream);
  while (!TRY(hashed.next()).empty()) {
  }
  return hashed.digest() == digest;
}

Result<> Store::remove(const Digest& digest) {
  if (digest.empty()) return {};
  const int code = ::unlinkat(state_->directories.blobs.get(), name_of(digest).c_str(), 0);
  if (code < 0 && errno != ENOENT)
    return Error::from_errno(errno, fmt::format("remove blob {}", digest.str()));
  return {};
}

Result<std::vector<BlobInfo>> Store::list() const {
  std::vector<BlobInfo> blobs;
  TRY(for_each_file(
      state_->directories.blobs, [&](const Digest& digest, const struct stat& status) {
        blobs.push_back({digest, static_cast<std::uint64_t>(status.st_size), status.st_mtime});
      }));
  return blobs;
}

Result<std::uint64_t> Store::remove_partials(std::int64_t before_unix_seconds) {
  std::uint64_t freed = 0;
  const sys::Fd& ingest = state_->directories.ingest;
  TRY(for_each_file(ingest, [&](const Digest& digest, const struct stat& status) {
    const std::lock_guard lock(state_->mutex);
    if (state_->writing.contains(digest) || status.st_mtime >= before_unix_seconds) return;
    if (::unlinkat(ingest.get(), name_of(digest).c_str(), 0) == 0)
      freed += static_cast<std::uint64_t>(status.st_size);
  }));
  return freed;
}

}  // namespace wherry::content
