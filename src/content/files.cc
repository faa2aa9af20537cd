#include "content/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>

#include "base/check.h"

namespace wherry::content {

Result<Directories> open_directories(const std::string& root) {
  const std::string blobs = root + "/blobs/sha256";
  const std::string ingest = root + "/ingest";
  TRY(sys::make_directories(blobs, 0700));
  TRY(sys::make_directories(ingest, 0700));
  constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
  return Directories{TRY(sys::open_at({}, blobs.c_str(), kFlags)),
                     TRY(sys::open_at({}, ingest.c_str(), kFlags))};
}

Result<> sync_directory(const sys::Fd& directory) {
  if (::fsync(directory.get()) < 0) return Error::from_errno(errno, "sync directory of blobs");
  return {};
}

Result<> sync_file(const sys::Fd& file) {
  if (::fdatasync(file.get()) < 0) return Error::from_errno(errno, "sync blob");
  return {};
}

Result<> sync_file_system(const sys::Fd& directory) {
  if (::syncfs(directory.get()) < 0) return Error::from_errno(errno, "sync file system of blobs");
  return {};
}

std::string name_of(const Digest& digest) {
  CHECK(!digest.empty());
  return std::string(digest.hex());
}

}  // namespace wherry::content
