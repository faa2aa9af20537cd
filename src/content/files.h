// Where the content store keeps what, and the few calls that make it durable.
#pragma once

#include <string>

#include "base/digest.h"
#include "base/result.h"
#include "sys/fd.h"

namespace wherry::content {

// The two directories of a store. Names below them come from Digest::hex() only.
struct Directories {
  sys::Fd blobs;   // blobs/sha256
  sys::Fd ingest;  // ingest
};

// Makes what is missing, 0700.
Result<Directories> open_directories(const std::string& root);
Result<> sync_directory(const sys::Fd& directory);
// fsync of one file; a failure is final, the pages may be dropped already (never retried).
Result<> sync_file(const sys::Fd& file);
// Everything of the file system that `directory` is on.
Result<> sync_file_system(const sys::Fd& directory);
std::string name_of(const Digest& digest);

}  // namespace wherry::content
