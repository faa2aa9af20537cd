// Reading directories.
#pragma once

#include <dirent.h>

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "sys/fd.h"

namespace wherry::sys {

struct DirectoryCloser {
  void operator()(DIR* directory) const { ::closedir(directory); }
};
// An open directory stream that closes itself.
using Directory = std::unique_ptr<DIR, DirectoryCloser>;

// A stream over `directory` from its beginning, with a descriptor of its own.
Result<Directory> open_directory(const Fd& directory);
// The names in it but "." and "..", in no order.
Result<std::vector<std::string>> names_in(const Fd& directory);

}  // namespace wherry::sys
